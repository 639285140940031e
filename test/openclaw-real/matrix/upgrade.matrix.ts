/**
 * From files to rows: a state of 2026.4.26 is taken over by 2026.9.6 under the supervisor, whose gateway imports it at
 * its first start, and is killed on the way, each time that another piece of the new store has just appeared.
 */
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { signal } from '../harness/census.ts'
import { openLab } from '../harness/lab.ts'
import { until } from '../harness/until.ts'
import { note } from './table.ts'

const startMs = 240_000
const name = '2026.4.26 to 2026.9.6'
/** In the order in which the import makes them. */
const pieces = ['state/openclaw.sqlite', 'agents/main/agent/openclaw-agent.sqlite'] as const

const asked = (process.env['SUPERVISE_TEST_VERSIONS'] ?? '').trim()

test.runIf(asked === '' || asked.includes('upgrade'))(
  `${name}, killed ${pieces.length} times on the way`,
  async () => {
    await note(name, 'killed on the way', 'no')
    const before = await openLab('2026.4.26', 22)
    onTestFinished(async () => await before.close())
    const old = before.start()
    await before.ready(startMs)
    await before.turn('the question of the old days')
    process.kill(old.pid, 'SIGTERM')
    await old.ended

    const after = await openLab('2026.9.6', 24, {}, 'same as the gateway')
    onTestFinished(async () => await after.close())
    cpSync(join(before.place.stateDir, 'agents'), join(after.place.stateDir, 'agents'), { recursive: true })
    const index = join(after.sessionsDir, 'sessions.json')
    writeFileSync(index, readFileSync(index, 'utf8').replaceAll(before.place.stateDir, after.place.stateDir))
    expect(JSON.parse((await after.supervise('check', '--json')).stdout)).toMatchObject({ store: 'file' })

    const supervisor = after.start('supervise')
    for (const piece of pieces) {
      const caught = await until(`a gateway that has made ${piece}`, startMs, () => {
        const [gateway] = after.gateways()
        return existsSync(join(after.place.stateDir, piece)) && gateway
      })
      signal(caught, 'SIGKILL')
      await until('another one', startMs, () => after.gateways().some(({ pid }) => pid !== caught.pid))
    }
    await after.ready(startMs)
    const history = await after.history()
    expect(
      history.filter(({ role, text }) => role === 'user' && text.includes('the question of the old days')),
    ).toHaveLength(1)
    await after.turnAtLast('the question of the new days')
    const { messages } = await after.model.request(
      ({ prompt }) => prompt.includes('the question of the new days'),
      60_000,
      'the new question',
    )
    expect(JSON.stringify(messages)).toContain('the question of the old days')
    await note(name, 'killed on the way', 'yes')

    await note(name, 'consistent at the end', 'no')
    process.kill(supervisor.pid, 'SIGTERM')
    expect(await supervisor.ended).toEqual({ code: 0, signal: null })
    const { stdout } = await after.supervise('check', '--thorough', '--json')
    expect(JSON.parse(stdout)).toMatchObject({ store: 'sqlite', verdict: 'consistent' })
    // What was imported is archived by the gateway, not lost.
    expect(readdirSync(join(after.place.stateDir, 'agents/main'))).toContain('session-sqlite-import-archive')
    await note(name, 'consistent at the end', 'yes')
  },
)

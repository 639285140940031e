/** Each version, from a first start to sessions that were lost and came back. */
import { readdirSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { signal } from '../harness/census.ts'
import { openLab, type Lab, type Started } from '../harness/lab.ts'
import { until } from '../harness/until.ts'
import { doesNotApply, versions, type OfVersion } from './rows.ts'
import { note } from './table.ts'

const asked = (process.env['SUPERVISE_TEST_VERSIONS'] ?? '').split(' ').filter((word) => word !== '')
const startMs = 240_000

describe.each(versions.filter(({ version }) => asked.length === 0 || asked.includes(version)))(
  '$version',
  ({ version, node, store, restarts }) => {
    let lab: Lab
    let supervisor: Started
    const scenario = (name: OfVersion, play: () => Promise<void>): void =>
      test.runIf(doesNotApply(name, store) === undefined)(name, async () => {
        await note(version, name, 'no')
        await play()
        await note(version, name, 'yes')
      })
    const questions = async (): Promise<string[]> =>
      (await lab.history()).filter(({ role }) => role === 'user').map(({ text }) => text)
    const expectAsked = async (question: string): Promise<void> =>
      expect((await questions()).join('\n')).toContain(question)
    /** The next turn sees what was said before. */
    const expectRemembered = async (earlier: string, now: string): Promise<void> => {
      await lab.turnAtLast(now)
      const { messages } = await lab.model.request(({ prompt }) => prompt.includes(now), 60_000, now)
      expect(JSON.stringify(messages)).toContain(earlier)
    }
    const stop = async (): Promise<void> => {
      process.kill(supervisor.pid, 'SIGTERM')
      expect(await supervisor.ended).toEqual({ code: 0, signal: null })
    }

    beforeAll(async () => {
      lab = await openLab(version, node, {}, 'same as the gateway')
    })
    afterAll(async () => await lab.close())

    scenario('start to ready', async () => {
      supervisor = lab.start('supervise')
      await lab.ready(startMs)
      await lab.turn('the first question')
      await expectAsked('the first question')
      const { state, child } = await lab.status()
      expect(child?.version).toBe(version)
      expect(state?.verdict).toBe('consistent')
    })

    scenario('its own restart', async () => {
      const [before] = lab.gateways()
      signal(before!, restarts)
      await lab.ready(startMs, before)
      expect(lab.gateways()).toHaveLength(1)
      const { budgets, lastExit } = await lab.status()
      expect(budgets.crashes.spent).toBe(0)
      expect(lastExit).toMatchObject({ why: 'gateway-asked' })
    })

    scenario('killed idle', async () => {
      const [before] = lab.gateways()
      signal(before!, 'SIGKILL')
      await lab.ready(startMs, before)
      await expectRemembered('the first question', 'the second question')
    })

    scenario('killed in a turn', async () => {
      const [before] = lab.gateways()
      const turn = lab.turn('hold:kill the third question').catch(() => undefined)
      await lab.model.request(({ prompt }) => prompt.includes('the third question'), 60_000, 'the third')
      signal(before!, 'SIGKILL')
      await turn
      await lab.ready(startMs, before)
      await expectAsked('the second question')
      await expectRemembered('the first question', 'the fourth question')
    })

    scenario('stopped in a turn', async () => {
      const turn = lab.turn('hold:stop the fifth question').catch(() => undefined)
      await lab.model.request(({ prompt }) => prompt.includes('the fifth question'), 60_000, 'the fifth')
      process.kill(supervisor.pid, 'SIGTERM')
      await until('it drains', 30_000, async () => (await lab.status()).phase === 'stopping')
      lab.model.release()
      expect(await supervisor.ended).toEqual({ code: 0, signal: null })
      await turn
      expect(lab.gateways()).toEqual([])
    })

    /** Of a stopped gateway; a supervisor is started on what is left, and everything that was said is there. */
    const expectBackAfter = async (damage: () => void, next: string): Promise<void> => {
      damage()
      supervisor = lab.start('supervise')
      await lab.ready(startMs)
      await expectAsked('the fourth question')
      await expectRemembered('the first question', next)
    }

    scenario('index emptied', () =>
      expectBackAfter(() => truncateSync(join(lab.sessionsDir, 'sessions.json')), 'the sixth question'),
    )

    scenario('database emptied', () =>
      expectBackAfter(
        () => truncateSync(join(lab.place.stateDir, 'agents/main/agent/openclaw-agent.sqlite')),
        'the sixth question',
      ),
    )

    scenario('consistent at the end', async () => {
      await stop()
      const { stdout, code } = await lab.supervise('check', '--thorough', '--json')
      expect(JSON.parse(stdout)).toMatchObject({ store, verdict: 'consistent', gatewayRunning: false })
      expect(code).toBe(0)
      expect(readdirSync(lab.place.stateDir)).toContain('supervise')
    })
  },
)

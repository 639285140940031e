/**
 * The gateway of 2026.9.6, whose sessions are rows, under the program under test: what a user sees after a restart of
 * its own, after kill -9 in the middle of a turn, and after damage that the gateway alone would refuse for ever, or
 * answer with an empty history.
 */
import { execFileSync } from 'node:child_process'
import { truncateSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { signal } from './harness/census.ts'
import { main, openLab, type Lab, type Started } from './harness/lab.ts'
import { until } from './harness/until.ts'

const startMs = 150_000
let lab: Lab
let supervisor: Started
const agentStore = (): string => join(lab.place.stateDir, 'agents/main/agent/openclaw-agent.sqlite')

const asked = async (): Promise<string[]> =>
  (await lab.history()).filter(({ role }) => role === 'user').map(({ text }) => text)

async function stop(): Promise<void> {
  process.kill(supervisor.pid, 'SIGTERM')
  expect(await supervisor.ended).toEqual({ code: 0, signal: null })
}

beforeAll(async () => {
  lab = await openLab('2026.9.6', 24, {}, 'same as the gateway')
}, 660_000)
afterAll(async () => await lab.close(), 60_000)

test(
  'a restart that it asks for itself: one gateway before, one after, no crash counted',
  async () => {
    supervisor = lab.start('supervise')
    const first = await lab.ready(startMs)
    await lab.turn('the first question')
    signal(first, 'SIGUSR2')
    await lab.ready(startMs, first)
    await until('the status says so', 10_000, async () => (await lab.status()).ready)
    const { lastExit, budgets, child } = await lab.status()
    expect(lastExit).toMatchObject({ exit: { by: 'code', code: 0 }, why: 'gateway-asked' })
    expect(lastExit?.detail).toContain('restart')
    expect(budgets.crashes.spent).toBe(0)
    expect(child?.version).toBe('2026.9.6')
    expect(lab.gateways()).toHaveLength(1)
  },
  3 * startMs,
)

test(
  'kill -9 in the middle of a turn: the history is there, and the next turn sees it',
  async () => {
    const [running] = lab.gateways()
    const turn = lab.turn('hold:this one is cut off').catch(() => undefined)
    await lab.model.request(({ prompt }) => prompt.includes('hold:this'), 60_000, 'the cut-off turn')
    signal(running!, 'SIGKILL')
    await turn
    await lab.ready(startMs, running)
    expect(await asked()).toEqual(expect.arrayContaining(['the first question']))
    await lab.turnAtLast('the second question')
    const { messages } = await lab.model.request(
      ({ prompt }) => prompt.includes('the second question'),
      30_000,
      'the second question',
    )
    expect(JSON.stringify(messages)).toContain('the first question')
  },
  3 * startMs,
)

test(
  'rows that point nowhere, and then no database at all: mended, restored, and the history is there',
  async () => {
    const before = await asked()
    await stop()
    const orphan = `const { DatabaseSync } = require('node:sqlite')
      const database = new DatabaseSync(process.argv[1], { enableForeignKeyConstraints: false })
      database.exec("INSERT INTO transcript_events (session_id, seq, event_json, created_at) VALUES ('nobody', 1, '{}', 1)")
      database.close()`
    execFileSync(lab.node, ['--no-warnings', '-e', orphan, agentStore()])
    expect(JSON.parse((await lab.supervise('check', '--thorough', '--json')).stdout)).toMatchObject({
      store: 'sqlite',
      version: '2026.9.6',
      schema: { state: 18, agent: 23 },
      verdict: 'repairable',
      findings: [{ kind: 'db-orphan-rows' }],
    })
    expect((await lab.supervise('repair')).code).toBe(0)
    truncateSync(agentStore())
    supervisor = lab.start('supervise')
    await lab.ready(startMs)
    expect(supervisor.said()).toContain('db-empty-or-missing')
    expect(await asked()).toEqual(before)
    await lab.turnAtLast('the third question')
    expect(await lab.sessions()).toContain(main)
    await stop()
  },
  3 * startMs,
)

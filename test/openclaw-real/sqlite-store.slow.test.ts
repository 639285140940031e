/**
 * The gateway of 2026.9.6, whose sessions are rows, under the program under test: what a user sees after a restart of
 * its own, after kill -9 in the middle of a turn, and after damage that the gateway alone would refuse for ever, or
 * answer with an empty history.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { truncateSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { signal, type Seen } from './harness/census.ts'
import { main, openLab, type Lab, type Started } from './harness/lab.ts'

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
  'it starts, and takes a turn',
  async () => {
    supervisor = lab.start('supervise')
    await lab.ready(startMs)
    await lab.turn('the first question')
  },
  2 * startMs,
)

/** As an operator's shell would: the command is not told who supervises. */
const command = (...words: string[]): ChildProcess =>
  spawn(lab.node, [lab.openclaw.entry, ...words], {
    cwd: lab.place.root,
    env: lab.place.env,
    stdio: 'ignore',
  })

// Each leaves a hand-off that nobody consumes, and the next one finds it there.
test.each([
  ['SIGUSR2', async (gateway: Seen) => signal(gateway, 'SIGUSR2')],
  [
    'an edit of its configuration',
    async () => {
      const path = join(lab.place.stateDir, 'openclaw.json')
      const config = JSON.parse(await readFile(path, 'utf8')) as { gateway: object }
      const gateway = { ...config.gateway, controlUi: { basePath: '/elsewhere' } }
      await writeFile(path, JSON.stringify({ ...config, gateway }, null, 2))
    },
  ],
  // It waits for the next gateway, and would outlive this test.
  ['`openclaw gateway restart`', async () => void command('gateway', 'restart')],
])(
  'a restart by %s: one gateway before, one after, no crash counted',
  async (_, ask) => {
    const first = await lab.readyUnderSupervision(startMs)
    let most = 0
    let before: readonly Seen[] = []
    const census = setInterval(() => {
      const now = lab.gateways()
      // What a gateway starts bears its name for an instant, between its fork and its exec.
      most = Math.max(most, now.filter(({ pid }) => before.some((seen) => seen.pid === pid)).length)
      before = now
    }, 50)
    try {
      await ask(first)
      await lab.readyUnderSupervision(startMs, first)
    } finally {
      clearInterval(census)
    }
    expect(most).toBe(1)
    const { lastExit, budgets, child } = await lab.status()
    expect(lastExit).toMatchObject({ exit: { by: 'code', code: 0 }, why: 'gateway-asked', wasReady: true })
    expect(lastExit?.detail).toMatch(/^exit status 0: restart: (?!.*hand-off)/)
    expect(budgets.crashes.spent).toBe(0)
    expect(budgets.recoveries.spent).toBe(0)
    expect(child?.version).toBe('2026.9.6')
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

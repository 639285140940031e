/**
 * A real second process that writes without a pause, in the way of the gateway: commits, writes that are taken back,
 * checkpoints, a log that begins anew all the time. What is looked at meanwhile is never called damaged, and nothing of
 * ours is left; nor is what it leaves when it is killed in the middle.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { hasSqlite } from '../../src/host/sqlite.ts'
import { workshopIn } from '../../src/host/sqlite-workshop.ts'
import { inspect } from '../../src/recovery/inspect.ts'
import type { Site } from '../../src/recovery/site.ts'
import { state, type State } from './state.ts'

const agent = 'agents/main/agent/openclaw-agent.sqlite'
const installed = { version: '2026.9.6', schemaVersions: { state: 18, agent: 23 } }

const writes = (path: string): string => `
  const { DatabaseSync } = require('node:sqlite')
  const database = new DatabaseSync(${JSON.stringify(path)})
  database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=10; PRAGMA busy_timeout=5000')
  const { session_id, seq } = database.prepare('SELECT session_id, max(seq) AS seq FROM transcript_events').get()
  const add = database.prepare('INSERT INTO transcript_events (session_id, seq, event_json, created_at) VALUES (?, ?, ?, ?)')
  let next = seq + 1
  let round = 0
  const say = () => (round++ === 0 ? process.stdout.write('.') : undefined)
  for (;;) {
    database.exec('BEGIN')
    for (let n = 0; n < 20; n++) add.run(session_id, next++, JSON.stringify({ type: 'custom', filler: 'x'.repeat(500 + (next % 3000)) }), 1)
    database.exec(round % 3 === 1 ? 'ROLLBACK' : 'COMMIT')
    if (round % 7 === 5) database.exec('DELETE FROM transcript_events WHERE seq > ' + (seq + 200))
    if (round % 4 === 2) database.exec('PRAGMA wal_checkpoint(' + ['PASSIVE', 'RESTART', 'TRUNCATE'][round % 3] + ')')
    say()
  }
`

async function writer(s: State): Promise<{ readonly pid: number; readonly kill: () => Promise<void> }> {
  const child = spawn(process.execPath, ['--no-warnings', '-e', writes(s.at(agent))], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await ended
  }
  onTestFinished(kill)
  await once(child.stdout, 'data')
  return { pid: child.pid!, kill }
}

const siteOf = (s: State, more: Partial<Site> = {}): Site => {
  const databases = workshopIn(s.at('supervise/workshop'))
  return { ...s.site, installed, ...(databases && { databases }), ...more }
}
const questions = {
  depth: 'full',
  json: [],
  ask: { n: 'SELECT count(*) AS n FROM transcript_events' },
} as const

test.runIf(hasSqlite())('what is written meanwhile is never taken for damaged', async () => {
  const s = state('2026.9.6-killed-mid-run')
  const { pid, kill } = await writer(s)
  const site = siteOf(s, { liveGatewayPid: pid })
  const names = readdirSync(dirname(s.at(agent))).toSorted()
  let told = 0
  for (let round = 0; round < 20; round++) {
    expect((await inspect(site, { owed: 'another-boot' })).inspection).toMatchObject({
      store: 'sqlite',
      findings: [],
    })
    const seen = await site.databases!.look(s.at(agent), questions)
    if (seen.is === 'cannot-tell') continue
    expect(seen).toMatchObject({ is: 'read', damage: [], orphans: [] })
    told++
  }
  expect(told).toBeGreaterThan(0)
  await kill()
  expect(readdirSync(dirname(s.at(agent))).toSorted()).toEqual(names)
})

test.runIf(hasSqlite())('nor what it leaves when it is killed', async () => {
  const s = state('2026.9.6-killed-mid-run')
  for (let round = 0; round < 5; round++) {
    const { kill } = await writer(s)
    await new Promise((resolve) => setTimeout(resolve, round * 7))
    await kill()
    const { inspection } = await inspect(siteOf(s), { owed: 'another-boot' })
    expect(inspection).toMatchObject({ verdict: 'consistent', findings: [] })
  }
})

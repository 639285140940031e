/** The status file is judged by the identities in it, never by its age; what does not fit the schema is told apart. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, test } from 'vitest'
import { bootId, identityOf, ownIdentity, type Identity } from '../../src/host/process-table.ts'
import { judge, readStatusFile, type Status } from '../../src/supervisor/status.ts'
import type { Policy, State } from '../../src/lifecycle/lifecycle.ts'
import { fullBudgets } from '../../src/lifecycle/restart-policy.ts'
import { headline } from '../../src/supervisor/narration.ts'
import { carriedOver, changedBy, readinessOf, statusOf } from '../../src/supervisor/status-of.ts'
import { expectValid, isValid } from './schema.ts'

const folder = mkdtempSync(join(tmpdir(), 'supervise-status-'))
afterEach(() => rmSync(join(folder, 'status.json'), { force: true }))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const budget = { spent: 2, limit: 8, left: 6 }
const at = '2026-01-02T03:04:05.678Z'
const crash: Status['lastExit'] = {
  at,
  exit: { by: 'signal', signal: 'SIGKILL', coreDumped: false },
  why: 'crashed',
  detail: 'x',
  wasReady: true,
}
const running = (supervisor: Identity | null, child: Identity | null): Status => ({
  version: 1,
  phase: 'running',
  why: 'started',
  reason: 'started: first start',
  since: at,
  ready: true,
  readiness: { is: 'ready', since: at, evidence: 'seen', failing: [], suppressed: [] },
  child: child && { ...child, number: 3, startedAt: at, version: '2026.4.26' },
  lastReady: { at, version: '2026.4.26' },
  lastExit: crash,
  lastExits: [crash],
  lastRepairs: [{ id: 'r', at, findings: 1, keptBytes: 10 }],
  state: {
    at,
    store: 'file',
    version: null,
    schema: null,
    verdict: 'consistent',
    loses: 0,
    blocks: 0,
    benign: 1,
  },
  budgets: { crashes: budget, recoveries: budget, restarts: budget, contentions: budget, lastFailure: null },
  nextAttemptAt: null,
  hold: null,
  place: { stateDir: '/s', configPath: '/s/openclaw.json', port: 18789 },
  supervisor: supervisor && { ...supervisor, startedAt: at, version: '0.1.0' },
})
const own = ownIdentity()
const other = { ...own, startTicks: own.startTicks + 1 }
const earlierBoot = { ...own, bootId: 'another' }

test('a living supervisor is believed, however old the file', () => {
  const status = running(own, own)
  expect(judge(status)).toEqual(status)
  expectValid(status)
})

test.each([
  ['a pid that was given to another process', other],
  ['a pid of an earlier boot', earlierBoot],
  ['a pid that nobody has', { ...own, pid: 2 ** 22 + 1 }],
])('%s is nobody: gone, never running', (_, gone) => {
  const judged = judge(running(gone, gone))
  expect(judged).toMatchObject({ phase: 'gone', ready: false, supervisor: null, child: null })
  expect(judged.reason).toContain('the supervisor ended while running')
  expectValid(judged)
})

test('a zombie is nobody', async () => {
  const parent = spawn('/bin/sh', ['-c', 'sleep 0.05 & echo $!; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  try {
    const pid = Number(await new Promise((resolve) => parent.stdout.once('data', resolve)))
    const who = identityOf(pid)!
    for (let tries = 0; judge(running(who, null)).supervisor !== null; tries++) {
      expect(tries).toBeLessThan(200)
      await new Promise((go) => setTimeout(go, 10))
    }
    expect(identityOf(pid)).toEqual(who)
  } finally {
    parent.kill('SIGKILL')
  }
})

test('a living child without its supervisor is an orphan, and said to be', () => {
  const judged = judge(running(other, own))
  expect(judged).toMatchObject({ phase: 'orphaned', ready: false, supervisor: null, child: { pid: own.pid } })
  expectValid(judged)
})

test('what ended in order stays as it ended', () => {
  for (const phase of ['stopped', 'held'] as const) {
    const judged = judge({ ...running(other, null), phase })
    expect(judged).toMatchObject({ phase, supervisor: null, child: null, ready: false })
  }
})

test.each([
  ['none', undefined],
  ['newer', '{"version":2,"phase":"running"}'],
  ['cannot-tell', '{"version":1,"phase":"run'],
  ['cannot-tell', '{"version":1}'],
  ['cannot-tell', '[]'],
  ['cannot-tell', '\0\0\0\0'],
  ['cannot-tell', 'x'.repeat(300_000)],
  ['known', JSON.stringify(running(own, null))],
])('a file read as %s', (is, text) => {
  const path = join(folder, 'status.json')
  if (text !== undefined) writeFileSync(path, text)
  expect(readStatusFile(path).is).toBe(is)
})

test('whatever is known is a status in every member, whatever else the file may hold', () => {
  const path = join(folder, 'status.json')
  const hold = { kind: 'state', evidence: 'x', command: null, canPass: false }
  const sound = { ...running(own, own), hold, nextAttemptAt: at }
  let refused = 0
  const walk = (value: object, within: (changed: unknown) => unknown): void => {
    for (const [name, member] of Object.entries(value)) {
      const put = (changed: unknown): unknown => within({ ...value, [name]: changed })
      for (const wrong of [undefined, null, -1, 'x', {}, [], true]) {
        const changed = put(wrong)
        writeFileSync(path, JSON.stringify(changed))
        const read = readStatusFile(path)
        if (read.is !== 'known') refused++
        // Of words, only that they are words is asked.
        else if (typeof wrong !== 'string') expectValid(judge(read.status))
      }
      if (typeof member === 'object' && member !== null && !Array.isArray(member)) walk(member, put)
    }
  }
  walk(sound, (changed) => changed)
  expect(refused).toBeGreaterThan(200)
})

test('a file of an earlier version, which kept one exit, is read with that one', () => {
  const path = join(folder, 'status.json')
  const { lastExits: _, ...earlier } = running(own, own)
  writeFileSync(path, JSON.stringify(earlier))
  expect(readStatusFile(path)).toEqual({ is: 'known', status: running(own, own) })
})

test('a status file torn at any byte is never taken for known', () => {
  const path = join(folder, 'status.json')
  const text = JSON.stringify(running(own, own))
  for (let length = 0; length < text.length; length++) {
    writeFileSync(path, text.slice(0, length))
    expect(readStatusFile(path).is, `${length}`).toBe('cannot-tell')
  }
})

test('(lifecycle.ts 8) what was spent is spent for the next supervisor, unless somebody looked at it', () => {
  const before = running(other, null)
  expect(carriedOver(before)).toMatchObject({ crashes: 2, recoveries: 2, restarts: 2, contentions: 2 })
  const hold = { kind: 'recovery', evidence: 'x', command: null, canPass: true }
  expect(carriedOver({ ...before, phase: 'held', hold }).crashes).toBe(2)
  expect(carriedOver({ ...before, phase: 'held', hold: { ...hold, kind: 'gateway-fails' } }).crashes).toBe(0)
  expect(carriedOver({ ...before, phase: 'stopped' }).crashes).toBe(0)
  expect(carriedOver(null).crashes).toBe(0)
})

test('budgets that are nonsense count as none spent, and end nothing', () => {
  const before = running(other, null)
  for (const spent of [-1, 1.5, Number.NaN, '7', null, {}])
    expect(
      carriedOver({ ...before, budgets: { ...before.budgets, crashes: { spent } as never } }).crashes,
    ).toBe(0)
  expect(carriedOver({ ...before, budgets: undefined as never }).crashes).toBe(0)
})

test('the schema refuses what must never be said: a pid below 2, an unknown phase, a signal that became a number', () => {
  const status = running(own, own)
  expect(isValid({ ...status, child: { ...status.child, pid: 1 } })).toBe(false)
  expect(isValid({ ...status, phase: 'dreaming' })).toBe(false)
  expect(isValid({ ...status, version: 2 })).toBe(false)
  expect(isValid({ ...status, lastExit: { ...status.lastExit, exit: { by: 'signal', code: 137 } } })).toBe(
    false,
  )
  expect(bootId()).toBe(own.bootId)
})

test('ready is the last thing seen of a gateway that runs, and the headline says what is wanting', () => {
  const now = Date.parse(at)
  const seen = (is: 'ready' | 'suppressed' | 'no-room', evidence: string) =>
    readinessOf({ is, evidence, failing: [], suppressed: [] }, now)
  const ready = changedBy(running(own, own), { readiness: seen('ready', 'it says so') })
  expect(ready.ready).toBe(true)
  expect(headline(ready)).toBe(`ready: pid ${own.pid}`)
  const suppressed = changedBy(ready, { readiness: seen('suppressed', 'keeps channels down: telegram') })
  expect(suppressed.ready).toBe(false)
  expect(headline(suppressed)).toBe('running, not fully ready: keeps channels down: telegram')
  expectValid(suppressed)
  expect(changedBy(ready, { readiness: seen('no-room', 'only 5 bytes are free') }).ready).toBe(false)
  expect(changedBy(ready, { phase: 'stopping' }).ready).toBe(false)
  const starting = changedBy(suppressed, { phase: 'starting', readiness: seen('ready', 'it says so') })
  expect(starting.ready).toBe(false)
  expect(changedBy(starting, { phase: 'running' }).ready).toBe(true)
})

test('a wait for the channels says so, and only while it lasts', () => {
  const now = Date.parse(at)
  const policy = { limits: { crashes: 8, recoveries: 8, restarts: 20, contentions: 8 } } as Policy
  const reason = { why: 'crashed', detail: 'killed by SIGKILL' } as const
  const waiting: State = {
    phase: 'backing-off',
    child: 3,
    run: 3,
    budgets: fullBudgets,
    reason,
    timeoutMs: 240_000,
  }
  const ended = (quietMs: number) => {
    const exit = { by: 'signal', signal: 'SIGKILL', coreDumped: false } as const
    return {
      type: 'exited',
      child: 3,
      exit,
      meaning: 'crash',
      cause: null,
      quietMs,
      now: 0,
      chance: 0,
    } as const
  }
  const told = (to: State, quietMs: number) => statusOf(to, ended(quietMs), undefined, true, policy, now)
  expect(told(waiting, 240_000)).toMatchObject({
    reason: 'crashed: killed by SIGKILL; a gateway started sooner would keep its channels down',
    nextAttemptAt: new Date(now + 240_000).toISOString(),
  })
  expect(told(waiting, 0).reason).toBe('crashed: killed by SIGKILL')
  expect(told({ ...waiting, phase: 'recovering', stop: false }, 240_000).reason).toBe(
    'crashed: killed by SIGKILL',
  )
})

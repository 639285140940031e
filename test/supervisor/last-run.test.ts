import { expect, test } from 'vitest'
import { fullBudgets } from '../../src/lifecycle/restart-policy.ts'
import type { Event, State } from '../../src/lifecycle/lifecycle.ts'
import { lastRunBefore, lastRunOf } from '../../src/supervisor/last-run.ts'
import type { Status } from '../../src/supervisor/status.ts'

const carried = { child: 1, run: 1, budgets: fullBudgets, reason: { why: 'started', detail: '' } } as const
const running: State = { ...carried, phase: 'running', readyAt: 1000 }
const exited = (now: number, meaning: 'crash' | 'restart-wanted' | 'refused' = 'crash') =>
  ({
    type: 'exited',
    child: 1,
    exit: { by: 'signal', signal: 'SIGSEGV', coreDumped: false },
    meaning,
    cause: null,
    quietMs: 0,
    now,
    chance: 0,
  }) satisfies Event

test.each([
  ['a crash at once', running, exited(1001), 'died-soon'],
  ['a crash within the minute of its resumption', running, exited(65_999), 'died-soon'],
  ['a crash after it', running, exited(66_000), 'lived'],
  ['a restart of its own', running, exited(1001, 'restart-wanted'), 'unknown'],
  ['a crash before it was ready', { ...carried, phase: 'starting', spawnedAt: 0 }, exited(1001), 'unknown'],
  ['an end that was ordered', { ...carried, phase: 'stopping' }, exited(1001), 'unknown'],
  ['a drain', { ...carried, phase: 'draining', readyAt: 1000, crash: false }, exited(2000), 'unknown'],
  [
    'a drain after a long run',
    { ...carried, phase: 'draining', readyAt: 1000, crash: true },
    exited(100_000),
    'lived',
  ],
] as const)('%s', (_name, from, event, is) => expect(lastRunOf(from, event)).toBe(is))

const since = '2026-11-22T12:00:00.000Z'
const now = Date.parse(since)
const before = { phase: 'running', since, supervisor: { bootId: 'b' } } as Status

test.each([
  ['both killed at once, a moment after ready', before, false, now + 64_000, 'died-soon'],
  ['nobody knows when', before, false, now + 65_000, 'unknown'],
  ['the clock was set back', before, false, now - 1, 'unknown'],
  ['it was still alive, and stopped by us', before, true, now + 1000, 'unknown'],
  [
    'the machine went down',
    { ...before, supervisor: { bootId: 'c' } } as Status,
    false,
    now + 1000,
    'unknown',
  ],
  ['its end was seen', { ...before, phase: 'recovering' }, false, now + 1000, 'unknown'],
  ['nothing before', null, false, now, 'unknown'],
] as const)('of an earlier supervisor: %s', (_name, status, isOrphan, at, is) =>
  expect(lastRunBefore(status, { bootId: 'b' }, isOrphan, at)).toBe(is),
)

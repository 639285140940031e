/** What an end means that nobody here asked for, by era. */
import { expect, test } from 'vitest'
import { meaningOf } from '../../src/openclaw/exits.ts'

const code = (n: number) => ({ by: 'code', code: n }) as const
const killed = { by: 'signal', signal: 'SIGKILL' } as const
const owns = 'StateDatabaseCoordinatorContentionError: another OpenClaw process owns gateway-lifecycle'

test.each([
  ['0 after it was ready, with nothing written', code(0), true, null, 'nothing', 'restart-wanted'],
  ['0 before it was ready, with nothing written', code(0), false, null, 'nothing', 'ended-early'],
  [
    '0 before it was ready, for another owner',
    code(0),
    false,
    'Gateway failed to start: gateway already running (pid 7)',
    'nothing',
    'gave-way',
  ],
  ['0 before it was ready, with a hand-off', code(0), false, null, 'restart', 'restart-wanted'],
  ["0 by a stranger's SIGTERM", code(0), false, null, 'stop', 'restart-wanted'],
  [
    '78 for a configuration',
    code(78),
    false,
    'existing config is missing gateway.mode',
    'nothing',
    'refused',
  ],
  ['78 for contention that passes', code(78), false, owns, 'nothing', 'gave-way'],
  ['1 for a port', code(1), false, 'another gateway instance is already listening', 'nothing', 'gave-way'],
  ['1 for damage', code(1), false, 'file is not a database', 'nothing', 'crash'],
  [
    '1 for a limit of its own',
    code(1),
    false,
    'Gateway failed to start: state lease heartbeat did not become ready (phase=startup, trigger=timeout, status=starting, elapsedMs=5048, timeoutMs=5000)',
    'nothing',
    'timed-out',
  ],
  ['a signal, whatever was written', killed, true, null, 'stop', 'crash'],
] as const)('%s', (_, exit, wasReady, cause, words, meaning) => {
  expect(meaningOf(exit, wasReady, cause, words)).toBe(meaning)
})

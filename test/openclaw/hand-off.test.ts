/** What OpenClaw's own commands for hand-offs are asked, and what their answers mean (2026.9.6, as it printed them). */
import { expect, test } from 'vitest'
import { consume, consumedOf, handOffArguments, whyNotOffered } from '../../src/openclaw/hand-off.ts'

test.each([
  [
    ['gateway', 'run'],
    ['gateway', 'restart-handoff', 'consume', '--expected-pid', '7', '--json'],
  ],
  [
    ['--no-warnings', '/opt/openclaw.mjs', '--profile', 'work', 'gateway', '--port', '1'],
    '--no-warnings /opt/openclaw.mjs --profile work gateway restart-handoff consume --expected-pid 7 --json'.split(
      ' ',
    ),
  ],
  [['-c', 'exec openclaw gateway run'], null],
])('%j is asked as %j', (args, asked) => {
  expect(handOffArguments(args, consume(7))).toEqual(asked)
})

const protocol = { ok: true, protocol: 'openclaw.gateway.restart-handoff', protocolVersion: 1 }
const printed = (answer: object): string => `${JSON.stringify(answer, null, 2)}\n`
const offered = printed({ ...protocol, operations: ['consume'] })

test.each([
  ['as printed', offered, true],
  ['after what it tells of its installation', `[postinstall] pruned { "a": 1 }\n${offered}`, true],
  ['no operations', printed(protocol), false],
  ['another operation', printed({ ...protocol, operations: ['watch'] }), false],
  ['another protocol', printed({ ...protocol, protocol: 'x', operations: ['consume'] }), false],
  ['a later protocol', printed({ ...protocol, protocolVersion: 2, operations: ['consume'] }), false],
  ['nothing', '', false],
  ['no JSON', 'error: unknown command', false],
  ['no object', '7\n', false],
  ['null', 'null', false],
])('what is offered: %s', (_, answer, is) => {
  expect(whyNotOffered(answer) === null).toBe(is)
})

test.each([
  [
    { ...protocol, status: 'accepted', handoff: { pid: 7, reason: 'why' } },
    { is: 'accepted', reason: 'why' },
  ],
  [
    { ...protocol, status: 'accepted', handoff: { pid: 7 } },
    { is: 'accepted', reason: null },
  ],
  [
    { ...protocol, status: 'none', reason: 'missing' },
    { is: 'refused', why: 'none, missing' },
  ],
  [
    { ...protocol, status: 'rejected', reason: 'expired', handoffPid: 7 },
    { is: 'refused', why: 'rejected, expired' },
  ],
  [
    { ...protocol, ok: false, status: 'error', reason: 'store-unavailable' },
    { is: 'refused', why: 'error, store-unavailable' },
  ],
  [
    { ...protocol, protocolVersion: 2, status: 'accepted' },
    { is: 'refused', why: 'no answer that is known here' },
  ],
])('%j means %j', (answer, means) => {
  expect(consumedOf(printed(answer))).toEqual(means)
})

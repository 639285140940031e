/** What the units say and what the program does are one contract, written down twice. */
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'

import { describe, expect, test } from 'vitest'

import { exitStatus, explained, finalStatuses } from '../../src/cli/exit-statuses.ts'
import { runFlags } from '../../src/cli/run.ts'
import { parseUnit, timeMs, words } from './unit-file.ts'

const unitAt = (path: string) =>
  parseUnit(readFileSync(new URL(`../../units/${path}`, import.meta.url), 'utf8'))
const system = unitAt('supervise-openclaw.service')
const user = unitAt('user/supervise-openclaw.service')

describe.each([
  ['system', system],
  ['user', user],
])('the %s unit', (_, unit) => {
  const numbers = (key: string) => words(unit, 'Service', key).map(Number)

  test('does not start again what starting again does not change', () => {
    expect(new Set(numbers('RestartPreventExitStatus'))).toEqual(new Set(finalStatuses))
  })

  test('starts again after every other end of `supervise run`', () => {
    expect(words(unit, 'Service', 'Restart')).toEqual(['always'])
    const ends = explained.run.map(([status]) => status).filter((status) => typeof status === 'number')
    expect(ends.filter((status) => !finalStatuses.includes(status))).toEqual([
      exitStatus.ok,
      exitStatus.defect,
      exitStatus.later,
    ])
  })

  test('counts a stop in the first instant as a success', () => {
    const { SIGHUP, SIGINT, SIGTERM } = constants.signals
    expect(numbers('SuccessExitStatus')).toEqual([SIGHUP, SIGINT, SIGTERM].map((signal) => 128 + signal))
  })

  test('waits longer for a stop than the supervisor does, and that waits as long as a gateway drains', () => {
    const seconds = (flag: 'stop-limit' | 'sweep-limit') => Number.parseInt(runFlags[flag].fallback, 10)
    expect(seconds('stop-limit')).toBeGreaterThanOrEqual(330)
    const longestMs = 1000 * (seconds('stop-limit') + 2 * seconds('sweep-limit'))
    expect(timeMs(unit, 'Service', 'TimeoutStopSec')).toBeGreaterThan(longestMs)
  })

  test('signals and hears the supervisor alone, and leaves nobody behind', () => {
    expect(words(unit, 'Service', 'KillMode')).toEqual(['mixed'])
    expect(words(unit, 'Service', 'Type')).toEqual(['notify'])
    expect(words(unit, 'Service', 'NotifyAccess')).toEqual(['main'])
    expect(timeMs(unit, 'Service', 'WatchdogSec')).toBeGreaterThan(0)
  })
})

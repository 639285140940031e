import { describe, expect, test } from 'vitest'
import { causeIn, logFilesOf } from '../../src/openclaw/gateway-log.ts'

/** As OpenClaw 2026.4.26 writes it, shortened. */
const line = (time: string, logLevelId: number, message: string): string =>
  JSON.stringify({ '0': message, _meta: { runtime: 'node', logLevelId }, time, message })
const since = Date.parse('2026-11-22T14:36:40Z')
const startup = line('2026-11-22T14:36:44.970+00:00', 3, 'starting...')
const failure = line(
  '2026-11-22T14:36:48.368+00:00',
  5,
  'Gateway failed to start: Error: Invalid config at /x/openclaw.json.\n<root>: Unrecognized key: "nonsense"\nRun "openclaw doctor --fix" to repair, then retry.',
)

describe('the cause in the log of the gateway', () => {
  test('is its last error, in one line, without the advice that archives live files', () => {
    expect(causeIn(`${startup}\n${failure}\n${startup}\n`, since)).toBe(
      'Gateway failed to start: Error: Invalid config at /x/openclaw.json. <root>: Unrecognized key: "nonsense"',
    )
  })
  test('is not what an earlier life said', () => {
    expect(causeIn(`${failure}\n`, Date.parse('2026-11-22T14:36:49Z'))).toBeNull()
    expect(causeIn(`${startup}\n`, since)).toBeNull()
  })
  test('is not what this one says of the lives before it', () => {
    const breaker = line(
      '2026-11-22T14:36:47.000+00:00',
      5,
      'gateway restart-loop breaker tripped: 4 unclean boot(s) within 300000ms; suppressing channel/provider account auto-start.',
    )
    expect(causeIn(`${startup}\n${breaker}\n`, since)).toBeNull()
  })
  test('torn at every byte, it is the same or nothing', () => {
    const text = `${startup}\n${failure}`
    const whole = causeIn(text, since)
    for (let end = 0; end < text.length; end++)
      expect([whole, null]).toContain(causeIn(text.slice(0, end), since))
  })
  test('stands where the configuration says, or under the day of this place', () => {
    const day = '2026-11-22'
    expect(logFilesOf({ configured: '/var/log/gateway.log', profile: 'work' }, day)).toEqual([
      '/var/log/gateway.log',
    ])
    expect(logFilesOf({ configured: null, profile: null }, day)).toEqual([
      '/tmp/openclaw/openclaw-2026-11-22.log',
    ])
    // The second: what is started knows nothing of profiles there (up to 2026.7).
    expect(logFilesOf({ configured: null, profile: 'My_own-1' }, day)).toEqual([
      '/tmp/openclaw/openclaw--1my-0own--1-2026-11-22.log',
      '/tmp/openclaw/openclaw-2026-11-22.log',
    ])
  })
})

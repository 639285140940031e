/** How words become values: flags, their variables, durations, numbers, switches. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { choiceOf, durationOf, isOn, numberOf, parseFlags, type Flags } from '../../src/cli/flags.ts'
import { duration } from '../../src/cli/output.ts'
import { UsageError } from '../../src/cli/usage-error.ts'

const flags = {
  limit: { value: 'TIME', help: '' },
  loud: { help: '' },
  'state-dir': { value: 'DIR', help: '' },
}
const everywhere: Flags = { ...flags, elsewhere: { value: 'X', help: '' } }
const parse = (args: readonly string[], env: Record<string, string> = {}) =>
  parseFlags(args, flags, everywhere, env)
const given = (entries: Record<string, string>) => new Map(Object.entries(entries))

test('what follows -- is the command’s own, flags and all', () => {
  const { given, positionals, rest } = parse(['--limit', '5s', 'one', '--', 'node', '--limit=9', '--', 'x'])
  expect(given).toEqual(new Map([['limit', '5s']]))
  expect({ positionals, rest }).toEqual({ positionals: ['one'], rest: ['node', '--limit=9', '--', 'x'] })
})

test('a flag beats its variable; the last of two flags counts', () => {
  const env = { SUPERVISE_LIMIT: '1s', SUPERVISE_STATE_DIR: '/env', SUPERVISE_LOUD: 'true' }
  const parsed = parse(['--limit=2s', '--limit=3s'], env)
  expect(Object.fromEntries(parsed.given)).toEqual({ limit: '3s', 'state-dir': '/env', loud: 'true' })
})

test('a variable of another command is no mistake here; one that nobody knows is', () => {
  expect(parse([], { SUPERVISE_ELSEWHERE: 'x' }).given.size).toBe(0)
  expect(() => parse([], { SUPERVISE_LIMITS: '1s' })).toThrow(
    new UsageError('unknown setting in the environment: SUPERVISE_LIMITS'),
  )
  expect(() => parse([], { SUPERVISE_: '1s' })).toThrow(UsageError)
  expect(parse([], { SUPERVISED: '1', SUPERVISE_TEST_CACHE: '/x' }).given.size).toBe(0)
})

test.each([[['--unknown']], [['--loud=yes']], [['--limit']], [['-x']]])('%j is wrong usage', (args) => {
  expect(() => parse(args)).toThrow(UsageError)
})

test.each([
  ['0', 0],
  ['5', 5000],
  ['250ms', 250],
  ['1.5s', 1500],
  ['2m', 120_000],
  ['2min', 120_000],
  ['1h', 3_600_000],
  [' 3 s ', 3000],
  ['0.5ms', 1],
])('the duration %j is %i ms', (text, ms) => {
  expect(durationOf(given({ limit: text }), 'limit', 7)).toBe(ms)
})

test.each(['', 's', '5d', '-1s', '1,5s', '1e3', 'Infinity', '5s5', '٣s', '9000h', '5S'])(
  '%j is no duration',
  (text) => {
    expect(() => durationOf(given({ limit: text }), 'limit', 7)).toThrow(
      `--limit (or SUPERVISE_LIMIT) is ${JSON.stringify(text)}; expected a duration such as 500ms, 30s, 5m or 1h`,
    )
  },
)

test('any text is a duration within a year, or wrong usage, and nothing else', () => {
  const texts = fc.oneof(fc.string(), fc.stringMatching(/^\d{0,20}(\.\d{0,5})?\s?(ms|s|m|h|min)?$/))
  fc.assert(
    fc.property(texts, (text) => {
      try {
        const ms = durationOf(given({ limit: text }), 'limit', 7)
        expect(Number.isSafeInteger(ms) && ms >= 0 && ms <= 365 * 24 * 3_600_000).toBe(true)
      } catch (error) {
        expect(error).toBeInstanceOf(UsageError)
      }
    }),
  )
})

test('numbers are whole, in their bounds, in plain digits', () => {
  const of = (text: string): number => numberOf(given({ limit: text }), 'limit', 7, 1, 100)
  expect([of('1'), of('100'), of(' 42 ')]).toEqual([1, 100, 42])
  for (const text of ['0', '101', '', '1e1', '0x1', '-1', '+1', '1.0', '1_0', 'NaN', '٣'])
    expect(() => of(text), text).toThrow('expected a whole number from 1 to 100')
  expect(numberOf(given({}), 'limit', 7, 1, 100)).toBe(7)
})

test('a switch is on, off, or wrong', () => {
  const of = (text: string): boolean => isOn(given({ loud: text }), 'loud')
  expect([of('true'), of('1'), of('false'), of('0'), of('')]).toEqual([true, true, false, false, false])
  expect(() => of('yes')).toThrow('--loud (or SUPERVISE_LOUD) is "yes"; expected true or false')
  expect(isOn(given({}), 'loud')).toBe(false)
})

test('a choice is one of its words, the first by default', () => {
  const of = (text?: string): string =>
    choiceOf(given(text === undefined ? {} : { limit: text }), 'limit', ['stop', 'refuse'])
  expect([of(), of('refuse')]).toEqual(['stop', 'refuse'])
  for (const text of ['', 'Stop', 'stop ', 'constructor'])
    expect(() => of(text), text).toThrow('expected stop or refuse')
})

test('durations are told as a person says them', () => {
  expect([0, 59_499, 60_000, 3_599_000, 3_600_000, 90_000_000, -5].map(duration)).toEqual([
    '0 s',
    '59 s',
    '1 min 0 s',
    '59 min 59 s',
    '1 h 0 min',
    '1 d 1 h',
    '0 s',
  ])
})

/**
 * The flags: what each takes, and how its text becomes a value. Every flag has an environment variable of the
 * same name (`--stop-limit` is SUPERVISE_STOP_LIMIT); the flag wins. Anything unknown or wrong is one clear line
 * and exit status 64: a typing error in a unit file must not become a default.
 */
import { parseArgs } from 'node:util'
import { UsageError } from './usage-error.ts'

export interface Flag {
  /** How the value is called in the help; a switch has none. */
  readonly value?: string
  readonly help: string
  readonly fallback?: string
}
export type Flags = Readonly<Record<string, Flag>>
export type Given = ReadonlyMap<string, string>

export const whereFlags = {
  'state-dir': { value: 'DIR', help: 'the state directory of OpenClaw', fallback: 'as OpenClaw finds it' },
  config: { value: 'FILE', help: 'its configuration', fallback: 'as OpenClaw finds it' },
  profile: { value: 'NAME', help: "the named profile, as with OpenClaw's own --profile" },
} satisfies Flags

const prefix = 'SUPERVISE_'
const variableOf = (flag: string): string => prefix + flag.toUpperCase().replaceAll('-', '_')

export interface Parsed {
  readonly given: Given
  readonly positionals: readonly string[]
  /** What follows `--`. */
  readonly rest: readonly string[]
}

/** `everywhere`: all flags of all commands, since one environment serves them all. */
export function parseFlags(
  args: readonly string[],
  flags: Flags,
  everywhere: Flags,
  env: Readonly<Record<string, string | undefined>>,
): Parsed {
  const end = args.indexOf('--')
  const own = end === -1 ? args : args.slice(0, end)
  const rest = end === -1 ? [] : args.slice(end + 1)
  const given = new Map<string, string>()
  for (const [name, value] of Object.entries(env)) {
    // The project's own tests are told things by SUPERVISE_TEST_*; they mean nothing here.
    if (!name.startsWith(prefix) || name.startsWith(`${prefix}TEST_`) || value === undefined) continue
    const flag = Object.keys(everywhere).find((flag) => variableOf(flag) === name)
    if (flag === undefined) throw new UsageError(`unknown setting in the environment: ${name}`)
    if (flag in flags) given.set(flag, value)
  }
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { value }]) => [
      name,
      { type: value === undefined ? 'boolean' : 'string' } as const,
    ]),
  )
  try {
    const parsed = parseArgs({ args: [...own], options, allowPositionals: true, strict: true })
    for (const [name, value] of Object.entries(parsed.values)) given.set(name, String(value))
    for (const [name, text] of given) check(name, text, flags[name]!)
    return { given, positionals: parsed.positionals, rest }
  } catch (error) {
    if (error instanceof UsageError) throw error
    const [what = 'wrong usage'] = (error as Error).message.split(/\.\s/)
    throw new UsageError(`${what}: see --help`, { cause: error })
  }
}

/** Before anything is done: also of a flag that is only asked at the end, or not at all. */
function check(name: string, text: string, { value }: Flag): void {
  const given = new Map([[name, text]])
  if (value === undefined) isOn(given, name)
  else if (value === 'TIME') durationOf(given, name, 0)
  else if (value.includes('|')) choiceOf(given, name, value.split('|') as [string, ...string[]])
  else if (text.trim() === '' && value !== 'N') throw wrong(name, text, value)
}

export const isOn = (given: Given, flag: string): boolean => {
  const text = given.get(flag)
  if (text === undefined || text === 'false' || text === '0' || text === '') return false
  if (text === 'true' || text === '1') return true
  throw wrong(flag, text, 'true or false')
}

export function choiceOf<C extends string>(given: Given, flag: string, choices: readonly [C, ...C[]]): C {
  const text = given.get(flag)
  if (text === undefined) return choices[0]
  const choice = choices.find((one) => one === text)
  if (choice === undefined) throw wrong(flag, text, choices.join(' or '))
  return choice
}

export function numberOf(given: Given, flag: string, fallback: number, least: number, most: number): number {
  const text = given.get(flag)
  if (text === undefined) return fallback
  const value = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN
  if (!(value >= least && value <= most)) throw wrong(flag, text, `a whole number from ${least} to ${most}`)
  return value
}

const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  '': 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
}
/** A year: what a timer and a date can still bear. */
const mostMs = 365 * 24 * 3_600_000

export function durationOf(given: Given, flag: string, fallbackMs: number): number {
  const text = given.get(flag)
  if (text === undefined) return fallbackMs
  const [, digits, unit] = text.trim().match(/^(\d+(?:\.\d+)?)\s*([a-z]*)$/) ?? []
  const unitMs = unit === undefined ? undefined : unitsMs[unit]
  const ms = unitMs === undefined ? Number.NaN : Math.round(Number(digits) * unitMs)
  if (!(ms >= 0 && ms <= mostMs)) throw wrong(flag, text, 'a duration such as 500ms, 30s, 5m or 1h')
  return ms
}

const wrong = (flag: string, text: string, expected: string): UsageError =>
  new UsageError(`--${flag} (or ${variableOf(flag)}) is ${JSON.stringify(text)}; expected ${expected}`)

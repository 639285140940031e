/** Is this a status, down to what is read of it? A file may hold anything, also what parses. */
type Is = (value: unknown) => boolean

const text: Is = (value) => typeof value === 'string'
const flag: Is = (value) => typeof value === 'boolean'
const whole: Is = (value) => Number.isSafeInteger(value) && (value as number) >= 0
const time: Is = (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value))
const orNull =
  (is: Is): Is =>
  (value) =>
    value === null || is(value)
/** Earlier versions had none. */
const orNone =
  (is: Is): Is =>
  (value) =>
    value === undefined || is(value)
const listOf =
  (is: Is): Is =>
  (value) =>
    Array.isArray(value) && value.every((one) => is(one))
const object =
  (members: Readonly<Record<string, Is>>): Is =>
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(members).every(([name, is]) => is((value as Record<string, unknown>)[name]))

const processOf = (leastPid: number): Readonly<Record<string, Is>> => ({
  pid: (value) => whole(value) && (value as number) >= leastPid,
  startTicks: whole,
  bootId: text,
  startedAt: time,
})
const exit: Is = (value) =>
  object({ by: (by) => by === 'code', code: whole })(value) ||
  object({ by: (by) => by === 'signal', signal: text, coreDumped: flag })(value)
const lastExit = object({ at: time, exit, why: text, detail: text, wasReady: flag })
const budget = object({ spent: whole, limit: whole, left: whole })

export const isStatus = object({
  phase: text,
  why: text,
  reason: text,
  since: time,
  ready: flag,
  readiness: object({
    is: orNone(text),
    since: orNull(time),
    evidence: text,
    failing: orNone(listOf(text)),
    suppressed: listOf(text),
  }),
  child: orNull(object({ ...processOf(2), number: whole, version: orNull(text) })),
  lastReady: orNone(orNull(object({ at: time, version: orNull(text) }))),
  lastExit: orNull(lastExit),
  lastExits: orNone(listOf(lastExit)),
  lastRepairs: listOf(object({ id: text, at: time, findings: whole, keptBytes: whole })),
  state: orNull(
    object({
      at: time,
      store: text,
      version: orNull(text),
      schema: orNone(orNull(object({ state: orNull(whole), agent: orNull(whole) }))),
      verdict: text,
      loses: whole,
      blocks: whole,
      benign: whole,
    }),
  ),
  budgets: object({
    crashes: budget,
    recoveries: budget,
    restarts: budget,
    contentions: budget,
    lastFailure: orNull(text),
  }),
  nextAttemptAt: orNull(time),
  hold: orNull(object({ kind: text, evidence: text, command: orNull(text), canPass: flag })),
  place: object({ stateDir: text, configPath: text, port: whole }),
  supervisor: orNull(object({ ...processOf(1), version: text })),
})

/** Is a line of a journal what we write?  Its checksum keeps accidents out, not intentions. */
import type { Entry } from './journal.ts'

type Check = (value: unknown) => boolean

const text: Check = (value) => typeof value === 'string'
const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0
const time: Check = (value) => typeof value === 'number' && Number.isFinite(value)
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value)
const oneOf =
  (...words: readonly unknown[]): Check =>
  (value) =>
    words.includes(value)
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check)
const record =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.entries(fields).every(([name, check]) => check((value as Record<string, unknown>)[name]))
const anyOf =
  (...checks: readonly Check[]): Check =>
  (value) =>
    checks.some((check) => check(value))

const fingerprint: Check = (value) =>
  typeof value === 'string' && /^(missing$|sha256:|link:|directory:|other:)/.test(value)
const piece = anyOf(
  record({ text }),
  record({ base64: text }),
  record({ path: text, from: count, to: count }),
)
const change = anyOf(
  record({
    do: oneOf('write'),
    content: listOf(piece),
    mode: (mode) => count(mode) && (mode as number) <= 0o7777,
  }),
  record({ do: oneOf('set-aside') }),
  record({ do: oneOf('put-back'), from: text }),
)
const steps = listOf(
  record({
    path: text,
    before: fingerprint,
    after: fingerprint,
    change,
    because: listOf(record({ kind: text, path: text })),
  }),
)
const kept = record({ path: text, sha256: orNull(text), bytes: count, keptAs: text })

const isEntry = anyOf(
  record({
    is: oneOf('begin'),
    id: text,
    at: time,
    trigger: text,
    undoes: orNull(text),
    found: listOf(record({ kind: text, path: text, evidence: text })),
    steps,
  }),
  record({ is: oneOf('further'), steps }),
  record({ is: oneOf('kept'), step: count, kept }),
  record({
    is: oneOf('end'),
    at: time,
    outcome: oneOf('confirmed', 'unconfirmed', 'abandoned'),
    done: count,
    evidence: orNull(text),
  }),
)

/** Undefined for what we never write. */
export function entryOf(body: string): Entry | undefined {
  try {
    const entry: unknown = JSON.parse(body)
    return isEntry(entry) ? (entry as Entry) : undefined
  } catch {
    return undefined
  }
}

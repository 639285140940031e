/** Is a line of a journal what we write?  Its checksum keeps accidents out, not intentions. */
import type { Entry } from './journal.ts'
import { anyOf, count, finite, listOf, oneOf, orNone, orNull, record, text, type Check } from './shape.ts'

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
    mtimeMs: orNone(finite),
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
    did: orNone(listOf(text)),
    because: listOf(record({ kind: text, path: text })),
    folders: (folders) => folders === undefined || count(folders),
  }),
)
const kept = record({ path: text, sha256: orNull(text), bytes: count, keptAs: text })

const isEntry = anyOf(
  record({
    is: oneOf('begin'),
    id: text,
    at: finite,
    trigger: text,
    undoes: orNull(text),
    found: listOf(record({ kind: text, path: text, evidence: text })),
    steps,
  }),
  record({ is: oneOf('further'), steps }),
  record({ is: oneOf('kept'), step: count, kept }),
  record({
    is: oneOf('end'),
    at: finite,
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

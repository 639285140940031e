/**
 * `sessions.json`: one object, session key -> entry (dist/store-load-*.js of 2026.4.26).  The gateway takes whatever
 * does not parse to an object for an empty store, without a word, and overwrites it at the next message.
 */
import { jsonObject, member, setMember, type Edit, type JsonObject } from './json-members.ts'

/** Only what recovery needs to know; everything else in an entry stays in the file untouched. */
export interface SessionEntry {
  readonly sessionId: string
  readonly sessionFile: string | undefined
  readonly status: string | undefined
  readonly startedAt: number | undefined
  readonly endedAt: number | undefined
  readonly updatedAt: number | undefined
  readonly abortedLastRun: boolean
  /** Tokens counted, a compaction done, a run ended well: a turn was completed, so there was a transcript. */
  readonly hadTurn: boolean
  readonly spawnDepth: unknown
  readonly subagentRole: unknown
  /** History kept by another program (an ACP agent, a command-line agent): a transcript here is not required. */
  readonly keptElsewhere: boolean
}

export type SessionIndex =
  | { readonly is: 'sound'; readonly entries: ReadonlyMap<string, SessionEntry | null> }
  | { readonly is: 'unreadable'; readonly why: string; readonly soundBehindMark?: boolean }

export const indexLimitBytes = 256 * 1024 * 1024

const mark = [0xef, 0xbb, 0xbf]
export const markBytes = mark.length

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

export function sessionIndex(bytes: Uint8Array): SessionIndex {
  if (bytes.length === 0) return { is: 'unreadable', why: 'empty' }
  if (bytes.every((byte) => byte === 0)) return { is: 'unreadable', why: 'nothing but NUL bytes' }
  if (mark.every((byte, at) => bytes[at] === byte)) {
    const soundBehindMark = sessionIndex(bytes.subarray(markBytes)).is === 'sound'
    return { is: 'unreadable', why: 'begins with a byte order mark', soundBehindMark }
  }
  let parsed: unknown
  try {
    // With replacement characters, as the gateway decodes it.
    parsed = JSON.parse(decoder.decode(bytes))
  } catch (error) {
    const why = error instanceof RangeError ? 'nested too deep' : 'does not parse'
    return { is: 'unreadable', why }
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    return { is: 'unreadable', why: 'not an object' }
  const entries = new Map<string, SessionEntry | null>()
  for (const [key, value] of Object.entries(parsed)) entries.set(key, sessionEntry(value))
  return { is: 'sound', entries }
}

/** Null for what the gateway keeps but cannot use: no object, or no id. */
export function sessionEntry(value: unknown): SessionEntry | null {
  if (typeof value !== 'object' || value === null) return null
  const entry = value as Record<string, unknown>
  const sessionId = entry['sessionId']
  if (typeof sessionId !== 'string') return null
  const number = (field: string): number | undefined =>
    typeof entry[field] === 'number' && Number.isFinite(entry[field]) ? entry[field] : undefined
  const text = (field: string): string | undefined =>
    typeof entry[field] === 'string' ? entry[field] : undefined
  const status = text('status')
  return {
    sessionId,
    sessionFile: text('sessionFile'),
    status,
    startedAt: number('startedAt'),
    endedAt: number('endedAt'),
    updatedAt: number('updatedAt'),
    abortedLastRun: entry['abortedLastRun'] === true,
    hadTurn:
      (status === 'done' && number('endedAt') !== undefined) ||
      ['inputTokens', 'outputTokens', 'totalTokens'].some((field) => (number(field) ?? 0) > 0),
    spawnDepth: entry['spawnDepth'],
    subagentRole: entry['subagentRole'],
    keptElsewhere:
      isFilled(entry['acp']) || isFilled(entry['cliSessionBindings']) || isFilled(entry['cliSessionIds']),
  }
}

const isFilled = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length > 0

/** A turn that was under way: `status` alone is a hint, a finished run may leave `running` behind. */
export const isInFlight = (entry: SessionEntry): boolean =>
  entry.status === 'running' && !(entry.endedAt !== undefined && entry.endedAt >= (entry.startedAt ?? 0))

export type IndexEdit =
  | {
      readonly do: 'set'
      readonly key: string
      readonly field: string
      readonly value: string | number | boolean
    }
  | { readonly do: 'add'; readonly key: string; readonly entry: Readonly<Record<string, unknown>> }

/** The bytes to change, sorted, apart from each other.  `from` skips a byte order mark. */
export function indexEdits(bytes: Uint8Array, edits: readonly IndexEdit[], from = 0): readonly Edit[] {
  const root = jsonObject(bytes, from)
  if (root === undefined) return []
  const done: Edit[] = []
  const objects = new Map<string, JsonObject>()
  const added: string[] = []
  for (const edit of edits) {
    if (edit.do === 'add') {
      added.push(
        `  ${JSON.stringify(edit.key)}: ${JSON.stringify(edit.entry, null, 2).replaceAll('\n', '\n  ')}`,
      )
      continue
    }
    const at = member(root, edit.key)
    const object = objects.get(edit.key) ?? (at === undefined ? undefined : jsonObject(bytes, at.from))
    if (object === undefined) continue
    objects.set(edit.key, object)
    done.push(setMember(object, edit.field, edit.value, '    '))
  }
  if (added.length > 0) done.push(addition(root, added.join(',\n')))
  return merged(done)
}

function addition(root: JsonObject, text: string): Edit {
  const last = root.members.at(-1)
  if (last === undefined) return { from: root.from, to: root.to, put: `{\n${text}\n}` }
  return { from: last.to, to: last.to, put: `,\n${text}` }
}

/** Several additions at one place are one edit, in the order in which they were asked for. */
function merged(edits: readonly Edit[]): readonly Edit[] {
  const sorted = edits.toSorted((a, b) => a.from - b.from || a.to - b.to)
  const apart: Edit[] = []
  for (const edit of sorted) {
    const before = apart.at(-1)
    if (before !== undefined && before.from === edit.from && before.to === edit.to && edit.from === edit.to)
      apart[apart.length - 1] = { ...before, put: before.put + edit.put }
    else apart.push(edit)
  }
  return apart
}

/** A whole index of new entries only. */
export const indexOf = (edits: readonly IndexEdit[]): string => {
  const added = edits.flatMap((edit) => (edit.do === 'add' ? [edit] : []))
  const members = added.map(
    ({ key, entry }) =>
      `  ${JSON.stringify(key)}: ${JSON.stringify(entry, null, 2).replaceAll('\n', '\n  ')}`,
  )
  return members.length === 0 ? '{}' : `{\n${members.join(',\n')}\n}`
}

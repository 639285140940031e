/** One line of a transcript: what it is, and which bytes of the file are its own. */

export type Line =
  | {
      readonly is: 'header'
      readonly id: string
      readonly version: number
      readonly timestamp: string | undefined
    }
  | {
      readonly is: 'entry'
      readonly id: string
      readonly parentId: string | undefined
      readonly timestamp: string | undefined
      readonly role: string | undefined
      /** The tools that a message of the model's calls. */
      readonly calls: readonly string[]
      /** Something that the user would miss: a message, or what stands for messages. */
      readonly speaks: boolean
    }
  /** An object of a shape that we do not know, or from before lines had ids. */
  | { readonly is: 'other' }
  | { readonly is: 'blank' }
  | { readonly is: 'torn' }

export function lineOf(text: string): Line {
  if (text.trim() === '') return { is: 'blank' }
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return { is: 'torn' }
  }
  // `null` ends the gateway's reader with a TypeError, other scalars make a leaf without an id.
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return { is: 'torn' }
  const line = parsed as Record<string, unknown>
  const id = line['id']
  const timestamp = typeof line['timestamp'] === 'string' ? line['timestamp'] : undefined
  if (line['type'] === 'session') {
    if (typeof id !== 'string') return { is: 'torn' }
    const version = line['version']
    return { is: 'header', id, version: typeof version === 'number' ? version : 1, timestamp }
  }
  if (typeof id !== 'string' || typeof line['type'] !== 'string') return { is: 'other' }
  const parentId = line['parentId']
  const message = line['message']
  const said =
    typeof message === 'object' && message !== null ? (message as Record<string, unknown>) : undefined
  const role = said?.['role']
  return {
    is: 'entry',
    id,
    parentId: typeof parentId === 'string' && parentId !== '' ? parentId : undefined,
    timestamp,
    role: typeof role === 'string' ? role : undefined,
    calls: role === 'assistant' ? callsIn(said?.['content']) : [],
    speaks: typeof role === 'string' || summaries.has(line['type']),
  }
}

const callsIn = (content: unknown): readonly string[] =>
  Array.isArray(content)
    ? (content as readonly Partial<Record<string, unknown>>[]).flatMap((part) =>
        part?.['type'] === 'toolCall' && typeof part['name'] === 'string' ? [part['name']] : [],
      )
    : []

const summaries: ReadonlySet<string> = new Set(['compaction', 'branch_summary', 'custom_message'])

/** What is known of a line too long to be held: its beginning and its end. Ids come before the content or after it. */
export function longLineOf(head: string, tail: string): Line {
  if (!head.startsWith('{"') || !tail.trimEnd().endsWith('}')) return { is: 'torn' }
  const field = (name: string): string | undefined =>
    new RegExp(String.raw`^[^{[]*?"${name}":"([^"\\]*)"`).exec(head.slice(1))?.[1]
  const id = field('id')
  const role = head.startsWith('{"type":"message"')
    ? (/"message":\{"role":"(\w+)"/.exec(head)?.[1] ?? 'unknown')
    : undefined
  const speaks = role !== undefined
  if (id !== undefined)
    return {
      is: 'entry',
      id,
      parentId: field('parentId'),
      timestamp: field('timestamp'),
      role,
      calls: [],
      speaks,
    }
  const last = /"id":"([^"\\]+)","parentId":(?:"([^"\\]*)"|null),"timestamp":"([^"\\]*)"\}\s*$/.exec(tail)
  if (last === null) return { is: 'other' }
  return { is: 'entry', id: last[1]!, parentId: last[2], timestamp: last[3], role, calls: [], speaks }
}

export interface Text {
  /** Undefined for a line too long to be held; then `line` says what is known of it. */
  readonly text: string | undefined
  readonly line?: Line
  readonly from: number
  /** Behind its `\n`, if it has one. */
  readonly to: number
  readonly ended: boolean
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

export function* linesOf(bytes: Uint8Array): Generator<Text> {
  for (let from = 0; from < bytes.length;) {
    const newline = bytes.indexOf(10, from)
    const to = newline === -1 ? bytes.length : newline + 1
    yield {
      text: decoder.decode(bytes.subarray(from, newline === -1 ? to : newline)),
      from,
      to,
      ended: newline !== -1,
    }
    from = to
  }
}

/**
 * Trajectories: the flight recorder beside a transcript, JSON lines, and the pointer file that names it
 * (dist/selection-*.js of 2026.4.26).  The gateway never reads them to work; they are the second record of what
 * was said, and the only place beside the index where a session's key is written.
 */
import { shortId } from './short-id.ts'
import { emptyAnswer } from './empty-answer.ts'
import { lineOf } from './transcript-line.ts'

export interface Pointer {
  readonly sessionId: string
  readonly runtimeFile: string
}

export const pointerLimitBytes = 64 * 1024

/** Undefined for what the gateway would not use either. */
export function pointer(text: string): Pointer | undefined {
  const parsed = objectOf(text)
  const sessionId = parsed?.['sessionId']
  const runtimeFile = parsed?.['runtimeFile']
  if (typeof sessionId !== 'string' || typeof runtimeFile !== 'string') return undefined
  return { sessionId, runtimeFile }
}

export const pointerText = ({ sessionId, runtimeFile }: Pointer): string =>
  `${JSON.stringify({ traceSchema: 'openclaw-trajectory-pointer', schemaVersion: 1, sessionId, runtimeFile }, null, 2)}\n`

/** With `OPENCLAW_TRAJECTORY_DIR` set, runs are recorded in that directory, as `<session id>.jsonl`. */
export const isRecordedElsewhere = (one: Pointer): boolean =>
  one.runtimeFile.slice(one.runtimeFile.lastIndexOf('/') + 1) ===
  `${one.sessionId.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, 120)}.jsonl`

export interface TraceLine {
  readonly ts: string | undefined
  readonly sessionId: string | undefined
  readonly sessionKey: string | undefined
  readonly workspaceDir: string | undefined
  readonly version: string | undefined
}

/** Of the first line that says it; also from one that is too long to be read whole. */
export function traceLine(text: string): TraceLine | undefined {
  const parsed = objectOf(text)
  if (parsed === undefined) return undefined
  const data = parsed['data']
  const harness = isRecord(data) && isRecord(data['harness']) ? data['harness'] : undefined
  const word = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
  return {
    ts: word(parsed['ts']),
    sessionId: word(parsed['sessionId']),
    sessionKey: word(parsed['sessionKey']),
    workspaceDir: word(parsed['workspaceDir']),
    version: word(harness?.['version']),
  }
}

/** What a transcript is rebuilt from, line by line of its trajectory. */
export interface Rebuilding {
  line(text: string): void
  /** Undefined when the trajectory holds neither a completed turn of this session nor the words of a first one. */
  finish(): Rebuilt | undefined
}

export interface Rebuilt {
  readonly text: string
  readonly turns: number
  readonly messages: number
  readonly tooLong: number
  /** No turn was completed: these are the words of the first, said then (ms since the epoch). */
  readonly firstWordsAt: number | undefined
}

/**
 * `model.completed` carries the whole conversation as the model had it (`messagesSnapshot`), each message in the shape
 * in which a transcript holds it; after a compaction it begins with the summary.  So the transcript is the union of
 * the snapshots, in order, and behind it the prompt of a turn that was cut off.  A transcript is written when the first
 * answer is complete, so that of a first turn that was killed only that prompt is left (`prompt.submitted`).
 */
export function rebuilding(
  sessionId: string,
  hint: { readonly timestamp: string; readonly limit: number },
): Rebuilding {
  const messages: { readonly text: string; readonly timestamp: string }[] = []
  const seen = new Set<string>()
  let size = 0
  let turns = 0
  let tooLong = 0
  let isOver = false
  let pending: { readonly text: string; readonly timestamp: string } | undefined
  let first: string | undefined
  let cwd: string | undefined

  const add = (message: Record<string, unknown>, fallback: string): void => {
    const role = message['role']
    if (role !== 'user' && role !== 'assistant' && role !== 'toolResult') return
    const text = JSON.stringify(message)
    const at = message['timestamp']
    // Later snapshots may hold a shortened copy of an early message: the first one counts.
    const which = typeof at === 'number' ? `${role} ${at} ${JSON.stringify(message['toolCallId'])}` : text
    if (seen.has(which)) return
    size += text.length
    if (size > hint.limit) {
      tooLong++
      return
    }
    seen.add(which)
    messages.push({ text, timestamp: typeof at === 'number' ? isoOf(at, fallback) : fallback })
  }

  return {
    line(text) {
      if (!telling.some((type) => text.includes(type))) return
      const event = objectOf(text)
      if (event === undefined || event['sessionId'] !== sessionId) return
      const ts = typeof event['ts'] === 'string' ? event['ts'] : hint.timestamp
      const data = isRecord(event['data']) ? event['data'] : {}
      first ??= ts
      if (typeof event['workspaceDir'] === 'string') cwd ??= event['workspaceDir']
      isOver = event['type'] === 'session.ended'
      if (event['type'] === 'prompt.submitted') {
        const prompt = data['prompt']
        if (typeof prompt === 'string' && prompt.length < hint.limit)
          pending = { text: JSON.stringify(saidBy(prompt, ts)), timestamp: ts }
      } else if (event['type'] === 'model.completed') {
        pending = undefined
        const snapshot = data['messagesSnapshot']
        if (!Array.isArray(snapshot)) {
          tooLong++
          return
        }
        turns++
        for (const message of snapshot) if (isRecord(message)) add(message, ts)
      }
    },

    finish() {
      const isAnswered = messages.some((one) => one.text.includes('"role":"assistant"'))
      // What the gateway itself ended is no turn that was cut off.
      if (!isAnswered && (turns > 0 || isOver || pending === undefined)) return undefined
      if (pending !== undefined) messages.push(pending)
      const at = first ?? hint.timestamp
      const lines = [JSON.stringify({ type: 'session', version: 3, id: sessionId, timestamp: at, cwd })]
      let parentId = shortId(sessionId, 0)
      lines.push(
        JSON.stringify({
          type: 'custom',
          customType: 'supervise:rebuilt',
          data: { from: 'trajectory', turns, messages: messages.length, tooLong },
          id: parentId,
          parentId: null,
          timestamp: at,
        }),
      )
      for (const [index, one] of messages.entries()) {
        const id = shortId(sessionId, index + 1)
        const envelope = JSON.stringify({ type: 'message', id, parentId, timestamp: one.timestamp })
        const whole = `${envelope.slice(0, -1)},"message":${one.text}}`
        const line = lineOf(whole)
        if (!isAnswered && line.is === 'entry')
          lines.push(emptyAnswer(line, new Set([parentId, id]), at).trimEnd())
        lines.push(whole)
        parentId = id
      }
      const firstWordsAt = isAnswered ? undefined : Date.parse(pending?.timestamp ?? at) || 0
      return { text: `${lines.join('\n')}\n`, turns, messages: messages.length, tooLong, firstWordsAt }
    },
  }
}

/** As the transcript holds what a user said. */
const saidBy = (prompt: string, timestamp: string) => ({
  role: 'user',
  content: [{ type: 'text', text: prompt }],
  timestamp: Date.parse(timestamp) || 0,
})

export interface Submitted {
  readonly sessionId: unknown
  readonly prompt: string
  readonly timestamp: string
}

/** Of a line that says what the model was about to be asked. */
export function submitted(text: string): Submitted | undefined {
  const event = text.includes('"prompt.submitted"') ? objectOf(text) : undefined
  if (event?.['type'] !== 'prompt.submitted' || !isRecord(event['data'])) return undefined
  const [prompt, timestamp] = [event['data']['prompt'], event['ts']]
  if (typeof prompt !== 'string' || typeof timestamp !== 'string') return undefined
  return { sessionId: event['sessionId'], prompt, timestamp }
}

/** The line that the gateway writes of it, a few milliseconds later, behind the last of the transcript. */
export function lineOfWords(
  { prompt, timestamp }: Submitted,
  last: string,
  ids: ReadonlySet<string>,
): string {
  let index = 0
  while (ids.has(shortId(last, index))) index++
  const id = shortId(last, index)
  return `${JSON.stringify({ type: 'message', id, parentId: last, timestamp, message: saidBy(prompt, timestamp) })}\n`
}

const telling = ['"model.completed"', '"prompt.submitted"', '"session.ended"'] as const

const isoOf = (ms: number, fallback: string): string => {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? fallback : date.toISOString()
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    return isRecord(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

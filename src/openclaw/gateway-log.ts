/**
 * What the gateway's own log says of its end: JSON lines, in `logging.file` or in
 * /tmp/openclaw/openclaw-YYYY-MM-DD.log by local date (2026.4.26: dist/logger-BYIbL3gn.js; 2026.9.6 the same, with
 * the name of its profile before the date), a file that every gateway of the machine writes to and that names no
 * pid. It is evidence for a person, and tells two failures apart; nothing is believed because of it alone.
 */
import { logSegmentOf } from './profile.ts'

export interface LogPlace {
  /** `logging.file`. */
  readonly configured: string | null
  readonly profile: string | null
}

/** Best first: the first that is there counts. */
export function logFilesOf({ configured, profile }: LogPlace, localDate: string): readonly string[] {
  if (configured !== null) return [configured]
  const usual = `/tmp/openclaw/openclaw-${localDate}.log`
  return profile === null
    ? [usual]
    : [`/tmp/openclaw/openclaw-${logSegmentOf(profile)}-${localDate}.log`, usual]
}

/** `_meta.logLevelId` of tslog: 5 is ERROR, 6 is FATAL. */
const errorLevel = 5
const mostCharacters = 300
/** Logged as an error at its start, of the lives before it (2026.8 and later). */
const ofEarlierLives = /^gateway restart-loop breaker tripped/

/** The last error since then, in one line; null when there is none. */
export function causeIn(text: string, sinceMs: number): string | null {
  for (const line of text.split('\n').toReversed()) {
    const said = lineOf(line)
    if (said === undefined) continue
    if (said.at < sinceMs) return null
    if (said.level >= errorLevel && !ofEarlierLives.test(said.message)) return inOneLine(said.message)
  }
  return null
}

function lineOf(line: string): { at: number; level: number; message: string } | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    const { time, message, _meta } = JSON.parse(line) as {
      time?: unknown
      message?: unknown
      _meta?: { logLevelId?: unknown }
    }
    const at = Date.parse(String(time))
    const level = _meta?.logLevelId
    if (typeof message !== 'string' || typeof level !== 'number' || Number.isNaN(at)) return undefined
    return { at, level, message }
  } catch {
    return undefined
  }
}

/** Its advice to run `doctor --fix` is left out: that archives live files. */
const inOneLine = (message: string): string =>
  message
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/doctor --fix/.test(line))
    .join(' ')
    .slice(0, mostCharacters)

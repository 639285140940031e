/**
 * What happened, told line by line on standard error: JSON for a pipe, a file or the journal, readable text on a
 * terminal.  Standard output is left to answers, and to the gateway.
 *
 * 1. A log that cannot be written never stops, slows or ends the program: the line is dropped, counted, and the
 *    count is told with the next line that goes through.
 * 2. A line is written at once, by the thread that has something to say: the last words before an end are there.
 * 3. On a terminal nothing is printed raw: a file name may hold an escape sequence.
 */
import { constants, fstatSync, openSync, writeSync } from 'node:fs'
import { isatty } from 'node:tty'
import { pino } from 'pino'
import { printable } from './printable.ts'

export type Level = 'debug' | 'info' | 'warn' | 'error'
export type Fields = Readonly<Record<string, unknown>>

export interface Log {
  debug(message: string, fields?: Fields): void
  info(message: string, fields?: Fields): void
  warn(message: string, fields?: Fields): void
  error(message: string, fields?: Fields): void
  /** Every line carries these: phase, child, repair. */
  with(bindings: Fields): Log
}

export interface LogSettings {
  readonly fd?: number
  readonly level?: Level
  readonly readable?: boolean
}

export const openLog = ({ fd = 2, level = 'info', readable = isatty(fd) }: LogSettings = {}): Log => {
  const write = writerTo(fd)
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: pino.stdSerializers.err },
    },
    { write: (line) => write(readable ? readableLine(line) : line) },
  )
  return around(logger)
}

const around = (logger: pino.Logger): Log => ({
  debug: (message, fields = {}) => logger.debug(fields, message),
  info: (message, fields = {}) => logger.info(fields, message),
  warn: (message, fields = {}) => logger.warn(fields, message),
  error: (message, fields = {}) => logger.error(fields, message),
  with: (bindings) => around(logger.child(bindings)),
})

/** One of ours for the pipe, so that a reader who stopped reading does not stop us; the others who write there keep their own. */
const nonBlocking = (fd: number): number => {
  try {
    if (!fstatSync(fd).isFIFO()) return fd
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK)
  } catch {
    return fd
  }
}

const writerTo = (fd: number): ((line: string) => void) => {
  const out = nonBlocking(fd)
  let dropped = 0
  /** What a full pipe took only the beginning of: it is finished before another line begins. */
  let rest: Buffer = Buffer.alloc(0)
  const push = (bytes: Buffer): void => {
    rest = bytes
    while (rest.length > 0) rest = rest.subarray(writeSync(out, rest))
  }
  return (line) => {
    try {
      push(rest)
      if (dropped > 0) {
        push(
          Buffer.from(
            `${JSON.stringify({ level: 'warn', time: new Date().toISOString(), dropped, msg: 'log lines were dropped' })}\n`,
          ),
        )
        dropped = 0
      }
    } catch {
      dropped++
      return
    }
    const bytes = Buffer.from(line)
    try {
      push(bytes)
    } catch {
      if (rest.length === bytes.length) {
        rest = Buffer.alloc(0)
        dropped++
      }
    }
  }
}

const readableLine = (line: string): string => {
  const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>
  const clock = String(time).slice(11, 23)
  const details = Object.entries(fields).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  return `${clock} ${String(level).padEnd(5)} ${[String(msg), ...details].map((part) => printable(part)).join('  ')}\n`
}

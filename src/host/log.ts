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
import { loadSyscalls } from './syscalls.ts'

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
  const write = writerTo(fd, readable ? readableLine : (line) => line)
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: pino.stdSerializers.err },
    },
    { write },
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

/**
 * A descriptor of our own for the same pipe or terminal, so that a reader who stopped reading (or a terminal held
 * by Ctrl-S) does not stop us; the others who write there keep theirs as it is.
 */
const nonBlocking = (fd: number): number => {
  try {
    if (!fstatSync(fd).isFIFO() && !isatty(fd)) return fd
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch {
    return fd
  }
}

const isSocket = (fd: number): boolean => {
  try {
    return fstatSync(fd).isSocket()
  } catch {
    return false
  }
}

const writerTo = (fd: number, format: (line: string) => string): ((line: string) => void) => {
  const out = nonBlocking(fd)
  let dropped = 0
  let put = (bytes: Uint8Array): number => writeSync(out, bytes)
  if (isSocket(fd))
    // The journal's, or one that Node made: it has no second descriptor to be had, only this call.
    void loadSyscalls().then((loaded) => {
      if (loaded.is === 'unavailable') return
      put = (bytes) => {
        const sent = loaded.calls.sendNow(fd, bytes)
        if (typeof sent === 'string') throw new Error(sent)
        return sent
      }
    })
  /** What a full pipe took only the beginning of: it is finished before another line begins. */
  let rest: Buffer = Buffer.alloc(0)
  const finish = (): boolean => {
    try {
      while (rest.length > 0) rest = rest.subarray(put(rest))
    } catch {}
    return rest.length === 0
  }
  /** False when nothing of it went through. */
  const begin = (line: string): boolean => {
    const bytes = Buffer.from(format(line))
    rest = bytes
    if (finish() || rest.length < bytes.length) return true
    rest = Buffer.alloc(0)
    return false
  }
  const tellDropped = (): boolean => {
    if (dropped === 0) return true
    const note = { level: 'warn', time: new Date().toISOString(), dropped, msg: 'log lines were dropped' }
    if (!begin(`${JSON.stringify(note)}\n`)) return false
    dropped = 0
    return rest.length === 0
  }
  return (line) => {
    if (!(finish() && tellDropped() && begin(line))) dropped++
  }
}

const readableLine = (line: string): string => {
  const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>
  const details = Object.entries(fields).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const parts = [String(msg), ...details].map((part) => printable(part))
  return `${String(time).slice(11, 23)} ${String(level).padEnd(5)} ${parts.join('  ')}\n`
}

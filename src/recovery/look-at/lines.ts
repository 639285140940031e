/** Files of JSON lines: as little of one is read as answers the question. */
import type { FileStat } from '../../host/disk.ts'
import { transcriptReader, type HeaderHint, type Reading } from '../../openclaw/transcript.ts'
import { lineOf } from '../../openclaw/transcript-line.ts'
import { longestLineBytes, type Eyes } from '../eyes.ts'

const glanceBytes = 64 * 1024

/**
 * `ends`: the first and the last line; the rest only when one of them is not as it should be.
 * Undefined: nothing wrong, or not readable (then that is a finding already).
 */
export async function lookAtTranscript(
  eyes: Eyes,
  path: string,
  stat: FileStat,
  depth: 'ends' | 'whole',
  hint: HeaderHint,
): Promise<Reading | undefined> {
  eyes.notes.read++
  if (depth === 'ends' && stat.bytes > 2 * glanceBytes) {
    const head = await firstLine(eyes, path, stat.bytes)
    if (head === undefined) return undefined
    const ending = await lastLine(eyes, path, stat.bytes)
    if (ending === undefined) return undefined
    const isSound = (text: string | null): boolean =>
      text === null || !['torn', 'blank'].includes(lineOf(text).is)
    if (head !== null && lineOf(head).is === 'header' && ending.ended && isSound(ending.text))
      return undefined
  }
  const reader = transcriptReader(hint)
  const whole = await eyes.lines(path, stat.bytes, (text) => reader.line(text))
  return whole ? reader.finish() : undefined
}

/** Where the sound part of a file of JSON lines ends, when its last line is torn or not ended. */
export async function lookAtTail(
  eyes: Eyes,
  path: string,
  stat: FileStat,
): Promise<{ readonly is: 'sound' | 'torn' | 'not-ended'; readonly soundBytes: number } | undefined> {
  const sound = { is: 'sound', soundBytes: stat.bytes } as const
  if (stat.bytes === 0) return sound
  eyes.notes.read++
  let end = stat.bytes
  let isTorn = false
  // Several torn lines in a row: a stretch of NUL bytes, or an append upon an append.
  for (let cut = 0; cut < 64; cut++) {
    const last = await lastLine(eyes, path, end)
    if (last === undefined) return undefined
    // Too long to be held: no writer of these files makes such lines, and nothing is cut unread.
    if (last.text === null) return sound
    const line = lineOf(last.text)
    if (line.is === 'torn') isTorn = true
    else if (line.is !== 'blank') {
      if (isTorn) return { is: 'torn', soundBytes: end }
      return last.ended ? sound : { is: 'not-ended', soundBytes: end }
    }
    end = last.from
    if (end === 0) break
  }
  return isTorn ? { is: 'torn', soundBytes: end } : sound
}

/** Null when it is longer than what is held. */
export async function firstLine(eyes: Eyes, path: string, bytes: number): Promise<string | null | undefined> {
  for (let size = glanceBytes; ; size *= 8) {
    const piece = await eyes.read(path, 0, Math.min(size, bytes))
    if (piece === undefined) return undefined
    const newline = piece.indexOf(10)
    if (newline !== -1) return piece.subarray(0, newline).toString('utf8')
    if (piece.length < size) return piece.toString('utf8')
    if (size >= longestLineBytes) return null
  }
}

interface LastLine {
  /** Null when it is longer than what is held. */
  readonly text: string | null
  readonly from: number
  readonly ended: boolean
}

export async function lastLine(eyes: Eyes, path: string, bytes: number): Promise<LastLine | undefined> {
  for (let size = glanceBytes; ; size *= 8) {
    const start = Math.max(0, bytes - size)
    const piece = await eyes.read(path, start, bytes)
    if (piece === undefined) return undefined
    const ended = piece.at(-1) === 10
    const before = piece.lastIndexOf(10, piece.length - (ended ? 2 : 1))
    if (piece.length === (ended ? 1 : 0)) return { text: '', from: start, ended }
    if (before !== -1 || start === 0) {
      const from = before + 1
      return {
        text: piece.subarray(from, ended ? piece.length - 1 : piece.length).toString('utf8'),
        from: start + from,
        ended,
      }
    }
    if (size >= longestLineBytes) return { text: null, from: start, ended }
  }
}

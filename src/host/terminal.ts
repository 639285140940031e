/** Standard output, for the answers of a command. */
import { writeSync } from 'node:fs'

/** Written at once; a pipe that is full is waited for, one that nobody reads any more ends it quietly. */
export function writeOut(text: string): void {
  let rest = Buffer.from(text)
  // A full non-blocking pipe answers EAGAIN: bounded by the patience of a reader that shows a screen at a time.
  for (let tries = 0; rest.length > 0 && tries < 6000;) {
    try {
      rest = rest.subarray(writeSync(1, rest))
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      if (code === 'EPIPE') return
      if (code !== 'EAGAIN') throw new Error(`cannot write the answer: ${code}`, { cause: error })
      tries++
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
    }
  }
}

/** Standard error, for one line of complaint; there is nobody left to tell when it cannot be written. */
export function writeError(text: string): void {
  try {
    writeSync(2, text)
  } catch {
    return
  }
}

/** How much room a file system has left for whoever asks. */
import { statfsSync } from 'node:fs'

/** Undefined where it does not say. */
export function freeBytesAt(path: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  } catch {
    return undefined
  }
}

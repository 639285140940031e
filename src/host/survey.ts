/**
 * What a look at each name in a directory tells, held as numbers: of 30,000 files as many objects cost more than the
 * system's calls do.
 */
import type { DiskError, FileKind, FileStat } from './disk.ts'

export interface Survey {
  readonly names: readonly string[]
  /** Of each name in turn, as many as `fields`. */
  readonly numbers: Float64Array
  /** Of names that could not be looked at. */
  readonly failed: readonly DiskError[]
}

const fields = 10
const kinds: readonly FileKind[] = ['file', 'directory', 'link', 'other']

export interface Surveying {
  note(name: string, stat: FileStat): void
  failed(error: DiskError): void
  finish(): Survey
}

export function surveying(most: number): Surveying {
  const names: string[] = []
  const numbers = new Float64Array(most * fields)
  const failed: DiskError[] = []
  return {
    note(name, { kind, bytes, mtimeMs, ctimeMs, dev, ino, links, mode, uid, gid }) {
      const at = names.push(name) * fields - fields
      numbers[at] = kinds.indexOf(kind)
      numbers[at + 1] = ino
      numbers[at + 2] = bytes
      numbers[at + 3] = mtimeMs
      numbers[at + 4] = ctimeMs
      numbers[at + 5] = dev
      numbers[at + 6] = links
      numbers[at + 7] = mode
      numbers[at + 8] = uid
      numbers[at + 9] = gid
    },
    failed: (error) => void failed.push(error),
    finish: () => ({ names, numbers: numbers.subarray(0, names.length * fields), failed }),
  }
}

export const kindAt = ({ numbers }: Survey, n: number): FileKind => kinds[numbers[n * fields]!]!

/** Inode, size, mtime and ctime of each: four numbers a name. */
export function marksIn({ names, numbers }: Survey): Float64Array {
  const marks = new Float64Array(names.length * 4)
  for (let n = 0; n < names.length; n++)
    for (let which = 0; which < 4; which++) marks[n * 4 + which] = numbers[n * fields + 1 + which]!
  return marks
}

export function statAt(survey: Survey, n: number): FileStat {
  const at = (which: number): number => survey.numbers[n * fields + which]!
  return {
    kind: kindAt(survey, n),
    ino: at(1),
    bytes: at(2),
    mtimeMs: at(3),
    ctimeMs: at(4),
    dev: at(5),
    links: at(6),
    mode: at(7),
    uid: at(8),
    gid: at(9),
  }
}

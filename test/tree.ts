/** Everything under a folder, in words: kinds, modes, times, contents. Two equal answers: nothing was changed. */
import { createHash } from 'node:crypto'
import { lstatSync, readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

export function treeOf(folder: string, without: readonly string[] = []): string {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return names
    .filter((name) => !without.some((left) => name === left || name.startsWith(`${left}/`)))
    .toSorted()
    .map((name) => {
      const path = join(folder, name)
      const seen = lstatSync(path)
      const about = `${name} ${seen.mode.toString(8)} ${seen.uid} ${seen.ino}`
      if (seen.isSymbolicLink()) return `${about} -> ${readlinkSync(path)}`
      if (!seen.isFile()) return about
      return `${about} ${seen.mtimeMs} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`
    })
    .join('\n')
}

/** Answers go to standard output; a reader that went away is no error. */
import { printable } from '../host/printable.ts'
import { writeOut } from '../host/terminal.ts'

export const say = (line = ''): void => writeOut(`${line}\n`)
/** The same JSON, whatever a terminal would make of it: names of files may hold escapes and marks of direction. */
export const sayJson = (value: unknown): void =>
  writeOut(
    `${JSON.stringify(value, null, 2).replace(
      /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
      (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )}\n`,
  )
/** Text that somebody else chose: file names, evidence, command lines. */
export const clean = (text: string): string => printable(text, 2000)

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`

export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`
}

export function bytes(count: number): string {
  if (count < 1024) return plural(count, 'byte')
  const kib = count / 1024
  return kib < 1024 ? `${kib.toFixed(1)} KiB` : `${(kib / 1024).toFixed(1)} MiB`
}

/** Questions about names on this machine, asked before anything is touched. */
import { accessSync, constants, readdirSync, realpathSync, statSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { basename, delimiter, dirname, join, resolve } from 'node:path'
import { DiskError } from './disk.ts'
import { readSmall } from './own-files.ts'

/** One that may not be looked at counts: whoever opens it says why not. */
export const firstExisting = (paths: readonly string[]): string | undefined =>
  paths.find((path) => {
    try {
      return statSync(path, { throwIfNoEntry: false }) !== undefined
    } catch (error) {
      return (error as NodeJS.ErrnoException).code !== 'ENOTDIR'
    }
  })

export const absolute = (path: string): string => resolve(path)
export const parent = (path: string): string => dirname(path)
export const currentFolder = (): string => process.cwd()
export const userHome = (): string => homedir()
/** As a program of this user with this environment would choose it. */
export const temporaryFolder = (): string => tmpdir()
export const userId = (): number => process.getuid?.() ?? 0

export type Folder =
  | { readonly is: 'folder'; readonly realPath: string; readonly names: readonly string[] }
  | { readonly is: 'missing' }
  | { readonly is: 'not-a-folder' }
  | { readonly is: 'unreadable'; readonly code: string; readonly canPass: boolean }

export function lookAtFolder(path: string): Folder {
  try {
    const realPath = realpathSync(path)
    if (!statSync(realPath).isDirectory()) return { is: 'not-a-folder' }
    return { is: 'folder', realPath, names: readdirSync(realPath) }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'UNKNOWN'
    if (code === 'ENOENT') return { is: 'missing' }
    if (code === 'ENOTDIR') return { is: 'not-a-folder' }
    return { is: 'unreadable', code, canPass: new DiskError('read', path, error).canPass }
  }
}

/** Undefined when it is not there or may not be read; an error when it is longer than `mostBytes`. */
export function textOf(path: string, mostBytes: number): string | undefined {
  try {
    // Links above it are the user's own affair: a configuration or a package may lie anywhere.
    return readSmall(join(realpathSync(dirname(path)), basename(path)), mostBytes)?.toString('utf8')
  } catch {
    return undefined
  }
}

/** Where a command of that name is, as a shell would find it. */
export function findProgram(name: string, path: string | undefined): string | undefined {
  const candidates = name.includes('/')
    ? [resolve(name)]
    : (path ?? '/usr/local/bin:/usr/bin:/bin').split(delimiter).map((folder) => join(folder, name))
  return candidates.find((file) => {
    try {
      accessSync(file, constants.X_OK)
      return statSync(file).isFile()
    } catch {
      return false
    }
  })
}

/** Which folder a name leads to, whatever other names it has; undefined when it leads to none. */
export function folderOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true })
    return `${dev}:${ino}`
  } catch {
    return undefined
  }
}

export function realPathOf(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}

/**
 * One clear line for a command that could not be started.  The kernel says only ENOENT or EACCES, and means by it
 * the command, the folder, or the interpreter in its first line; this looks again and tells them apart.
 */
import { accessSync, closeSync, constants, openSync, readSync, statSync, type Stats } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'

interface Attempt {
  readonly file: string
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
}

export const whyNotStarted = ({ file, cwd, env }: Attempt, code: string): string => {
  if (!isFolder(cwd)) return `the folder to start in is not there: ${quote(cwd)}`
  if (code === 'E2BIG') return `the arguments and the environment of ${quote(file)} are too long`
  if (code === 'EAGAIN' || code === 'ENOMEM') return `the system has no room for another process (${code})`
  if (code === 'EMFILE' || code === 'ENFILE') return `there is no free file descriptor (${code})`
  if (code !== 'ENOENT' && code !== 'EACCES') return `${quote(file)} cannot be started: ${code}`

  const path = find(file, cwd, env)
  if (path === undefined)
    return file.includes('/') ? `no such file: ${quote(file)}` : `no such command in PATH: ${quote(file)}`
  if (isFolder(path)) return `${quote(path)} is a folder, not a program`
  if (!isExecutable(path)) return `${quote(path)} is not executable`
  const interpreter = interpreterOf(path)
  if (interpreter === undefined)
    return code === 'ENOENT'
      ? `${quote(path)} is there, but the loader or library it needs is not`
      : `${quote(path)} may not be executed: a folder above it or its file system forbids it`
  if (!exists(interpreter))
    return `${quote(path)} asks for the interpreter ${quote(interpreter)}, which is not there`
  return `${quote(path)} asks for the interpreter ${quote(interpreter)}, which is not executable`
}

const quote = (text: string): string => JSON.stringify(text)

/** What lies in a folder that may not be searched is, to us, not there. */
const look = (path: string): Stats | undefined => {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}

const exists = (path: string): boolean => look(path) !== undefined

const isFolder = (path: string): boolean => look(path)?.isDirectory() ?? false

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** As the child would look it up: in its own PATH. */
const find = (file: string, cwd: string, env: Attempt['env']): string | undefined => {
  const candidates = file.includes('/')
    ? [resolve(cwd, file)]
    : (env['PATH'] ?? '/bin:/usr/bin').split(delimiter).map((folder) => join(resolve(cwd, folder), file))
  return candidates.find(isExecutable) ?? candidates.find(exists)
}

const longestFirstLineBytes = 256

const interpreterOf = (path: string): string | undefined => {
  const bytes = Buffer.alloc(longestFirstLineBytes)
  try {
    const fd = openSync(path, 'r')
    try {
      readSync(fd, bytes)
    } finally {
      closeSync(fd)
    }
  } catch {
    return undefined
  }
  return bytes.toString('utf8').match(/^#![ \t]*([^\s\0]+)/)?.[1]
}

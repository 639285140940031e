/** What the kernel is asked for, and in which order: nothing in memory can tell whether an fsync was made. */
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { beforeAll, expect, onTestFinished, test } from 'vitest'

const DIST = path.resolve(import.meta.dirname, '../../dist')
const traced = ['openat', 'fsync', 'rename', 'renameat2', 'link', 'write', 'fchmod']

beforeAll(() => {
  if (spawnSync('strace', ['-V']).status !== 0)
    throw new Error('this suite reads system calls by strace, which is not installed: apt-get install strace')
})

/** The calls on `at`, in order: each as `name what`, paths relative to it. */
function callsOf(script: (at: string) => string): string[] {
  const at = fs.mkdtempSync(path.join(os.tmpdir(), 'supervise-durable-'))
  onTestFinished(() => fs.rmSync(at, { recursive: true }))
  const log = path.join(at, 'log')
  fs.mkdirSync(path.join(at, 'in'))
  const module = script(path.join(at, 'in'))
  execFileSync('strace', [
    '-f',
    '-qq',
    '-y',
    '-o',
    log,
    '-e',
    `trace=${traced.join()}`,
    process.execPath,
    '--input-type=module',
    '-e',
    module,
  ])
  return fs
    .readFileSync(log, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const call = /^\d+ +(\w+)\(/.exec(line)?.[1]
      const names = [...line.matchAll(/[<"]([^<">]*)[>"]/g)]
        .map(([, name]) => name!)
        .filter((name) => name.startsWith(`${at}/in`))
      return call === undefined || call === 'openat' || names.length === 0
        ? []
        : [`${call} ${[...new Set(names)].map((name) => path.relative(`${at}/in`, name) || '.').join(' ')}`]
    })
}

test('a durable replacement: the bytes, then the name, then the directory', () => {
  const calls = callsOf(
    (at) => `import { replaceFile } from '${DIST}/host/own-files.js'
      await replaceFile('${at}/a', 'x', { durable: true })`,
  )
  expect(calls).toEqual(['write a.1.tmp', 'fsync a.1.tmp', 'rename a.1.tmp a', 'fsync .'])
})

test('one that need not be durable asks for no fsync', () => {
  const calls = callsOf(
    (at) => `import { replaceFile } from '${DIST}/host/own-files.js'
      await replaceFile('${at}/a', 'x', { durable: false })`,
  )
  expect(calls).toEqual(['write a.1.tmp', 'rename a.1.tmp a'])
})

test('a durable line: the bytes, and the directory when the file is new', () => {
  const calls = callsOf(
    (at) => `import { appendJsonLine } from '${DIST}/host/own-files.js'
      for (const n of [1, 2]) await appendJsonLine('${at}/a', n, { mostBytes: 100, durable: true })`,
  )
  expect(calls).toEqual(['write a', 'fsync a', 'fsync .', 'write a', 'fsync a'])
})

test('a durable removal asks for the directory', () => {
  const calls = callsOf(
    (at) => `import { removeFile } from '${DIST}/host/own-files.js'
      await removeFile('${at}/a', { durable: true })`,
  )
  expect(calls).toEqual(['fsync .'])
})

test('the disk syncs the file it is asked to, and the directory it is asked to', () => {
  const calls = callsOf(
    (at) => `import { realDisk } from '${DIST}/host/real-disk.js'
      const disk = realDisk()
      await disk.create('${at}/a', [Buffer.from('x')], 0o600)
      await disk.sync('${at}/a')
      await disk.create('${at}/b', [], 0o600)
      await disk.exchange('${at}/a', '${at}/b')
      await disk.syncDir('${at}')`,
  )
  expect(calls).toEqual(['fchmod a', 'write a', 'fsync a', 'fchmod b', 'renameat2 a b', 'fsync .'])
})

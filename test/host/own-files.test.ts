import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  appendJsonLine,
  ensureFolder,
  readJsonLines,
  readSmall,
  removeFile,
  replaceFile,
} from '../../src/host/own-files.ts'

let root = ''
const at = (name: string): string => path.join(root, name)
const names = (): string[] => fs.readdirSync(root).sort()
beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'supervise-own-'))
})
afterEach(() => {
  fs.rmSync(root, { recursive: true })
})

const roomy = { mostBytes: 10_000, durable: false }

describe('a file that is replaced', () => {
  test.each([true, false])('holds the new content, for its owner alone; durable: %s', async (durable) => {
    await replaceFile(at('a'), 'one', { durable })
    await replaceFile(at('a'), Buffer.from('two'), { durable })
    expect(fs.readFileSync(at('a'), 'utf8')).toBe('two')
    expect(fs.statSync(at('a')).mode & 0o777).toBe(0o600)
    expect(names()).toEqual(['a'])
  })

  test('has taken place when the promise is returned, unless it is to be durable', async () => {
    const first = replaceFile(at('a'), 'one', { durable: false })
    expect(fs.readFileSync(at('a'), 'utf8')).toBe('one')
    const second = replaceFile(at('a'), 'two', { durable: false })
    expect(fs.readFileSync(at('a'), 'utf8')).toBe('two')
    await Promise.all([first, second])
  })

  test('is never seen half: a reader that holds the old one reads it to its end (1)', async () => {
    await replaceFile(at('a'), 'x'.repeat(100_000), { durable: false })
    const fd = fs.openSync(at('a'), 'r')
    await replaceFile(at('a'), 'short', { durable: true })
    expect(fs.readFileSync(fd, 'utf8')).toBe('x'.repeat(100_000))
    fs.closeSync(fd)
  })

  test('replaces a link, and does not follow it', async () => {
    fs.writeFileSync(at('target'), 'untouched')
    fs.symlinkSync('target', at('a'))
    await replaceFile(at('a'), 'new', { durable: false })
    expect(fs.readFileSync(at('target'), 'utf8')).toBe('untouched')
    expect(fs.lstatSync(at('a')).isFile()).toBe(true)
  })

  test('that cannot be replaced is left, with no temporary beside it', async () => {
    fs.mkdirSync(at('a'))
    fs.writeFileSync(at('a/inside'), 'x')
    await expect(replaceFile(at('a'), 'new', { durable: false })).rejects.toMatchObject({ name: 'DiskError' })
    await expect(replaceFile(at('gone/a'), 'new', { durable: true })).rejects.toMatchObject({
      code: 'ENOENT',
    })
    expect(names()).toEqual(['a'])
  })

  test('may be replaced durably twice at once', async () => {
    await Promise.all(['one', 'two', 'six'].map((text) => replaceFile(at('a'), text, { durable: true })))
    expect(fs.readFileSync(at('a'), 'utf8')).toMatch(/^(one|two|six)$/)
    expect(names()).toEqual(['a'])
  })
})

describe('a small file that is read', () => {
  test('is undefined where there is none', () => {
    expect(readSmall(at('a'), 10)).toBeUndefined()
  })

  test('is read up to its limit, and refused above it (4)', () => {
    fs.writeFileSync(at('a'), '0123456789')
    expect(readSmall(at('a'), 10)?.toString()).toBe('0123456789')
    expect(() => readSmall(at('a'), 9)).toThrow('EFBIG')
  })

  test('is neither a link, nor a pipe, nor a directory', () => {
    fs.writeFileSync(at('a'), 'x')
    fs.symlinkSync('a', at('l'))
    execFileSync('mkfifo', [at('p')])
    expect(() => readSmall(at('l'), 10)).toThrow('ELOOP')
    expect(() => readSmall(at('p'), 10)).toThrow('ENOTREG')
    expect(() => readSmall(root, 10)).toThrow('ENOTREG')
  })
})

describe('a list of JSON lines', () => {
  test.each([true, false])('gives back what was appended, in order; durable: %s', async (durable) => {
    for (const n of [1, 2, 3]) await appendJsonLine(at('a'), { n }, { ...roomy, durable })
    expect(readJsonLines(at('a'), 10_000)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
    expect(fs.statSync(at('a')).mode & 0o777).toBe(0o600)
  })

  test('is empty where there is none', () => {
    expect(readJsonLines(at('a'), 100)).toEqual([])
  })

  test('torn at every byte, loses no other line, and takes new ones (3)', async () => {
    const whole = '{"n":1}\n{"n":2}\n{"n":3}\n'
    for (let size = 0; size <= whole.length; size++) {
      fs.writeFileSync(at('a'), whole.slice(0, size))
      await appendJsonLine(at('a'), { n: 9 }, roomy)
      const complete = [7, 15, 23].filter((end) => end <= size).map((_, i) => ({ n: i + 1 }))
      expect(readJsonLines(at('a'), 10_000)).toEqual([...complete, { n: 9 }])
    }
  })

  test('never grows beyond its bound, and keeps the newest (4)', async () => {
    for (let n = 0; n < 500; n++) {
      await appendJsonLine(at('a'), { n }, { mostBytes: 1_000, durable: false })
      expect(fs.statSync(at('a')).size).toBeLessThanOrEqual(1_000)
      const read = readJsonLines(at('a'), 1_000) as { n: number }[]
      expect(read.at(-1)).toEqual({ n })
      expect(read.map((each) => each.n)).toEqual(read.map((_, i) => n - read.length + 1 + i))
      if (n > 100) expect(read.length).toBeGreaterThan(40)
    }
    expect(names()).toEqual(['a'])
  })

  test('torn when it is shortened, loses no other line (3)', async () => {
    for (let n = 0; n < 40; n++) await appendJsonLine(at('a'), { n }, roomy)
    fs.appendFileSync(at('a'), '{"torn":')
    await appendJsonLine(at('a'), { n: 40 }, { mostBytes: 300, durable: true })
    const read = readJsonLines(at('a'), 1_000) as { n: number }[]
    expect(read.slice(-2)).toEqual([{ n: 39 }, { n: 40 }])
    expect(fs.statSync(at('a')).size).toBeLessThanOrEqual(300)
  })

  test('is read no further back than asked for, from the start of a line (4)', async () => {
    for (let n = 0; n < 100; n++) await appendJsonLine(at('a'), { n }, roomy)
    const read = readJsonLines(at('a'), 50)
    expect(read.at(-1)).toEqual({ n: 99 })
    expect(read.length).toBeGreaterThan(3)
    expect(read.length).toBeLessThan(7)
  })

  test('text of many bytes a character stays within the bound', async () => {
    for (let n = 0; n < 100; n++)
      await appendJsonLine(at('a'), { text: '日本語'.repeat(5) }, { mostBytes: 500, durable: false })
    expect(fs.statSync(at('a')).size).toBeLessThanOrEqual(500)
    expect(readJsonLines(at('a'), 500).length).toBeGreaterThan(2)
  })
})

test('a folder is made with those above it, for the owner alone, and may be there', () => {
  ensureFolder(at('b/c'))
  ensureFolder(at('b/c'))
  expect(fs.statSync(at('b/c')).mode & 0o777).toBe(0o700)
})

test('a file that is removed is gone, also when it was not there', async () => {
  fs.writeFileSync(at('a'), 'x')
  await removeFile(at('a'), { durable: true })
  await removeFile(at('a'), { durable: true })
  expect(names()).toEqual([])
})

test('no line is written through a link, nor into the second name of another file (5)', async () => {
  fs.writeFileSync(at('theirs'), 'theirs\n')
  fs.linkSync(at('theirs'), at('second-name'))
  fs.symlinkSync('theirs', at('link'))
  await expect(appendJsonLine(at('second-name'), 1, roomy)).rejects.toMatchObject({ code: 'EMLINK' })
  await expect(appendJsonLine(at('link'), 1, roomy)).rejects.toMatchObject({ code: 'ELOOP' })
  expect(fs.readFileSync(at('theirs'), 'utf8')).toBe('theirs\n')
})

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { performance } from 'node:perf_hooks'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Disk } from '../../src/host/disk.ts'
import { realDisk } from '../../src/host/real-disk.ts'
import { CrashDisk } from '../doubles/crash-disk.ts'
import { diskContract } from './disk-contract.ts'

let root = ''
beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'supervise-disk-'))
})
afterEach(() => {
  fs.rmSync(root, { recursive: true })
})

describe('the real disk', () => {
  const disk = realDisk()
  diskContract(() => ({
    disk,
    root,
    symlink: (target, at) => fs.symlinkSync(target, at),
    fifo: (at) => execFileSync('mkfifo', [at]),
  }))

  test('the event loop turns during a long walk', async () => {
    fs.writeFileSync(path.join(root, 'a'), 'x')
    let turns = 0
    const beat = setInterval(() => turns++, 1)
    const began = performance.now()
    while (performance.now() - began < 400) await disk.stat(path.join(root, 'a'))
    clearInterval(beat)
    // Without a breather there would be none at all; on a busy machine still a good part of 400 / 15.
    expect(turns).toBeGreaterThan(5)
  })

  test('it does not turn at every call: 20,000 looks are quick', async () => {
    fs.writeFileSync(path.join(root, 'a'), 'x')
    let turns = 0
    let looking = true
    const count = (): void => {
      turns++
      if (looking) setImmediate(count)
    }
    setImmediate(count)
    for (let i = 0; i < 20_000; i++) await disk.stat(path.join(root, 'a'))
    looking = false
    expect(turns).toBeLessThan(1_000)
  })

  test('no descriptor is left open, whatever fails', async () => {
    const open = (): number => fs.readdirSync('/proc/self/fd').length
    fs.writeFileSync(path.join(root, 'a'), 'x')
    fs.symlinkSync('a', path.join(root, 'l'))
    const tries: (() => Promise<unknown>)[] = [
      () => disk.read(root, 0, 1),
      () => disk.list(path.join(root, 'a')),
      () => disk.sync(path.join(root, 'l')),
      () => disk.create(path.join(root, 'c'), [{ path: path.join(root, 'gone'), from: 0, to: 1 }], 0o600),
      () => disk.create(path.join(root, 'a'), [], 0o600),
      () => disk.syncDir(path.join(root, 'a')),
    ]
    const before = open()
    for (let i = 0; i < 20; i++) for (const attempt of tries) await attempt().catch(() => undefined)
    expect(open()).toBe(before)
  })
})

describe('the disk that loses power', () => {
  let disk: CrashDisk
  beforeEach(() => {
    disk = CrashDisk.of({ '/root': { dir: true } })
  })
  diskContract(() => ({
    disk,
    root: '/root',
    symlink: (target, at) => disk.put(at, { link: target }),
    fifo: (at) => disk.put(at, { fifo: true }),
  }))

  const found = (disk: CrashDisk): Set<string> =>
    new Set(
      disk
        .losses()
        .map((loss) =>
          JSON.stringify([...disk.after(loss).tree()].map(([name, { bytes }]) => [name, bytes.toString()])),
        ),
    )
  const states = (...trees: Record<string, string>[]): Set<string> =>
    new Set(
      trees.map((tree) =>
        JSON.stringify(Object.entries(tree).map(([name, bytes]) => [`/root/${name}`, bytes])),
      ),
    )
  const made = async (act: (disk: Disk) => Promise<void>): Promise<CrashDisk> => {
    await act(disk)
    return disk
  }

  test('a file that was never synced may be there without its bytes, or not be there', async () => {
    const disk = await made(async (disk) => await disk.create('/root/a', [Buffer.from('ab')], 0o600))
    expect([...found(disk)].sort()).toEqual(
      [...states({ a: '' }, { a: 'ab' }, { a: 'a' }, { a: '\0\0' }), JSON.stringify([['/root', '']])].sort(),
    )
  })

  test('synced bytes without a synced name may be lost with the name', async () => {
    const disk = await made(async (disk) => {
      await disk.create('/root/a', [Buffer.from('ab')], 0o600)
      await disk.sync('/root/a')
    })
    expect(found(disk)).toEqual(new Set([...states({ a: 'ab' }), JSON.stringify([['/root', '']])]))
  })

  test('a rename may keep both names, or lose both', async () => {
    disk.put('/root/a', 'x')
    await disk.rename('/root/a', '/root/b')
    expect([...found(disk)].sort()).toEqual(
      [...states({ a: 'x' }, { b: 'x' }, { a: 'x', b: 'x' }), JSON.stringify([['/root', '']])].sort(),
    )
  })

  test('what was synced, file and directory, is there', async () => {
    const disk = await made(async (disk) => {
      await disk.create('/root/a', [Buffer.from('ab')], 0o600)
      await disk.sync('/root/a')
      await disk.syncDir('/root')
      await disk.append('/root/a', Buffer.from('cd'))
    })
    expect([...found(disk)].sort()).toEqual(
      [...states({ a: 'ab' }, { a: 'abc' }, { a: 'abcd' }, { a: 'ab\0\0' })].sort(),
    )
  })
})

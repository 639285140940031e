/** What recovery relies on, said once for the real disk and for the double. */
import { expect, test } from 'vitest'
import type { Disk } from '../../src/host/disk.ts'
import { statAt } from '../../src/host/survey.ts'

export interface Bench {
  readonly disk: Disk
  /** An empty directory. */
  readonly root: string
  /** What the Disk cannot make itself. */
  readonly symlink: (target: string, at: string) => void
  readonly fifo: (at: string) => void
}

const text = (bytes: string): Buffer => Buffer.from(bytes)

export function diskContract(bench: () => Bench): void {
  const on = (name: string): string => `${bench().root}/${name}`
  const read = async (name: string): Promise<string> =>
    (await bench().disk.read(on(name), 0, 1 << 20)).toString()
  const make = async (name: string, content: string, mode = 0o600): Promise<void> =>
    await bench().disk.create(on(name), [text(content)], mode)
  const code = (wanted: string): object => expect.objectContaining({ name: 'DiskError', code: wanted })

  test('a file is created with exactly the mode that was asked for', async () => {
    for (const mode of [0o600, 0o644, 0o666]) {
      await make(`m${mode}`, 'x', mode)
      expect((await bench().disk.stat(on(`m${mode}`)))?.mode).toBe(mode)
    }
  })

  test('a taken name is not created again', async () => {
    await make('a', 'first')
    await expect(make('a', 'second')).rejects.toEqual(code('EEXIST'))
    expect(await read('a')).toBe('first')
  })

  test('a file is made of pieces of others, in order, larger than one read', async () => {
    const { disk } = bench()
    const big = Buffer.alloc(3_500_000, 'abcdefghij')
    await disk.create(on('big'), [big], 0o600)
    const pieces = [
      text('<'),
      { path: on('big'), from: 5, to: 2_600_003 },
      text('>'),
      { path: on('big'), from: 0, to: 3 },
    ]
    await disk.create(on('made'), pieces, 0o600)
    const made = await disk.read(on('made'), 0, 10_000_000)
    expect(made.equals(Buffer.concat([text('<'), big.subarray(5, 2_600_003), text('>abc')]))).toBe(true)
  })

  test('a range is read, and less of it where the file ends', async () => {
    await make('a', '0123456789')
    expect((await bench().disk.read(on('a'), 3, 6)).toString()).toBe('345')
    expect((await bench().disk.read(on('a'), 8, 99)).toString()).toBe('89')
    expect((await bench().disk.read(on('a'), 20, 99)).length).toBe(0)
    expect((await bench().disk.read(on('a'), 5, 5)).length).toBe(0)
  })

  test('a survey says of each name what a look at it does', async () => {
    const { disk, root, symlink, fifo } = bench()
    await make('a', 'first')
    await disk.mkdir(on('b'), 0o700)
    symlink('a', on('c'))
    fifo(on('d'))
    const survey = await disk.survey(root)
    expect(survey.names.toSorted()).toEqual(['a', 'b', 'c', 'd'])
    for (const [n, name] of survey.names.entries())
      expect([name, statAt(survey, n)]).toEqual([name, await disk.stat(on(name))])
    expect(survey.failed).toEqual([])
    await expect(disk.survey(on('a'))).rejects.toEqual(code('ENOTDIR'))
    await expect(disk.survey(on('none'))).rejects.toEqual(code('ENOENT'))
  })

  test('only what exists is appended to', async () => {
    await make('a', 'one\n')
    await bench().disk.append(on('a'), text('two\n'))
    expect(await read('a')).toBe('one\ntwo\n')
    await expect(bench().disk.append(on('b'), text('x'))).rejects.toEqual(code('ENOENT'))
  })

  test('what is not there has no stat, also below a file', async () => {
    await make('a', 'x')
    expect(await bench().disk.stat(on('b'))).toBeUndefined()
    expect(await bench().disk.stat(on('a/b'))).toBeUndefined()
  })

  test('a second name is the same file, and refuses a taken one', async () => {
    const { disk } = bench()
    await make('a', 'x')
    await make('taken', 'y')
    await disk.link(on('a'), on('b'))
    const [one, other] = [await disk.stat(on('a')), await disk.stat(on('b'))]
    expect(other).toMatchObject({ ino: one?.ino, dev: one?.dev, links: 2, mtimeMs: one?.mtimeMs })
    await disk.remove(on('a'))
    expect(await read('b')).toBe('x')
    await expect(disk.link(on('b'), on('taken'))).rejects.toEqual(code('EEXIST'))
    expect(await read('taken')).toBe('y')
  })

  test('a rename replaces, and does nothing between two names of one file', async () => {
    const { disk } = bench()
    await make('a', 'new')
    await make('b', 'old')
    await disk.rename(on('a'), on('b'))
    expect(await read('b')).toBe('new')
    expect(await disk.stat(on('a'))).toBeUndefined()
    await disk.link(on('b'), on('c'))
    await disk.rename(on('b'), on('c'))
    expect((await disk.list(bench().root)).map(({ name }) => name).sort()).toEqual(['b', 'c'])
  })

  test('an exchange leaves both files under the other name, and changes no content or time', async () => {
    const { disk } = bench()
    await make('a', 'one')
    await make('b', 'two')
    const [one, two] = [await disk.stat(on('a')), await disk.stat(on('b'))]
    expect(await disk.exchange(on('a'), on('b'))).toBe(true)
    expect(await disk.stat(on('a'))).toMatchObject({ ino: two?.ino, mtimeMs: two?.mtimeMs })
    expect(await disk.stat(on('b'))).toMatchObject({ ino: one?.ino, mtimeMs: one?.mtimeMs })
    await expect(disk.exchange(on('a'), on('gone'))).rejects.toEqual(code('ENOENT'))
    expect(await read('a')).toBe('two')
  })

  test('an empty directory goes, a full one stays', async () => {
    const { disk } = bench()
    await disk.mkdir(on('d'), 0o700)
    await disk.mkdir(on('d'), 0o700)
    await make('d/a', 'x')
    await expect(disk.remove(on('d'))).rejects.toEqual(code('ENOTEMPTY'))
    await disk.remove(on('d/a'))
    await disk.remove(on('d'))
    expect(await disk.list(bench().root)).toEqual([])
    await expect(disk.remove(on('d'))).rejects.toEqual(code('ENOENT'))
  })

  test('a directory is not made over a file', async () => {
    await make('a', 'x')
    await expect(bench().disk.mkdir(on('a'), 0o700)).rejects.toEqual(code('EEXIST'))
  })

  test('a directory moves whole, not over a full one', async () => {
    const { disk } = bench()
    for (const dir of ['d', 'e']) await disk.mkdir(on(dir), 0o700)
    await make('d/a', 'x')
    await make('e/b', 'y')
    await disk.rename(on('d'), on('moved'))
    expect(await read('moved/a')).toBe('x')
    await expect(disk.rename(on('moved'), on('e'))).rejects.toEqual(code('ENOTEMPTY'))
  })

  test('nothing follows a link in the last component', async () => {
    const { disk, symlink } = bench()
    await make('a', 'x')
    await disk.mkdir(on('d'), 0o700)
    symlink('a', on('l'))
    symlink('d', on('m'))
    expect(await disk.stat(on('l'))).toMatchObject({ kind: 'link' })
    expect(await disk.readLink(on('l'))).toBe('a')
    await expect(disk.read(on('l'), 0, 1)).rejects.toEqual(code('ELOOP'))
    await expect(disk.append(on('l'), text('x'))).rejects.toEqual(code('ELOOP'))
    await expect(disk.sync(on('l'))).rejects.toEqual(code('ELOOP'))
    await expect(disk.create(on('c'), [{ path: on('l'), from: 0, to: 1 }], 0o600)).rejects.toEqual(
      code('ELOOP'),
    )
    await expect(disk.list(on('m'))).rejects.toEqual(code('ENOTDIR'))
    await disk.link(on('l'), on('second'))
    expect(await disk.stat(on('second'))).toMatchObject({ kind: 'link' })
  })

  test('a pipe without a writer is refused at once', async () => {
    const { disk, fifo } = bench()
    fifo(on('p'))
    expect(await disk.stat(on('p'))).toMatchObject({ kind: 'other' })
    await expect(disk.read(on('p'), 0, 1)).rejects.toEqual(code('ENOTREG'))
    await expect(disk.create(on('c'), [{ path: on('p'), from: 0, to: 1 }], 0o600)).rejects.toEqual(
      code('ENOTREG'),
    )
  })

  test('a directory is no file, a file is no directory', async () => {
    const { disk } = bench()
    await make('a', 'x')
    await expect(disk.read(bench().root, 0, 1)).rejects.toEqual(code('ENOTREG'))
    await expect(disk.list(on('a'))).rejects.toEqual(code('ENOTDIR'))
    await expect(disk.syncDir(on('a'))).rejects.toEqual(code('ENOTDIR'))
    await expect(disk.list(on('gone'))).rejects.toEqual(code('ENOENT'))
    await expect(disk.sync(on('gone'))).rejects.toEqual(code('ENOENT'))
  })

  test('a listing tells files, directories, links and the rest apart', async () => {
    const { disk, symlink, fifo } = bench()
    await make('a', 'x')
    await disk.mkdir(on('d'), 0o700)
    symlink('a', on('l'))
    fifo(on('p'))
    const kinds = Object.fromEntries((await disk.list(bench().root)).map(({ name, kind }) => [name, kind]))
    expect(kinds).toEqual({ a: 'file', d: 'directory', l: 'link', p: 'other' })
  })

  test('owner and mode are taken over', async () => {
    const { disk } = bench()
    await make('a', 'x', 0o640)
    await make('b', 'y', 0o600)
    const like = (await disk.stat(on('a')))!
    await disk.copyOwner(on('b'), like)
    expect(await disk.stat(on('b'))).toMatchObject({ mode: 0o640, uid: like.uid, gid: like.gid })
  })

  test('the time of a change is set, to the microsecond before, and nothing else of the file', async () => {
    const { disk } = bench()
    await make('a', 'x', 0o640)
    const before = (await disk.stat(on('a')))!
    for (const at of [1_700_000_000_123, 1_700_000_000_123.456]) {
      await disk.setTime(on('a'), at)
      const { mtimeMs, ctimeMs, ...rest } = (await disk.stat(on('a')))!
      expect(mtimeMs).toBeLessThanOrEqual(at)
      expect(mtimeMs).toBeGreaterThan(at - 0.002)
      expect(ctimeMs).toBeGreaterThanOrEqual(before.ctimeMs)
      expect(before).toMatchObject(rest)
    }
    await expect(disk.setTime(on('none'), 0)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('of a directory, too, and of nothing else', async () => {
    const { disk, symlink } = bench()
    await make('a', 'x', 0o600)
    await disk.mkdir(on('d'), 0o700)
    symlink('d', on('l'))
    const like = { ...(await disk.stat(on('a')))!, mode: 0o750 }
    await disk.copyOwner(on('d'), like)
    expect(await disk.stat(on('d'))).toMatchObject({ kind: 'directory', mode: 0o750, uid: like.uid })
    await expect(disk.copyOwner(on('l'), like)).rejects.toMatchObject({ code: 'ELOOP' })
  })

  test('names of any characters are names', async () => {
    const names = ['with\nnewline', '\u001b[31mred', 'ünïcödé', '__proto__', ' ', '-rf']
    for (const name of names) await make(name, name)
    expect((await bench().disk.list(bench().root)).map(({ name }) => name).sort()).toEqual(names.sort())
    for (const name of names) expect(await read(name)).toBe(name)
  })

  test('a name has at most 255 bytes, whatever its characters', async () => {
    const { disk, root } = bench()
    for (const longest of ['x'.repeat(255), 'é'.repeat(127)]) {
      await make(longest, 'x')
      expect(await read(longest)).toBe('x')
    }
    await make('a', 'x')
    for (const name of ['x'.repeat(256), 'é'.repeat(128)]) {
      const tooLong = code('ENAMETOOLONG')
      await expect(make(name, 'x')).rejects.toEqual(tooLong)
      await expect(disk.mkdir(on(name), 0o700)).rejects.toEqual(tooLong)
      await expect(disk.link(on('a'), on(name))).rejects.toEqual(tooLong)
      await expect(disk.rename(on('a'), on(name))).rejects.toEqual(tooLong)
      await expect(disk.stat(on(name))).rejects.toEqual(tooLong)
      await expect(disk.remove(on(name))).rejects.toEqual(tooLong)
    }
    expect((await disk.list(root)).length).toBe(3)
  })

  test('a directory is not moved into itself', async () => {
    const { disk } = bench()
    await disk.mkdir(on('d'), 0o700)
    await expect(disk.rename(on('d'), on('d/e'))).rejects.toEqual(code('EINVAL'))
    expect(await disk.list(on('d'))).toEqual([])
  })

  test('what is written can be synced', async () => {
    await make('a', 'x')
    await bench().disk.sync(on('a'))
    await bench().disk.syncDir(bench().root)
    expect(await read('a')).toBe('x')
  })
}

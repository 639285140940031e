/**
 * A disk in memory that can lose power before any change, in every way that a disk loses things, and can fail
 * at any call.  Held to the same contract as the real one (test/host/disk-contract.ts).
 *
 * It is as mean as POSIX allows: without `sync` a file's bytes may be lost, kept, torn or NULs of the right
 * length; without `syncDir` each change of a name may be lost or kept apart from every other, so that a rename
 * may leave both names or none.  Only the move of a directory is one unit, as on every journalling file system.
 */
import {
  type Disk,
  type DirEntry,
  DiskError,
  type FileKind,
  type FileStat,
  type Segment,
} from '../../src/host/disk.ts'
import type { Survey } from '../../src/host/survey.ts'
import { surveyBy } from './survey-by.ts'

export interface Loss {
  /** Which of the pending changes of names reached the disk. */
  readonly names: ReadonlySet<number>
  /** What became of bytes that were not synced. */
  readonly bytes: 'lost' | 'kept' | 'torn' | 'nul'
}

interface Inode {
  readonly ino: number
  readonly kind: FileKind
  bytes: Buffer
  durable: Buffer
  mode: number
  durableMode: number
  uid: number
  gid: number
  mtimeMs: number
  ctimeMs: number
  links: number
  readonly target: string
  readonly entries: Map<string, Inode>
  readonly durableEntries: Map<string, Inode>
}

/** Names that reach the disk together or not at all. */
type Unit = {
  readonly dir: Inode
  readonly name: string
  readonly inode: Inode | undefined
  synced?: boolean
}[]

export type Content =
  string | Uint8Array | { readonly link: string } | { readonly dir: true } | { readonly fifo: true }

interface Options {
  /** The number of the call that fails, and how. */
  readonly failAt?: { readonly call: number; readonly code: string }
  /** A file system without hard links. */
  readonly refuseLinks?: string
  /** A file system without renameat2(RENAME_EXCHANGE). */
  readonly noExchange?: boolean
}

export class CrashDisk implements Disk {
  calls = 0
  options: Options
  /** Called before each change: the instant to take `after(...)` of, or a `copy()` for a process killed there. */
  beforeChange: (() => void) | undefined
  /** Another program's moment: called before each call of ours. */
  meanwhile: ((verb: string, path: string) => void) | undefined
  #root = inode(1, 'directory', 0o755)
  #inodes = 1
  #clock = 1_700_000_000_000
  #pending: Unit[] = []

  constructor(options: Options = {}) {
    this.options = options
  }

  /** Everything durable, as after a clean unmount. */
  static of(tree: Readonly<Record<string, Content>>, options: Options = {}): CrashDisk {
    const disk = new CrashDisk(options)
    for (const [path, content] of Object.entries(tree)) disk.put(path, content)
    return disk
  }

  /** Another program replaces a file by rename: a new inode under the name, durable at once. */
  put(path: string, content: Content, mode = 0o644): void {
    const parts = path.split('/').slice(1)
    const name = parts.pop()!
    let dir = this.#root
    for (const part of parts) {
      let next = dir.entries.get(part)
      if (!next) {
        next = inode(++this.#inodes, 'directory', 0o700, this.#tick())
        for (const names of [dir.entries, dir.durableEntries]) names.set(part, next)
      }
      dir = next
    }
    const made = this.#made(content, mode)
    for (const names of [dir.entries, dir.durableEntries]) names.set(name, made)
  }

  /** Another program writes into the file that stands there, without sync.  False when there is none. */
  scribble(path: string, bytes: Uint8Array): boolean {
    const node = this.#at(path)
    if (node?.kind !== 'file') return false
    this.#write(node, bytes)
    return true
  }

  /** Another program sets its time. */
  touch(path: string, mtimeMs: number): void {
    this.#at(path)!.mtimeMs = mtimeMs
  }

  /** Another program changes the first byte in place: same inode, same size.  False when there is none. */
  smudge(path: string): boolean {
    const node = this.#at(path)
    if (node?.kind !== 'file' || node.bytes.length === 0) return false
    node.bytes = Buffer.concat([Buffer.from('#'), node.bytes.subarray(1)])
    node.mtimeMs = this.#tick()
    return true
  }

  /** Another program has it open, whatever becomes of the name. */
  open(path: string): { write(bytes: Uint8Array): void } {
    const node = this.#file('open', path)
    return { write: (bytes) => this.#write(node, bytes) }
  }

  /** Another program removes a name. */
  drop(path: string): void {
    const { dir, name } = this.#parent(path)
    dir.entries.delete(name)
    dir.durableEntries.delete(name)
  }

  /** The bytes of every file are only in the kernel's memory yet, as a killed gateway leaves them. */
  makeDirty(path: string): void {
    this.#at(path)!.durable = Buffer.alloc(0)
  }

  /** Every file, link and other thing, by path; directories without content too. */
  tree(): Map<
    string,
    { kind: FileKind; bytes: Buffer; mode: number; mtimeMs: number; ino: number; target: string }
  > {
    const seen = new Map<
      string,
      { kind: FileKind; bytes: Buffer; mode: number; mtimeMs: number; ino: number; target: string }
    >()
    const walk = (dir: Inode, at: string): void => {
      for (const [name, node] of dir.entries) {
        const path = `${at}/${name}`
        if (node.kind === 'directory') walk(node, path)
        if (node.kind !== 'directory' || node.entries.size === 0) seen.set(path, { ...node })
      }
    }
    walk(this.#root, '')
    return seen
  }

  /** Every way in which this disk may be found when the power is back. */
  losses(): readonly Loss[] {
    const all = this.#pending.map((_, i) => i)
    const choices = [
      new Set<number>(),
      new Set(all),
      ...all.map((i) => new Set([i])),
      ...all.map((i) => new Set(all.filter((j) => j !== i))),
    ]
    const names = [...new Map(choices.map((choice) => [[...choice].join(), choice])).values()]
    const bytes: Loss['bytes'][] = this.#isDirty() ? ['lost', 'kept', 'torn', 'nul'] : ['kept']
    return names.flatMap((names) => bytes.map((bytes) => ({ names, bytes })))
  }

  after(loss: Loss, options: Options = {}): CrashDisk {
    const disk = new CrashDisk(options)
    const names = new Map<Inode, Map<string, Inode>>()
    const surviving = (dir: Inode): Map<string, Inode> => {
      const there = names.get(dir) ?? new Map(dir.durableEntries)
      names.set(dir, there)
      return there
    }
    this.#pending.forEach((unit, i) => {
      if (!loss.names.has(i)) return
      for (const { dir, name, inode } of unit) set(surviving(dir), name, inode)
    })
    const copies = new Map<Inode, Inode>()
    const copy = (node: Inode): Inode => {
      const known = copies.get(node)
      if (known) return known
      const bytes = survivingBytes(node, loss.bytes)
      const mode = loss.bytes === 'kept' ? node.mode : node.durableMode
      const made: Inode = {
        ...node,
        bytes,
        durable: bytes,
        mode,
        durableMode: mode,
        links: 0,
        entries: new Map(),
        durableEntries: new Map(),
      }
      copies.set(node, made)
      for (const [name, child] of surviving(node)) {
        const arrived = copy(child)
        arrived.links++
        for (const entries of [made.entries, made.durableEntries]) entries.set(name, arrived)
      }
      return made
    }
    disk.#root = copy(this.#root)
    disk.#inodes = this.#inodes
    disk.#clock = this.#clock
    return disk
  }

  /** The same disk with everything that is still pending, as the next process finds it after a kill. */
  copy(): CrashDisk {
    const disk = new CrashDisk(this.options)
    const copies = new Map<Inode, Inode>()
    const copy = (node: Inode): Inode => {
      const known = copies.get(node)
      if (known) return known
      const made: Inode = { ...node, entries: new Map(), durableEntries: new Map() }
      copies.set(node, made)
      for (const [name, child] of node.entries) made.entries.set(name, copy(child))
      for (const [name, child] of node.durableEntries) made.durableEntries.set(name, copy(child))
      return made
    }
    disk.#root = copy(this.#root)
    disk.#inodes = this.#inodes
    disk.#clock = this.#clock
    disk.#pending = this.#pending.map((unit) =>
      unit.map((each) => ({ ...each, dir: copy(each.dir), inode: each.inode && copy(each.inode) })),
    )
    return disk
  }

  /** Equal for two disks on which everything from now on goes the same way; times and inode numbers aside. */
  signature(): string {
    const numbers = new Map<Inode, number>()
    const told: unknown[] = []
    const tell = (node: Inode): number => {
      const known = numbers.get(node)
      if (known !== undefined) return known
      const number = numbers.size
      numbers.set(node, number)
      const durable = node.durable === node.bytes ? '' : node.durable.toString('latin1')
      const names = (entries: Map<string, Inode>): unknown =>
        [...entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, child]) => [name, tell(child)])
      const { kind, mode, durableMode, target } = node
      told[number] = [
        kind,
        mode,
        durableMode,
        target,
        node.bytes.toString('latin1'),
        durable,
        names(node.entries),
        names(node.durableEntries),
      ]
      return number
    }
    tell(this.#root)
    const pending = this.#pending.map((unit) =>
      unit.map(({ dir, name, inode, synced }) => [tell(dir), name, inode && tell(inode), synced]),
    )
    return JSON.stringify([told, pending])
  }

  async list(dir: string): Promise<readonly DirEntry[]> {
    this.#call('list', dir)
    const node = this.#at(dir) ?? fail('list', dir, 'ENOENT')
    if (node.kind !== 'directory') fail('list', dir, 'ENOTDIR')
    return [...node.entries].map(([name, { kind }]) => ({ name, kind }))
  }

  async survey(dir: string): Promise<Survey> {
    const names = (await this.list(dir)).map(({ name }) => name)
    return await surveyBy(dir, names, async (path) => await this.stat(path))
  }

  async stat(path: string): Promise<FileStat | undefined> {
    this.#call('look at', path)
    const node = this.#at(path)
    if (!node) return undefined
    const { kind, mtimeMs, ctimeMs, ino, links, mode, uid, gid } = node
    return { kind, bytes: node.bytes.length, mtimeMs, ctimeMs, dev: 1, ino, links, mode, uid, gid }
  }

  async read(path: string, from: number, to: number): Promise<Buffer> {
    this.#call('read', path)
    return Buffer.from(this.#file('read', path).bytes.subarray(from, Math.max(from, to)))
  }

  async readLink(path: string): Promise<string> {
    this.#call('read the link', path)
    const node = this.#at(path) ?? fail('read the link', path, 'ENOENT')
    return node.kind === 'link' ? node.target : fail('read the link', path, 'EINVAL')
  }

  async create(path: string, content: readonly Segment[], mode: number): Promise<void> {
    const failure = this.#change('create', path)
    const { dir, name } = this.#parent(path)
    if (dir.entries.has(name)) fail('create', path, 'EEXIST')
    // Whoever repairs is somebody else than the owner of the state.
    const made = { ...inode(++this.#inodes, 'file', mode, this.#tick()), uid: 0, gid: 0 }
    const parts = content.map((part) =>
      part instanceof Uint8Array ? part : this.#file('read', part.path).bytes.subarray(part.from, part.to),
    )
    const whole = Buffer.concat(parts)
    // A disk that fills up or fails does so in the middle.
    made.bytes = failure ? whole.subarray(0, whole.length >> 1) : whole
    this.#name([{ dir, name, inode: made }])
    if (failure) throw failure
  }

  async append(path: string, bytes: Uint8Array): Promise<void> {
    const failure = this.#change('append to', path)
    const file = this.#file('append to', path)
    this.#write(file, failure ? bytes.subarray(0, bytes.length >> 1) : bytes)
    if (failure) throw failure
  }

  async link(from: string, to: string): Promise<void> {
    this.#changeOrFail('link', to)
    const node = this.#at(from) ?? fail('link', to, 'ENOENT')
    if (node.kind === 'directory') fail('link', to, 'EPERM')
    if (this.#at(to)) fail('link', to, 'EEXIST')
    if (this.options.refuseLinks !== undefined) fail('link', to, this.options.refuseLinks)
    node.ctimeMs = this.#tick()
    this.#name([{ ...this.#parent(to), inode: node }])
  }

  async rename(from: string, to: string): Promise<void> {
    this.#changeOrFail('rename to', to)
    const node = this.#at(from) ?? fail('rename to', to, 'ENOENT')
    const there = this.#at(to)
    // Two names of one file: POSIX says that nothing happens.
    if (there === node) return
    if (node.kind === 'directory' && to.startsWith(`${from}/`)) fail('rename to', to, 'EINVAL')
    if (there && node.kind === 'directory' && there.kind !== 'directory') fail('rename to', to, 'ENOTDIR')
    if (there?.kind === 'directory') {
      if (node.kind !== 'directory') fail('rename to', to, 'EISDIR')
      if (there.entries.size > 0) fail('rename to', to, 'ENOTEMPTY')
    }
    node.ctimeMs = this.#tick()
    const appears = { ...this.#parent(to), inode: node }
    const goes = { ...this.#parent(from), inode: undefined }
    if (node.kind === 'directory') this.#name([appears, goes])
    else this.#name([appears], [goes])
  }

  async exchange(one: string, other: string): Promise<boolean> {
    this.#changeOrFail('exchange', other)
    const first = this.#at(one) ?? fail('exchange', other, 'ENOENT')
    const second = this.#at(other) ?? fail('exchange', other, 'ENOENT')
    if (this.options.noExchange === true) return false
    first.ctimeMs = second.ctimeMs = this.#tick()
    this.#name([{ ...this.#parent(one), inode: second }], [{ ...this.#parent(other), inode: first }])
    return true
  }

  async remove(path: string): Promise<void> {
    this.#changeOrFail('remove', path)
    const node = this.#at(path) ?? fail('remove', path, 'ENOENT')
    if (node.entries.size > 0) fail('remove', path, 'ENOTEMPTY')
    this.#name([{ ...this.#parent(path), inode: undefined }])
  }

  async mkdir(path: string, mode: number): Promise<void> {
    this.#changeOrFail('make the directory', path)
    const there = this.#at(path)
    if (there?.kind === 'directory') return
    if (there) fail('make the directory', path, 'EEXIST')
    this.#name([{ ...this.#parent(path), inode: inode(++this.#inodes, 'directory', mode, this.#tick()) }])
  }

  async copyOwner(path: string, like: FileStat): Promise<void> {
    this.#changeOrFail('set the owner of', path)
    const { mode, uid, gid } = like
    const there = this.#at(path)
    const node = there?.kind === 'directory' ? there : this.#file('open', path)
    Object.assign(node, { mode, uid, gid, ctimeMs: this.#tick() })
  }

  async setTime(path: string, mtimeMs: number): Promise<void> {
    this.#changeOrFail('set the time of', path)
    Object.assign(this.#file('open', path), { mtimeMs, ctimeMs: this.#tick() })
  }

  async sync(path: string): Promise<void> {
    this.#changeOrFail('sync', path)
    const file = this.#file('sync', path)
    file.durable = file.bytes
    file.durableMode = file.mode
  }

  async syncDir(dir: string): Promise<void> {
    this.#changeOrFail('sync the directory', dir)
    const node = this.#at(dir) ?? fail('sync the directory', dir, 'ENOENT')
    if (node.kind !== 'directory') fail('sync the directory', dir, 'ENOTDIR')
    this.#pending = this.#pending.filter((unit) => {
      // Which directory's sync commits a move between two is the file system's own affair: both count.
      for (const each of unit) each.synced ||= each.dir === node
      const whole = unit.every(({ synced }) => synced)
      if (whole) for (const each of unit) set(each.dir.durableEntries, each.name, each.inode)
      return !whole
    })
  }

  #call(verb: string, path: string, changes = false): DiskError | undefined {
    if (changes) this.beforeChange?.()
    this.meanwhile?.(verb, path)
    const { failAt } = this.options
    if (this.calls++ !== failAt?.call) return undefined
    const failure = new DiskError(verb, path, Object.assign(new Error(failAt.code), { code: failAt.code }))
    if (changes) return failure
    throw failure
  }

  #change(verb: string, path: string): DiskError | undefined {
    return this.#call(verb, path, true)
  }

  #changeOrFail(verb: string, path: string): void {
    const failure = this.#change(verb, path)
    if (failure) throw failure
  }

  #name(...units: Unit[]): void {
    for (const unit of units) {
      for (const { dir, name, inode } of unit) {
        const old = dir.entries.get(name)
        if (old) old.links--
        if (inode) inode.links++
        set(dir.entries, name, inode)
        dir.mtimeMs = this.#tick()
      }
      this.#pending.push(unit)
    }
  }

  #at(path: string): Inode | undefined {
    let node: Inode | undefined = this.#root
    for (const part of path.split('/').slice(1)) {
      if (part === '') continue
      if (node?.kind === 'directory') checkName(part, path)
      node = node?.entries.get(part)
    }
    return node
  }

  #parent(path: string): { dir: Inode; name: string } {
    const cut = path.lastIndexOf('/')
    const dir = this.#at(path.slice(0, cut)) ?? fail('find', path, 'ENOENT')
    if (dir.kind !== 'directory') fail('find', path, 'ENOTDIR')
    const name = path.slice(cut + 1)
    checkName(name, path)
    return { dir, name }
  }

  #file(verb: string, path: string): Inode {
    const node = this.#at(path) ?? fail(verb, path, 'ENOENT')
    if (node.kind === 'link') fail(verb, path, 'ELOOP')
    return node.kind === 'file' ? node : fail(verb, path, 'ENOTREG')
  }

  #isDirty(): boolean {
    const seen = new Set<Inode>()
    const walk = (node: Inode): boolean => {
      if (seen.has(node)) return false
      seen.add(node)
      if (node.bytes !== node.durable || node.mode !== node.durableMode) return true
      return [...node.entries.values(), ...node.durableEntries.values()].some(walk)
    }
    return walk(this.#root) || this.#pending.some((unit) => unit.some(({ inode }) => inode && walk(inode)))
  }

  #write(file: Inode, bytes: Uint8Array): void {
    file.bytes = Buffer.concat([file.bytes, bytes])
    file.mtimeMs = this.#tick()
  }

  #made(content: Content, mode: number): Inode {
    const at = this.#tick()
    const ino = ++this.#inodes
    if (typeof content === 'string' || content instanceof Uint8Array) {
      const bytes = Buffer.from(content)
      return { ...inode(ino, 'file', mode, at), bytes, durable: bytes, links: 1 }
    }
    if ('link' in content) return { ...inode(ino, 'link', 0o777, at), target: content.link, links: 1 }
    return { ...inode(ino, 'dir' in content ? 'directory' : 'other', mode, at), links: 1 }
  }

  #tick(): number {
    return ++this.#clock
  }
}

const nothing = Buffer.alloc(0)

const inode = (ino: number, kind: FileKind, mode: number, at = 0): Inode => ({
  ino,
  kind,
  bytes: nothing,
  durable: nothing,
  mode,
  durableMode: mode,
  uid: 1000,
  gid: 1000,
  mtimeMs: at,
  ctimeMs: at,
  links: 0,
  target: '',
  entries: new Map(),
  durableEntries: new Map(),
})

const set = (names: Map<string, Inode>, name: string, inode: Inode | undefined): void => {
  if (inode) names.set(name, inode)
  else names.delete(name)
}

function survivingBytes(node: Inode, how: Loss['bytes']): Buffer {
  const { bytes, durable } = node
  if (bytes === durable || how === 'kept') return bytes
  if (how === 'lost') return durable
  const half = durable.length + ((bytes.length - durable.length) >> 1)
  if (how === 'torn') return bytes.subarray(0, half)
  return Buffer.concat([durable, Buffer.alloc(Math.max(0, bytes.length - durable.length))])
}

const longestNameBytes = 255

function checkName(name: string, path: string): void {
  if (name.length * 3 > longestNameBytes && Buffer.byteLength(name) > longestNameBytes)
    fail('find', path, 'ENAMETOOLONG')
}

function fail(verb: string, path: string, code: string): never {
  throw new DiskError(verb, path, Object.assign(new Error(code), { code }))
}

/**
 * How recovery looks: every access that can fail becomes a value, and a failure a finding, so that one unreadable
 * file neither hides the rest nor passes for sound.
 *
 * Nothing is followed: a link, a FIFO, a socket or a device where a file of the gateway's belongs is reported, never
 * opened.  A directory may be a link as long as it leads inside the state directory.
 */
import { DiskError, type DirEntry, type FileStat } from '../host/disk.ts'
import type { Survey } from '../host/survey.ts'
import { baseName, dirName, inside, resolvePath } from '../openclaw/posix-path.ts'
import { longLineOf, type Text } from '../openclaw/transcript-line.ts'
import type { Notebook } from './notebook.ts'
import { isOurs } from './places.ts'
import type { Site } from './site.ts'

const pieceBytes = 1024 * 1024
/** Longer lines are not held: only their beginning and end are looked at. */
export const longestLineBytes = 16 * 1024 * 1024
const glimpseBytes = 64 * 1024
/** Of what somebody keeps on another disk. */
export const wayOut = 'mount it there instead'

export class Eyes {
  readonly site: Site
  readonly notes: Notebook
  readonly #signal: AbortSignal | undefined
  readonly #real = new Map<string, string>()

  constructor(site: Site, notes: Notebook, signal?: AbortSignal) {
    this.site = site
    this.notes = notes
    this.#signal = signal
  }

  /** Undefined when there is no such directory, or none that may be looked into (then that is a finding). */
  async list(dir: string): Promise<readonly DirEntry[] | undefined> {
    return await this.#within(dir, async (real) => await this.site.disk.list(real))
  }

  /** As `list`, with what is known of each. */
  async survey(dir: string): Promise<Survey | undefined> {
    const survey = await this.#within(dir, async (real) => await this.site.disk.survey(real))
    for (const error of survey?.failed ?? []) await this.#failed(`${dir}/${baseName(error.path)}`, error)
    return survey
  }

  async #within<T>(dir: string, look: (real: string) => Promise<T>): Promise<T | undefined> {
    this.#signal?.throwIfAborted()
    return await this.#try(dir, async () => {
      const stat = await this.site.disk.stat(dir)
      if (stat === undefined) return undefined
      if (stat.kind === 'directory') return await look(dir)
      if (stat.kind === 'link') {
        const real = await this.real(dir)
        if (this.isOfState(real) && (await this.site.disk.stat(real))?.kind === 'directory')
          return await look(real)
        this.misplaced(dir, `a link that leads outside, where a directory belongs (${wayOut})`)
        return undefined
      }
      this.misplaced(dir, 'no directory, where one belongs')
      return undefined
    })
  }

  async stat(path: string): Promise<FileStat | undefined> {
    return await this.#try(path, async () => {
      const stat = await this.site.disk.stat(path)
      if (stat?.kind === 'file') this.notes.files++
      return stat
    })
  }

  /** What is not there is left out. */
  async stats(dir: string, names: readonly string[]): Promise<Map<string, FileStat>> {
    const stats = new Map<string, FileStat>()
    for (const name of names) {
      const stat = await this.stat(`${dir}/${name}`)
      if (stat?.kind === 'file') stats.set(name, stat)
    }
    return stats
  }

  /** A file of the gateway's; what is there but no regular file is a finding, and undefined. */
  async file(path: string): Promise<FileStat | undefined> {
    const stat = await this.stat(path)
    if (stat === undefined) return undefined
    if (stat.kind === 'file') return (await this.isInPlace(dirName(path))) ? stat : undefined
    this.misplaced(path, `${kindInWords(stat.kind)}, where a file belongs`)
    return undefined
  }

  /** A folder of the state that a link leads out of it is a finding: a repair would change what lies elsewhere. */
  async isInPlace(dir: string): Promise<boolean> {
    if (inside(this.site.stateDir, dir) === undefined) return true
    const real = await this.real(dir)
    if (real === dir || this.isOfState(real)) return true
    this.misplaced(dir, `reached through a link, at ${JSON.stringify(real)} (${wayOut})`)
    return false
  }

  /** What is kept in our own folder is none of the gateway's. */
  isOfState(real: string): boolean {
    const name = inside(this.site.stateDir, real)
    return name !== undefined && !isOurs(name)
  }

  /** Undefined when it cannot be read; that is a finding. */
  async read(path: string, from: number, to: number): Promise<Buffer | undefined> {
    this.#signal?.throwIfAborted()
    return await this.#try(path, async () => await this.site.disk.read(path, from, to))
  }

  async whole(path: string, stat: FileStat, limitBytes: number): Promise<Buffer | undefined> {
    this.notes.read++
    if (stat.bytes > limitBytes) {
      this.notes.found({
        kind: 'unreadable',
        severity: 'blocks',
        path,
        evidence: `${stat.bytes} bytes, over the ${limitBytes} that are looked at`,
        repair: null,
        without: 'needs-operator',
        command: `ls -l ${quoted(path)}`,
      })
      return undefined
    }
    return await this.read(path, 0, stat.bytes)
  }

  /** Line by line, in bounded pieces.  False when it could not be read to its end. */
  async lines(path: string, bytes: number, each: (text: Text) => void): Promise<boolean> {
    let held: Buffer[] = []
    let heldBytes = 0
    let from = 0
    let tooLong: { readonly head: string; tail: Buffer } | undefined
    const emit = (piece: Buffer, to: number, ended: boolean): void => {
      if (tooLong !== undefined) {
        const tail = Buffer.concat([tooLong.tail, piece]).subarray(-glimpseBytes)
        each({ text: undefined, line: longLineOf(tooLong.head, tail.toString('utf8')), from, to, ended })
      } else {
        const line = held.length === 0 ? piece : Buffer.concat([...held, piece])
        each({ text: line.toString('utf8'), from, to, ended })
      }
      held = []
      heldBytes = 0
      tooLong = undefined
      from = to
    }
    for (let at = 0; at < bytes;) {
      const piece = await this.read(path, at, Math.min(bytes, at + pieceBytes))
      if (piece === undefined) return false
      if (piece.length === 0) break
      let start = 0
      for (;;) {
        const newline = piece.indexOf(10, start)
        if (newline === -1) break
        emit(piece.subarray(start, newline), at + newline + 1, true)
        start = newline + 1
      }
      const rest = piece.subarray(start)
      at += piece.length
      if (rest.length === 0) continue
      if (tooLong !== undefined) tooLong.tail = Buffer.concat([tooLong.tail, rest]).subarray(-glimpseBytes)
      else {
        held.push(rest)
        heldBytes += rest.length
        if (heldBytes > longestLineBytes) {
          const all = Buffer.concat(held)
          tooLong = {
            head: all.subarray(0, glimpseBytes).toString('utf8'),
            tail: Buffer.from(all.subarray(-glimpseBytes)),
          }
          held = []
        }
      }
    }
    if (heldBytes > 0) emit(Buffer.alloc(0), bytes, false)
    return true
  }

  /** Where a path really leads, links in every component followed as far as they exist and may be asked. */
  async real(path: string): Promise<string> {
    return this.#real.get(path) ?? (await this.#try(path, async () => await this.#realStep(path, 0))) ?? path
  }

  async #realStep(path: string, depth: number): Promise<string> {
    if (path === '/' || depth > 40) return path
    const dir = dirName(path)
    const realDir = this.#real.get(dir) ?? (await this.#realStep(dir, depth))
    const here = resolvePath(realDir, path.slice(dir === '/' ? 1 : dir.length + 1))
    const isLink = (await this.#kindOnTheWay(here)) === 'link'
    const real = isLink
      ? await this.#realStep(resolvePath(realDir, await this.site.disk.readLink(here)), depth + 1)
      : here
    this.#real.set(path, real)
    return real
  }

  /**
   * A moved state still names its old place, which may be shut off now (another user's home, a unit's ProtectHome=).
   * Outside of the state, what may not be looked at is no damage, and leads nowhere: for the gateway neither.
   */
  async #kindOnTheWay(path: string): Promise<FileStat['kind'] | undefined> {
    try {
      return (await this.site.disk.stat(path))?.kind
    } catch (error) {
      const isShut = error instanceof DiskError && ['EACCES', 'EPERM'].includes(error.code)
      if (isShut && inside(this.site.stateDir, path) === undefined) return undefined
      throw error
    }
  }

  misplaced(path: string, what: string): void {
    if (this.#isUnreadable(path)) return
    this.notes.found({
      kind: 'unreadable',
      severity: 'blocks',
      path,
      evidence: `${what}: not followed, not opened`,
      repair: null,
      without: 'needs-operator',
      command: `ls -ld ${quoted(path)}`,
    })
  }

  async #try<T>(path: string, act: () => Promise<T>): Promise<T | undefined> {
    try {
      return await act()
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      await this.#failed(path, error)
      return undefined
    }
  }

  async #failed(path: string, error: DiskError): Promise<void> {
    if (this.#isUnreadable(path)) return
    // Gone between two calls of ours: another program is at work.
    const isGone = error.code === 'ENOENT'
    if (error.canPass || isGone) {
      this.notes.found({
        kind: isGone ? 'unreadable' : 'disk-failing',
        severity: 'blocks',
        path,
        evidence: error.message,
        repair: null,
        without: 'retry-later',
      })
      return
    }
    this.notes.found({
      kind: 'unreadable',
      severity: 'blocks',
      path,
      evidence: error.message,
      repair: null,
      without: 'needs-operator',
      command: await this.#mends(path, error.code),
    })
  }

  #isUnreadable(path: string): boolean {
    const seen = this.notes.shown(path)
    return this.notes.findings.some(
      ({ path: said, kind }) => said === seen && (kind === 'unreadable' || kind === 'disk-failing'),
    )
  }

  /** The one command that gives the file back to whoever owns the state. */
  async #mends(path: string, code: string): Promise<string> {
    if (code !== 'EACCES' && code !== 'EPERM') return `ls -ld ${quoted(path)}`
    const stat = async (one: string): Promise<FileStat | undefined> => {
      try {
        return await this.site.disk.stat(one)
      } catch (error) {
        if (error instanceof DiskError) return undefined
        throw error
      }
    }
    const owner = await stat(this.site.stateDir)
    const file = await stat(path)
    if (owner !== undefined && file?.uid === owner.uid)
      return `chmod u+rw${file.kind === 'directory' ? 'x' : ''} ${quoted(path)}`
    return owner === undefined
      ? `ls -ld ${quoted(path)}`
      : `chown -R ${owner.uid}:${owner.gid} ${quoted(file === undefined ? dirName(path) : path)}`
  }
}

const kindInWords = (kind: FileStat['kind']): string =>
  kind === 'link' ? 'a link' : kind === 'directory' ? 'a directory' : 'a FIFO, socket or device'

/** For a shell, in one line, whatever bytes the name holds. */
export const quoted = (path: string): string =>
  /^[\w./@%+=:,-]+$/.test(path)
    ? path
    : // eslint-disable-next-line no-control-regex
      /[\u0000-\u001f\u007f]/.test(path)
      ? `$'${path.replace(/['\\]/g, '\\$&').replace(
          // eslint-disable-next-line no-control-regex
          /[\u0000-\u001f\u007f]/g,
          (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
        )}'`
      : `'${path.replaceAll("'", String.raw`'\''`)}'`

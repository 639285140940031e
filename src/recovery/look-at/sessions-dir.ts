/** One `agents/<id>/sessions` directory under inspection: its names, and what is known of it so far. */
import type { FileKind, FileStat } from '../../host/disk.ts'
import { indexName, sessionsName, transcriptName, type SessionsName } from '../../openclaw/layout.ts'
import type { LockHolder, LockState } from '../../openclaw/lock-file.ts'
import type { IndexEdit } from '../../openclaw/session-index.ts'
import { isUnchanged, type Confirmed } from '../checkpoint.ts'
import { newestIndex, readableGenerations, type IndexGeneration } from '../generations.ts'
import type { Eyes } from '../eyes.ts'
import type { PutBack } from '../finding.ts'
import type { Notebook } from '../notebook.ts'
import type { Because } from '../seen.ts'

/** How much of a transcript is read: nothing of one that did not change, then its ends, or all of it. */
export interface Depth {
  readonly changed: 'ends' | 'whole'
  /** Undefined: nothing is trusted. */
  readonly trust: Confirmed | undefined
}

export interface Archive {
  readonly name: string
  readonly why: 'deleted' | 'reset' | 'bak' | 'repair'
  readonly at: number
}

export interface Lock {
  readonly name: string
  readonly base: string
  readonly stat: FileStat
  readonly holder: LockHolder
  readonly state: LockState
}

export class SessionsDir {
  readonly eyes: Eyes
  readonly notes: Notebook
  readonly dir: string
  readonly agentId: string
  readonly depth: Depth
  /** Of every regular file in it. */
  readonly stats: ReadonlyMap<string, FileStat>
  /** What is no regular file. */
  readonly others: readonly { readonly name: string; readonly kind: FileKind }[]
  /** File (absolute) -> the sessions that name it. */
  readonly named = new Map<string, string[]>()
  /** Transcript (absolute) into which words come that stood in the trajectory only -> when they were said. */
  readonly firstWords = new Map<string, number>()
  /** Put back in the index with less than all that was known of them. */
  readonly putBack: PutBack[] = []
  readonly edits: IndexEdit[] = []
  readonly indexBecause: Because[] = []
  locks: readonly Lock[] = []
  readonly #is = new Map<string, SessionsName>()
  #lastIndex: Promise<IndexGeneration | undefined> | undefined
  #archives: ReadonlyMap<string, readonly Archive[]> | undefined

  constructor(
    eyes: Eyes,
    where: { readonly dir: string; readonly agentId: string; readonly depth: Depth },
    stats: ReadonlyMap<string, FileStat>,
    others: SessionsDir['others'],
  ) {
    this.eyes = eyes
    this.notes = eyes.notes
    this.dir = where.dir
    this.agentId = where.agentId
    this.depth = where.depth
    this.stats = stats
    this.others = others
  }

  path(name: string): string {
    return `${this.dir}/${name}`
  }

  is(name: string): SessionsName {
    let what = this.#is.get(name)
    if (what === undefined) this.#is.set(name, (what = sessionsName(name)))
    return what
  }

  /** A file, or whatever else stands under its name: nothing can be put there. */
  isTaken(name: string): boolean {
    return this.stats.has(name) || this.others.some((one) => one.name === name)
  }

  /** Names of one kind, sorted: what is said of a directory does not depend on the order in which it is listed. */
  of<Is extends SessionsName['is']>(
    is: Is,
  ): { readonly name: string; readonly stat: FileStat; readonly what: SessionsName & { is: Is } }[] {
    const found = []
    for (const [name, stat] of this.stats) {
      const what = this.is(name)
      if (what.is === is) found.push({ name, stat, what: what as SessionsName & { is: Is } })
    }
    return found.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** The archives of a file that had this name, newest first. */
  archivesOf(name: string): readonly Archive[] {
    return this.archives.get(name) ?? []
  }

  get archives(): ReadonlyMap<string, readonly Archive[]> {
    if (this.#archives !== undefined) return this.#archives
    const archives = new Map<string, Archive[]>()
    for (const { name, what } of this.of('archive')) {
      const archive = { name, why: what.why, at: what.at }
      const list = archives.get(what.of)
      if (list === undefined) archives.set(what.of, [archive])
      else list.push(archive)
    }
    for (const list of archives.values()) list.sort((a, b) => b.at - a.at)
    return (this.#archives = archives)
  }

  /** The newest sound generation of the index that we kept. */
  lastIndex(): Promise<IndexGeneration | undefined> {
    const { site } = this.eyes
    return (this.#lastIndex ??= readableGenerations(site, this.path(indexName)).then((all) =>
      newestIndex(site, all),
    ))
  }

  isUnchanged(name: string): boolean {
    const stat = this.stats.get(name)
    return stat !== undefined && isUnchanged(stat, this.depth.trust?.marks.get(name))
  }

  /** A writer that lives has it open: what looks torn is a line on its way. */
  isBeingWritten(name: string): boolean {
    return this.locks.some((lock) => transcriptName(lock.base) === name && lock.state === 'held')
  }

  isReported(path: string): boolean {
    const shown = this.notes.shown(path)
    return this.notes.findings.some((one) => one.path === shown)
  }

  edit(edit: IndexEdit, because: Because): void {
    this.edits.push(edit)
    this.indexBecause.push(because)
  }
}

export const counted = (count: number, what: string, many = `${what}s`): string =>
  `${count} ${count === 1 ? what : many}`

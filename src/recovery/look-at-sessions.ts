/**
 * One `agents/<id>/sessions` directory: the index, what it names, and what nothing names.
 *
 * The order of questions: what is there by name; is the index sound, and if not, which generation stands in for it;
 * then, by the entries that will be in force, is each transcript there and whole; then pointers, locks, debris.
 */
import type { FileStat } from '../host/disk.ts'
import { indexName, sessionsName } from '../openclaw/layout.ts'
import {
  lockHolder,
  lockLimitBytes,
  lockState,
  type LockHolder,
  type LockState,
} from '../openclaw/lock-file.ts'
import { baseName, dirName, inside } from '../openclaw/posix-path.ts'
import { sessionFile } from '../openclaw/session-file.ts'
import {
  indexEdits,
  indexLimitBytes,
  indexOf,
  isInFlight,
  markBytes,
  sessionIndex,
  type IndexEdit,
  type SessionEntry,
} from '../openclaw/session-index.ts'
import { isLeftToOthers, recoveredKey } from '../openclaw/session-key.ts'
import { isRecordedElsewhere, pointer, pointerLimitBytes } from '../openclaw/trajectory.ts'
import { type Reading } from '../openclaw/transcript.ts'
import { isUnchanged, type Mark } from './checkpoint.ts'
import { quoted, type Eyes } from './eyes.ts'
import { lookAtTail, lookAtTranscript } from './look-at-lines.ts'
import { spliced, type Notebook } from './notebook.ts'
import { otherRecord, type OtherRecord } from './other-record.ts'
import type { Because } from './seen.ts'
import { whoseTranscript } from './whose-transcript.ts'

/** How much of a transcript is read: nothing of one that did not change, then its ends, or all of it. */
export interface Depth {
  readonly changed: 'ends' | 'whole'
  /** Undefined: nothing is trusted. */
  readonly marks: ReadonlyMap<string, Mark> | undefined
}

export interface Names {
  readonly dir: string
  readonly agentId: string
  /** Of every regular file in it. */
  readonly stats: ReadonlyMap<string, FileStat>
  /** The name a file had -> the archives of it, newest first. */
  readonly archives: ReadonlyMap<string, readonly Archive[]>
}

export interface Archive {
  readonly name: string
  readonly why: 'deleted' | 'reset' | 'bak' | 'repair'
}

interface Lock {
  readonly name: string
  readonly base: string
  readonly stat: FileStat
  readonly holder: LockHolder
  readonly state: LockState
}

export async function lookAtSessions(
  eyes: Eyes,
  dir: string,
  agentId: string,
  depth: Depth,
): Promise<Names | undefined> {
  const names = await namesIn(eyes, dir, agentId)
  if (names === undefined) return undefined
  await new Look(eyes, names, depth).run()
  return names
}

/** Everything in the directory, each file looked at once. */
async function namesIn(eyes: Eyes, dir: string, agentId: string): Promise<Names | undefined> {
  const entries = await eyes.list(dir)
  if (entries === undefined) return undefined
  const stats = new Map<string, FileStat>()
  const archives = new Map<string, Archive[]>()
  for (const { name, kind } of entries) {
    if (name.startsWith('.supervise-')) continue
    const path = `${dir}/${name}`
    const what = sessionsName(name)
    if (kind !== 'file') {
      if (what.is === 'lock') notAFile(eyes.notes, path, await eyes.stat(path))
      else if (what.is === 'index-lock') indexLockNotAFile(eyes.notes, path, await eyes.stat(path))
      else if (what.is === 'index' || what.is === 'transcript')
        eyes.misplaced(path, `a ${kind === 'other' ? 'FIFO, socket or device' : kind}, where a file belongs`)
      continue
    }
    const stat = await eyes.stat(path)
    if (stat === undefined || stat.kind !== 'file') continue
    stats.set(name, stat)
    if (what.is === 'archive') {
      const list = archives.get(what.of) ?? []
      list.push({ name, why: what.why })
      archives.set(what.of, list)
    }
  }
  for (const list of archives.values())
    list.sort((a, b) => stats.get(b.name)!.mtimeMs - stats.get(a.name)!.mtimeMs || (a.name < b.name ? 1 : -1))
  return { dir, agentId, stats, archives }
}

function notAFile(notes: Notebook, path: string, stat: FileStat | undefined): void {
  if (stat === undefined) return
  const because = notes.found({
    kind: 'lock-not-a-file',
    severity: 'blocks',
    path,
    evidence: `a ${stat.kind === 'other' ? 'FIFO, socket or device' : stat.kind}, where the gateway looks for a lock file: it stops cleaning up there`,
    repair: 'set it aside',
  })
  notes.remedy('evidence', path, [because], { do: 'set-aside', found: stat })
}

function indexLockNotAFile(notes: Notebook, path: string, stat: FileStat | undefined): void {
  if (stat === undefined) return
  const because = notes.found({
    kind: 'index-lock',
    severity: 'blocks',
    path,
    evidence: `a ${stat.kind}, where the lock of the index belongs: every run fails`,
    repair: 'set it aside',
  })
  notes.remedy('evidence', path, [because], { do: 'set-aside', found: stat })
}

class Look {
  readonly #eyes: Eyes
  readonly #notes: Notebook
  readonly #names: Names
  readonly #depth: Depth
  readonly #edits: IndexEdit[] = []
  readonly #indexBecause: Because[] = []
  /** File (absolute) -> keys that name it. */
  readonly #named = new Map<string, string[]>()
  #locks: readonly Lock[] = []

  constructor(eyes: Eyes, names: Names, depth: Depth) {
    this.#eyes = eyes
    this.#notes = eyes.notes
    this.#names = names
    this.#depth = depth
  }

  async run(): Promise<void> {
    this.#locks = await this.#readLocks()
    const base = await this.#index()
    if (base === undefined) return
    const { entries } = base
    this.#notes.sessions += entries.size
    for (const [key, entry] of entries) if (entry !== null) await this.#entry(key, entry)
    this.#marks(entries)
    await this.#unindexed(base)
    this.#writeIndex(base)
    await this.#pointers()
    await this.#trajectories()
    this.#archived()
    this.#debris()
  }

  // -- the index ---------------------------------------------------------------------------------------------

  /** What stands in for the index; undefined when there is nothing to go by. */
  async #index(): Promise<Base | undefined> {
    const path = this.#path(indexName)
    const stat = this.#names.stats.get(indexName)
    if (stat === undefined) {
      const hidden = this.#notes.findings.some(
        (one) => one.path === this.#notes.shown(path) && one.kind === 'unreadable',
      )
      if (hidden) return undefined
      const transcripts = this.#transcripts()
      if (transcripts.length === 0)
        return { bytes: undefined, from: 0, file: null, entries: new Map(), isNew: false, isDamaged: false }
      return await this.#generation(
        'index-missing',
        `no ${indexName}, but ${counted(transcripts.length, 'transcript')}`,
        undefined,
      )
    }
    const bytes = await this.#eyes.whole(path, stat, indexLimitBytes)
    if (bytes === undefined) return undefined
    const index = sessionIndex(bytes)
    if (index.is === 'sound')
      return { bytes, from: 0, file: { path, stat }, entries: index.entries, isNew: false, isDamaged: false }
    const evidence = `${stat.bytes} bytes: ${index.why}`
    if (index.soundBehindMark === true) {
      const behind = sessionIndex(bytes.subarray(markBytes))
      const because = this.#notes.found({
        kind: 'index-unreadable',
        severity: 'loses',
        path,
        evidence,
        repair: 'take the mark away',
      })
      this.#indexBecause.push(because)
      if (behind.is === 'sound')
        return {
          bytes,
          from: markBytes,
          file: { path, stat },
          entries: behind.entries,
          isNew: true,
          isDamaged: true,
        }
    }
    return await this.#generation('index-unreadable', evidence, stat)
  }

  /** The newest sound generation on disk.  Snapshots of our own will come first in this list. */
  async #generation(
    kind: 'index-unreadable' | 'index-missing',
    evidence: string,
    found: FileStat | undefined,
  ): Promise<Base> {
    const path = this.#path(indexName)
    const candidates = [...this.#names.stats]
      .filter(([name]) => ['index-tmp', 'index-backup'].includes(sessionsName(name).is))
      .sort(([, a], [, b]) => b.mtimeMs - a.mtimeMs)
    for (const [name, stat] of candidates) {
      if (stat.bytes > indexLimitBytes) continue
      const bytes = await this.#eyes.whole(this.#path(name), stat, indexLimitBytes)
      const index = bytes === undefined ? undefined : sessionIndex(bytes)
      if (bytes === undefined || index?.is !== 'sound' || index.entries.size === 0) continue
      this.#indexBecause.push(
        this.#notes.found({
          kind,
          severity: 'loses',
          path,
          evidence,
          repair: `restore ${counted(index.entries.size, 'session')} from ${JSON.stringify(name)}, then add what is newer from the transcripts`,
        }),
      )
      return {
        bytes,
        from: 0,
        file: { path: this.#path(name), stat },
        entries: index.entries,
        isNew: true,
        isDamaged: true,
        found,
      }
    }
    this.#indexBecause.push(
      this.#notes.found({
        kind,
        severity: 'loses',
        path,
        evidence,
        repair: 'rebuild it from the transcripts and their trajectories',
      }),
    )
    return { bytes: undefined, from: 0, file: null, entries: new Map(), isNew: true, isDamaged: true, found }
  }

  #writeIndex(base: Base): void {
    if (!base.isNew && this.#edits.length === 0) return
    const path = this.#path(indexName)
    const found = this.#names.stats.get(indexName) ?? null
    if (base.bytes === undefined || base.file === null) {
      const text = indexOf(this.#edits)
      this.#notes.remedy(
        'index',
        path,
        this.#indexBecause,
        spliced(null, [{ from: 0, to: 0, put: text }], found),
      )
      return
    }
    const edits = indexEdits(base.bytes, this.#edits, base.from)
    const cut = base.from === 0 ? [] : [{ from: 0, to: base.from, put: '' }]
    this.#notes.remedy('index', path, this.#indexBecause, spliced(base.file, [...cut, ...edits], found))
  }

  // -- entries and their transcripts ---------------------------------------------------------------------------

  async #entry(key: string, entry: SessionEntry): Promise<void> {
    const where = { stateDir: this.#eyes.site.stateDir, sessionsDir: this.#names.dir }
    let file = sessionFile(entry, where)
    if (file.is === 'outside') {
      // A state reached through a link is named by the link: only where it really leads counts.
      const real = `${await this.#eyes.real(dirName(file.path))}/${baseName(file.path)}`
      if (inside(where.stateDir, real) !== undefined) file = { is: 'inside', path: real }
    }
    if (file.is === 'none') return
    let path = file.path
    if (file.is === 'outside') {
      path = this.#path(baseName(file.path))
      const isHere = this.#names.stats.has(baseName(path))
      const because = this.#notes.found({
        kind: 'pointer-outside',
        severity: 'loses',
        path: this.#path(indexName),
        evidence: `session ${JSON.stringify(key)} is read from and written to ${JSON.stringify(file.path)}`,
        repair: `point it at ${isHere ? 'the file of that name' : 'a file of that name, to be made,'} in this state`,
      })
      this.#edit({ do: 'set', key, field: 'sessionFile', value: path }, because)
    }
    const keys = this.#named.get(path)
    if (keys !== undefined) {
      keys.push(key)
      return
    }
    this.#named.set(path, [key])
    if (dirName(path) !== this.#names.dir) return
    const stat = this.#names.stats.get(baseName(path))
    if (stat === undefined) {
      // What is there but no regular file was reported when the directory was read.
      if (!this.#isReported(path)) await this.#missing(path, entry, undefined)
    } else if (stat.bytes === 0) await this.#missing(path, entry, stat)
    else await this.#present(path, stat, entry)
  }

  #isReported(path: string): boolean {
    const shown = this.#notes.shown(path)
    return this.#notes.findings.some((one) => one.path === shown)
  }

  async #present(path: string, stat: FileStat, entry: SessionEntry): Promise<void> {
    this.#notes.transcripts++
    const name = baseName(path)
    if (isUnchanged(stat, this.#depth.marks?.get(name))) return
    const reading = await lookAtTranscript(this.#eyes, path, stat, this.#depth.changed, {
      id: entry.sessionId,
      cwd: undefined,
      timestamp: isoOf(entry.startedAt ?? entry.updatedAt ?? stat.mtimeMs),
    })
    if (reading === undefined || reading.defects.length === 0) return
    if (this.#isBeingWritten(name)) return
    if (reading.lines === 0) {
      await this.#missing(path, entry, stat)
      return
    }
    this.#mend(path, path, stat, reading, stat)
  }

  /** Findings for each defect, one change for all of them. */
  #mend(path: string, base: string, baseStat: FileStat, reading: Reading, found: FileStat | null): void {
    if (reading.tooMany) {
      this.#notes.found({
        kind: 'unreadable',
        severity: 'blocks',
        path,
        evidence: 'more damaged places than a crash makes: this is no transcript',
        repair: null,
        without: 'needs-operator',
        command: `file ${quoted(path)}`,
      })
      return
    }
    const because = reading.defects.map((defect) =>
      this.#notes.found({
        kind: `transcript-${defect.is}`,
        severity: 'loses',
        path,
        evidence: defect.evidence,
        repair: mendInWords[defect.is],
      }),
    )
    this.#notes.remedy(
      'content',
      path,
      because,
      spliced({ path: base, stat: baseStat }, reading.mends, found),
    )
  }

  /** Nothing of the history is in its place: absent, empty, or not one line that parses. */
  async #missing(path: string, entry: SessionEntry, found: FileStat | undefined): Promise<void> {
    const name = baseName(path)
    const isAbsent = found === undefined
    const what = isAbsent ? 'absent' : found.bytes === 0 ? 'empty' : 'without one line that parses'
    const kind = isAbsent ? 'transcript-missing' : 'transcript-bad-header'
    const other = await otherRecord(
      this.#eyes,
      this.#names,
      name,
      entry,
      isoOf(entry.startedAt ?? entry.updatedAt ?? 0),
    )
    // The first turn is written down only when its first answer is complete; after a reset there is nothing, either.
    if (other.is === 'none' && !entry.hadTurn && (found?.bytes ?? 0) === 0) return
    if (entry.keptElsewhere && other.is === 'none') return
    if (this.#isBeingWritten(name)) return
    const turn = `a turn of session ${JSON.stringify(this.#named.get(path)?.[0])} was completed, its transcript is ${what}`
    if (other.is === 'none' && this.#eyes.site.policy.onLoss === 'hold') {
      this.#notes.found({
        kind,
        severity: 'loses',
        path,
        evidence: `${turn}; nothing on disk still holds it`,
        repair: null,
        without: 'needs-operator',
        command: `supervise run --on-loss start`,
      })
      return
    }
    const because = this.#notes.found({
      kind,
      severity: 'loses',
      path,
      evidence: `${turn}${other.is === 'none' ? '; nothing on disk still holds it' : ''}`,
      repair: other.is === 'none' ? 'begin it anew: the history is lost' : other.inWords,
    })
    this.#restore(path, entry, other, because, found ?? null)
  }

  #restore(
    path: string,
    entry: SessionEntry,
    other: OtherRecord,
    because: Because,
    found: FileStat | null,
  ): void {
    if (other.is === 'archive') {
      if (other.mends.length === 0 && found === null && other.moves)
        this.#notes.remedy('content', path, [because], {
          do: 'put-back',
          from: other.path,
          found: other.stat,
        })
      else
        this.#notes.remedy(
          'content',
          path,
          [because],
          spliced({ path: other.path, stat: other.stat }, other.mends, found),
        )
      return
    }
    const text =
      other.is === 'trajectory'
        ? other.text
        : `${JSON.stringify({ type: 'session', version: 3, id: entry.sessionId, timestamp: isoOf(entry.startedAt ?? entry.updatedAt ?? 0) })}\n`
    this.#notes.remedy('content', path, [because], {
      ...spliced(null, [{ from: 0, to: 0, put: text }], found),
      ...(found === null ? { mode: 0o644 } : {}),
    })
  }

  // -- transcripts that no entry names -------------------------------------------------------------------------

  async #unindexed(base: Base): Promise<void> {
    const { policy } = this.#eyes.site
    const isRebuilding = base.isDamaged && base.from === 0
    const lost = this.#transcripts().filter((name) => !this.#named.has(this.#path(name)))
    if (lost.length === 0) return
    if (!isRebuilding && !policy.adopt) {
      const bytes = lost.reduce((sum, name) => sum + this.#names.stats.get(name)!.bytes, 0)
      this.#notes.found({
        kind: 'unindexed-transcripts',
        severity: 'benign',
        path: this.#names.dir,
        evidence: `${counted(lost.length, 'transcript')} (${bytes} bytes) that no session names, first ${JSON.stringify(lost.toSorted()[0])}`,
        repair: null,
      })
      return
    }
    if (!isRebuilding)
      this.#indexBecause.push(
        this.#notes.found({
          kind: 'unindexed-transcripts',
          severity: 'benign',
          path: this.#names.dir,
          evidence: `${counted(lost.length, 'transcript')} that no session names`,
          repair: 'put them back in the index',
        }),
      )
    const taken = new Set(base.entries.keys())
    const claims = []
    for (const name of lost) {
      const claim = await whoseTranscript(this.#eyes, this.#names, name)
      if (claim !== undefined) claims.push(claim)
    }
    // The newest by its last line keeps a key that several claim.
    claims.sort((a, b) => b.lastAt - a.lastAt || (a.name < b.name ? -1 : 1))
    for (const claim of claims) {
      const key =
        claim.key !== undefined && !taken.has(claim.key)
          ? claim.key
          : freeKey(taken, recoveredKey(this.#names.agentId, claim.sessionId))
      taken.add(key)
      this.#notes.sessions++
      const path = this.#path(claim.name)
      const lock = this.#locks.find((one) => `${one.base}.jsonl` === claim.name)
      const isCutOff = lock !== undefined && lock.state !== 'held'
      const entry = {
        sessionId: claim.sessionId,
        updatedAt: claim.lastAt,
        sessionFile: path,
        sessionStartedAt: claim.firstAt,
        lastInteractionAt: claim.lastAt,
        // A lock beside it: its turn was under way, and only an entry that says so is resumed.
        ...(isCutOff ? { status: 'running', startedAt: lock.holder.createdAt ?? claim.lastAt } : {}),
      }
      this.#edits.push({ do: 'add', key, entry })
      this.#named.set(path, [key])
      this.#notes.transcripts++
      if (claim.reading.defects.length > 0) {
        const stat = this.#names.stats.get(claim.name)!
        this.#mend(path, path, stat, claim.reading, stat)
      }
    }
  }

  // -- locks ---------------------------------------------------------------------------------------------------

  async #readLocks(): Promise<readonly Lock[]> {
    const { site } = this.#eyes
    const locks: Lock[] = []
    for (const [name, stat] of this.#names.stats) {
      const what = sessionsName(name)
      if (what.is !== 'lock' && what.is !== 'index-lock') continue
      const bytes = await this.#eyes.read(this.#path(name), 0, lockLimitBytes)
      if (bytes === undefined) continue
      const holder = lockHolder(bytes.toString('utf8'))
      const state = lockState(holder, { now: site.now(), startTicksOf: (pid) => site.startTicksOf(pid) })
      if (holder.pid !== null && holder.pid === site.liveGatewayPid) {
        locks.push({ name, base: what.is === 'lock' ? what.base : '', stat, holder, state: 'held' })
        continue
      }
      locks.push({ name, base: what.is === 'lock' ? what.base : '', stat, holder, state })
    }
    return locks
  }

  /** A writer that lives has it open: what looks torn is a line on its way. */
  #isBeingWritten(name: string): boolean {
    return this.#locks.some((lock) => `${lock.base}.jsonl` === name && lock.state === 'held')
  }

  #marks(entries: ReadonlyMap<string, SessionEntry | null>): void {
    const { policy } = this.#eyes.site
    const owned = new Set<string>()
    for (const lock of this.#locks) {
      if (lock.name === `${indexName}.lock`) {
        this.#indexLock(lock)
        continue
      }
      const path = this.#path(lock.name)
      const meant = [...entries].flatMap(([key, entry]) =>
        entry !== null && this.#means(key, entry, lock) ? [{ key, entry }] : [],
      )
      for (const { key } of meant) owned.add(key)
      if (lock.state === 'held') continue
      const resumable = meant.filter(
        ({ key, entry }) => entry.status === 'running' && !isLeftToOthers(key, entry),
      )
      const unmarked = resumable.filter(({ entry }) => !entry.abortedLastRun)
      if (lock.state === 'misread') {
        const because = this.#notes.found({
          kind: 'lock-misread',
          severity: 'blocks',
          path,
          evidence: `its writer is gone, but pid ${lock.holder.pid} is alive as another process and no start time tells them apart`,
          repair:
            unmarked.length > 0
              ? 'mark the cut-off turn for the gateway to resume, then set the lock aside'
              : 'set it aside',
        })
        for (const { key } of unmarked)
          this.#edit({ do: 'set', key, field: 'abortedLastRun', value: true }, because)
        this.#notes.remedy('evidence', path, [because], { do: 'set-aside', found: lock.stat })
        continue
      }
      const renamed = unmarked.filter(({ entry }) => entry.sessionId !== lock.base)
      if (renamed.length > 0) {
        const because = this.#notes.found({
          kind: 'lock-name-mismatch',
          severity: 'loses',
          path,
          evidence: `session ${JSON.stringify(renamed[0]!.key)} was reset: its lock bears another id, so its cut-off turn would be forgotten`,
          repair: 'mark the cut-off turn for the gateway to resume',
        })
        for (const { key } of renamed)
          this.#edit({ do: 'set', key, field: 'abortedLastRun', value: true }, because)
        continue
      }
      this.#notes.found({
        kind: 'lock-stale',
        severity: 'benign',
        path,
        evidence: `its writer (pid ${lock.holder.pid ?? 'unknown'}) is gone: the gateway's only sign of a cut-off turn`,
        repair: null,
      })
    }
    if (policy.resume !== 'all') return
    for (const [key, entry] of entries) {
      if (entry === null || owned.has(key) || entry.abortedLastRun || !isInFlight(entry)) continue
      if (isLeftToOthers(key, entry)) continue
      const because = this.#notes.found({
        kind: 'lock-stale',
        severity: 'benign',
        path: this.#path(indexName),
        evidence: `session ${JSON.stringify(key)}: a turn was cut off by a stop that took its lock away`,
        repair: 'mark it for the gateway to resume',
      })
      this.#edit({ do: 'set', key, field: 'abortedLastRun', value: true }, because)
    }
  }

  #means(key: string, entry: SessionEntry, lock: Lock): boolean {
    return (
      entry.sessionId === lock.base ||
      (this.#named.get(this.#path(`${lock.base}.jsonl`))?.includes(key) ?? false)
    )
  }

  #indexLock(lock: Lock): void {
    const path = this.#path(lock.name)
    if (lock.holder.pid !== null && lock.holder.pid === this.#eyes.site.liveGatewayPid) return
    if (lock.state === 'held') {
      this.#notes.found({
        kind: 'index-lock',
        severity: 'blocks',
        path,
        evidence: `held by pid ${lock.holder.pid}, which lives and is not the gateway`,
        repair: null,
        without: 'retry-later',
      })
      return
    }
    const because = this.#notes.found({
      kind: 'index-lock',
      severity: 'blocks',
      path,
      evidence: `left by ${lock.holder.pid === null ? 'a writer that cannot be told' : `pid ${lock.holder.pid}`}, which is gone: runs wait for it, and fail`,
      repair: 'set it aside',
    })
    this.#notes.remedy('evidence', path, [because], { do: 'set-aside', found: lock.stat })
  }

  // -- pointers, trajectories, archives, debris ----------------------------------------------------------------

  async #pointers(): Promise<void> {
    const { site } = this.#eyes
    for (const [name, stat] of this.#names.stats) {
      const what = sessionsName(name)
      if (what.is !== 'pointer') continue
      const own = `${what.base}.trajectory.jsonl`
      const isHere = this.#names.stats.has(own)
      if (isHere && isUnchanged(stat, this.#depth.marks?.get(name))) continue
      const path = this.#path(name)
      this.#notes.read++
      const bytes = await this.#eyes.read(path, 0, pointerLimitBytes)
      const read = bytes === undefined ? undefined : pointer(bytes.toString('utf8'))
      // Written in place, so it may be torn: then nobody follows it, and the next run writes it anew.
      if (read === undefined || isRecordedElsewhere(read)) continue
      const leads = this.#path(baseName(read.runtimeFile))
      const isOutside =
        inside(site.stateDir, read.runtimeFile) === undefined &&
        inside(site.stateDir, await this.#eyes.real(read.runtimeFile)) === undefined
      const target = this.#names.stats.has(baseName(read.runtimeFile)) ? leads : undefined
      if (isOutside && target !== undefined) {
        const because = this.#notes.found({
          kind: 'pointer-outside',
          severity: 'benign',
          path,
          evidence: `names ${JSON.stringify(read.runtimeFile)}, while the trajectory is here`,
          repair: 'point it here',
        })
        const text = `${JSON.stringify({ traceSchema: 'openclaw-trajectory-pointer', schemaVersion: 1, sessionId: read.sessionId, runtimeFile: target }, null, 2)}\n`
        this.#notes.remedy(
          'pointer',
          path,
          [because],
          spliced({ path, stat }, [{ from: 0, to: stat.bytes, put: text }], stat),
        )
        continue
      }
      if (isOutside ? target !== undefined : await this.#isThere(read.runtimeFile)) continue
      if (site.liveGatewayPid !== undefined) continue
      const missing = baseName(read.runtimeFile)
      const archived = this.#names.archives.get(missing)?.find((one) => one.why === 'deleted')
      const isNamed = this.#named.has(this.#path(`${what.base}.jsonl`))
      if (archived !== undefined && isNamed) {
        const because = this.#notes.found({
          kind: 'trajectory-missing',
          severity: 'benign',
          path: leads,
          evidence: `named by ${JSON.stringify(name)}, absent, archived as ${JSON.stringify(archived.name)} while its session lives`,
          repair: 'put it back',
        })
        this.#notes.remedy('content', leads, [because], {
          do: 'put-back',
          from: this.#path(archived.name),
          found: this.#names.stats.get(archived.name)!,
        })
        continue
      }
      const because = this.#notes.found({
        kind: 'trajectory-missing',
        severity: 'benign',
        path,
        evidence: `names ${JSON.stringify(read.runtimeFile)}, which is absent`,
        repair: 'set the dangling pointer aside',
      })
      this.#notes.remedy('pointer', path, [because], { do: 'set-aside', found: stat })
    }
  }

  async #isThere(path: string): Promise<boolean> {
    if (dirName(path) === this.#names.dir) return this.#names.stats.has(baseName(path))
    return (await this.#eyes.stat(await this.#eyes.real(path))) !== undefined
  }

  async #trajectories(): Promise<void> {
    for (const [name, stat] of this.#names.stats) {
      const what = sessionsName(name)
      if (what.is !== 'trajectory' || isUnchanged(stat, this.#depth.marks?.get(name))) continue
      const path = this.#path(name)
      const tail = await lookAtTail(this.#eyes, path, stat)
      if (tail === undefined || tail.is === 'sound') continue
      if (this.#eyes.site.liveGatewayPid !== undefined || this.#isBeingWritten(`${what.base}.jsonl`)) continue
      const because = this.#notes.found({
        kind: 'trajectory-torn',
        severity: 'benign',
        path,
        evidence:
          tail.is === 'torn'
            ? `the last ${stat.bytes - tail.soundBytes} bytes do not parse`
            : 'the last line is whole, but nothing ends it',
        repair: tail.is === 'torn' ? 'keep the tail, cut to the last whole line' : 'end the line',
      })
      const splice =
        tail.is === 'torn'
          ? { from: tail.soundBytes, to: stat.bytes, put: '' }
          : { from: stat.bytes, to: stat.bytes, put: '\n' }
      this.#notes.remedy('content', path, [because], spliced({ path, stat }, [splice], stat))
    }
  }

  /** What a `doctor --fix` renamed away from sessions that live on. */
  #archived(): void {
    const { policy } = this.#eyes.site
    for (const [of, archives] of this.#names.archives) {
      const archived = archives.find((one) => one.why === 'deleted')
      if (archived === undefined) continue
      const what = sessionsName(of)
      if (what.is !== 'transcript' && what.is !== 'trajectory') continue
      if (!this.#named.has(this.#path(`${what.base}.jsonl`))) continue
      const path = this.#path(archived.name)
      const live = this.#path(of)
      const isLive = this.#names.stats.has(of)
      if (this.#isReported(live)) continue
      if (!isLive && what.is === 'trajectory') {
        const because = this.#notes.found({
          kind: 'wrongly-archived',
          severity: 'benign',
          path,
          evidence: `archived while its session lives, and nothing stands in its place`,
          repair: 'put it back',
        })
        this.#notes.remedy('content', live, [because], {
          do: 'put-back',
          from: path,
          found: this.#names.stats.get(archived.name)!,
        })
        continue
      }
      if (!isLive) continue
      this.#notes.found({
        kind: 'wrongly-archived',
        severity: 'benign',
        path,
        evidence: `archived while its session lives; a newer ${what.is} stands in its place`,
        repair: policy.unarchive ? 'nothing: both are kept as they are' : null,
      })
    }
  }

  #debris(): void {
    const { policy } = this.#eyes.site
    const debris = [...this.#names.stats].filter(([name]) =>
      ['debris', 'index-tmp'].includes(sessionsName(name).is),
    )
    if (debris.length === 0) return
    const bytes = debris.reduce((sum, [, stat]) => sum + stat.bytes, 0)
    const because = this.#notes.found({
      kind: 'leftover-tmp',
      severity: 'benign',
      path: this.#names.dir,
      evidence: `${counted(debris.length, 'file')} (${bytes} bytes) left by writes that were cut off, first ${JSON.stringify(debris.map(([name]) => name).toSorted()[0])}`,
      repair: policy.tidy ? 'set them aside' : null,
    })
    if (!policy.tidy) return
    for (const [name, stat] of debris)
      this.#notes.remedy('evidence', this.#path(name), [because], { do: 'set-aside', found: stat })
  }

  // ------------------------------------------------------------------------------------------------------------

  #edit(edit: IndexEdit, because: Because): void {
    this.#edits.push(edit)
    this.#indexBecause.push(because)
  }

  #path(name: string): string {
    return `${this.#names.dir}/${name}`
  }

  #transcripts(): string[] {
    return [...this.#names.stats.keys()].filter((name) => sessionsName(name).is === 'transcript')
  }
}

/** What the new index is made of. */
interface Base {
  readonly bytes: Buffer | undefined
  /** Bytes at its beginning that do not belong to it. */
  readonly from: number
  readonly file: { readonly path: string; readonly stat: FileStat } | null
  readonly entries: ReadonlyMap<string, SessionEntry | null>
  /** It replaces what stands in the index's place. */
  readonly isNew: boolean
  readonly isDamaged: boolean
  readonly found?: FileStat | undefined
}

const mendInWords = {
  'no-final-newline': 'end the line',
  'torn-tail': 'keep the tail, cut to the last whole line',
  'bad-header': 'keep the line, write a header',
  'torn-middle': 'keep the line, restore the link across it',
} as const

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`

function freeKey(taken: ReadonlySet<string>, key: string): string {
  let free = key
  for (let number = 2; taken.has(free); number++) free = `${key}-${number}`
  return free
}

const isoOf = (ms: number): string => {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? new Date(0).toISOString() : date.toISOString()
}

/**
 * The databases of 2026.8.1 and later, by the eyes of a gateway that is about to start on them.
 *
 * The worst that happens here happens in silence: a database that is empty or missing is made anew, and a year of
 * history is gone without a word. So whatever proves that one was there (the control plane's register, the last
 * confirmed look, a snapshot, its own log) keeps the gateway from starting without it.
 */
import { whichNode, type Looked, type Questions } from '../../host/sqlite.ts'
import { sizeAgainst } from '../../host/sqlite-file.ts'
import {
  controlPlane,
  createdAt,
  deletedAgents,
  firstWithSessions,
  joins,
  jsonColumns,
  lifeOf,
  metaOf,
  missedIn,
  quarantineStore,
  questions,
  registered,
  roleInside,
  worthQuestions,
  type Life,
  type Role,
} from '../../openclaw/databases.ts'
import { baseName, dirName, inside } from '../../openclaw/posix-path.ts'
import { acceptedLosses } from '../accepted-losses.ts'
import { isUnchanged, type Checkpoint } from '../checkpoint.ts'
import { type Eyes, quoted } from '../eyes.ts'
import type { FileStat } from '../../host/disk.ts'
import type { DatabaseSeen } from '../database-file.ts'
import type { Because } from '../seen.ts'
import {
  folderOf,
  newestSnapshot,
  newestWithSessions,
  ofAnEarlierLife,
  snapshots,
  soundSnapshot,
  type Snapshot,
} from '../database-snapshots.ts'
import { isoOf } from '../iso.ts'
import { readRepairs, type Repair } from '../journal.ts'
import { wasConfirmed } from '../proven.ts'
import { undoneBy } from '../repairs.ts'
import type { Ask } from '../verdict.ts'
import type { WhichStore } from '../which-store.ts'
import { lookAtGatewayLocks, lookAtQuarantine, lookAtReappeared, lookAtRoom } from './beside-store.ts'
import { lookAtNoLog, lookForLostCommits, restoreIfLogIsGone } from './database-logs.ts'
import { putBackLog } from './log-taken-away.ts'
import { asideBeside, mendDatabase, restoreDatabase, restoring } from './database-remedies.ts'

export interface StoreLook {
  readonly owed: Ask['owed']
  /** The last confirmed look, whatever it may still be trusted for: what was there then was there. */
  readonly confirmed: Checkpoint | undefined
  readonly trust: Checkpoint | undefined
}

/** Directory -> what was there, as far as a later look may trust it. */
export async function lookAtStore(
  eyes: Eyes,
  which: WhichStore,
  look: StoreLook,
): Promise<ReadonlyMap<string, ReadonlyMap<string, FileStat>>> {
  const seen = new Map<string, ReadonlyMap<string, FileStat>>()
  lookAtRoom(eyes)
  // What a living gateway writes is torn in any copy of ours.
  if (eyes.site.liveGatewayPid !== undefined) return seen
  const store = new StoreEyes(eyes, look, which.unimported, await acceptedLosses(eyes.site))
  const state = which.databases.find(({ role }) => role === 'state')
  const agents = which.databases.filter(({ role }) => role === 'agent')

  const answers = await store.lookAtControlPlane(state, which)
  const known = new Map(agents.map((one) => [one.path, one]))
  const deleted = deletedAgents(answers?.['deleted'])
  for (const { agentId, path } of registered(answers?.['agents'])) {
    const full = `${eyes.site.stateDir}/${path}`
    if (deleted.has(agentId)) continue
    if ((known.get(full)?.stat?.bytes ?? 0) > 0) continue
    const gone = known.get(full) ?? missing('agent', agentId, full)
    known.set(full, gone)
    await store.lookAtAbsent(gone, 'the control plane has it in its register')
  }
  for (const one of known.values())
    if ((one.stat?.bytes ?? 0) === 0 && one.agentId !== null && deleted.has(one.agentId))
      known.delete(one.path)
  const isTold = (one: DatabaseSeen): boolean =>
    eyes.notes.findings.some(({ path }) => path === eyes.notes.shown(one.path))
  for (const one of known.values())
    if (one.stat !== null && !(one.stat.bytes === 0 && isTold(one)))
      if (!store.setAsideIfHardlyBegun(one, null)) await store.lookAt(one)
  for (const one of known.values()) if (one.stat === null && !isTold(one)) await store.lookAtAbsent(one, null)
  // Without a register to ask.
  for (const { role, agentId, path } of answers === undefined ? which.proven : [])
    if (agentId !== null && !known.has(path)) await store.lookAtAbsent(missing(role, agentId, path), null)
  await lookAtQuarantine(eyes)
  for (const path of which.reappeared) await lookAtReappeared(eyes, path, which.stampedBy)
  await lookAtGatewayLocks(eyes)
  if (store.couldNotTell !== null)
    eyes.notes.found({
      kind: 'unreadable',
      severity: 'benign',
      path: controlPlane,
      evidence: store.couldNotTell,
      repair: null,
    })
  for (const one of [...(state === undefined ? [] : [state]), ...known.values()]) {
    // That it is named is the proof that it was there.
    if (one.stat === null || one.stat.bytes === 0) continue
    const stats = new Map<string, FileStat>([[baseName(one.path), one.stat]])
    for (const { path, stat } of one.beside) stats.set(baseName(path), stat)
    seen.set(dirName(one.path), stats)
  }
  return seen
}

const missing = (role: Role, agentId: string | null, path: string): DatabaseSeen => ({
  role,
  agentId,
  path,
  stat: null,
  header: { is: 'no-database', why: 'not there' },
  log: { is: 'empty' },
  index: undefined,
  beside: [],
  userVersion: null,
})

class StoreEyes {
  couldNotTell: string | null = null
  readonly #eyes: Eyes
  readonly #look: StoreLook

  /** What an agent had is in files still: a database that is gone, or hardly begun, is made from them. */
  readonly #unimported: ReadonlySet<string>

  readonly #accepted: ReadonlySet<string>
  /** What the control plane answered. */
  #control: (Looked & { is: 'read' })['answers'] | undefined
  #read: Promise<readonly Repair[]> | undefined

  constructor(eyes: Eyes, look: StoreLook, unimported: ReadonlySet<string>, accepted: ReadonlySet<string>) {
    this.#unimported = unimported
    this.#accepted = accepted
    this.#eyes = eyes
    this.#look = look
  }

  /** Thousands of files, perhaps, and as many databases: read once. */
  async #repairs(): Promise<readonly Repair[]> {
    return await (this.#read ??= readRepairs(this.#eyes.site))
  }

  async #putBackLog(one: DatabaseSeen): Promise<boolean> {
    return await putBackLog(this.#eyes, one, () => this.#repairs())
  }

  #isUnimported({ agentId }: DatabaseSeen): boolean {
    return agentId !== null && this.#unimported.has(agentId)
  }

  async lookAtControlPlane(
    state: DatabaseSeen | undefined,
    which: WhichStore,
  ): Promise<(Looked & { is: 'read' })['answers'] | undefined> {
    const path = `${this.#eyes.site.stateDir}/${controlPlane}`
    if (state?.stat != null && state.stat.bytes > 0) return await this.lookAt(state)
    const hasSessions = (which.schema?.agent ?? 0) >= firstWithSessions.agent
    const isDerivedThere =
      (await this.#eyes.stat(`${this.#eyes.site.stateDir}/${quarantineStore}`)) !== undefined
    await this.lookAtAbsent(
      state ?? missing('state', null, path),
      hasSessions
        ? 'the databases of the agents are there'
        : isDerivedThere
          ? 'what is derived from it is there'
          : null,
    )
    return undefined
  }

  /** Empty or missing: held, or restored, where anything proves that it was there. */
  async lookAtAbsent(one: DatabaseSeen, proof: string | null): Promise<void> {
    if (this.#isUnimported(one) || this.#isUnseen(one)) return
    const { notes, site } = this.#eyes
    const snapshot = await soundSnapshot(site, one)
    const log = one.beside.find(({ path, stat }) => path.endsWith('-wal') && stat.bytes > 0)
    const proven =
      proof ??
      ((snapshot ?? (await newestSnapshot(site, one))) !== null
        ? 'there is a snapshot of it'
        : log !== undefined
          ? 'its log is there'
          : wasConfirmed(this.#eyes, this.#look.confirmed, one.path)
            ? 'it was there at the last confirmed look'
            : null)
    if (proven === null) return
    const evidence = `${one.stat === null ? 'missing' : `${one.stat.bytes} bytes`}, and ${proven}: the gateway would begin a new one, without a word`
    const finding = { kind: 'db-empty-or-missing', severity: 'loses', path: one.path, evidence } as const
    if (snapshot === null && (site.policy.acceptLoss || this.#accepted.has(notes.shown(one.path))))
      await this.#acceptLoss(one, evidence)
    else if (snapshot === null)
      notes.found({
        ...finding,
        evidence: `${evidence}. There is no sound snapshot of it: put a backup back under its name (with its -wal, where there is one), or say that its loss is known`,
        repair: null,
        without: 'needs-operator',
        command: `supervise repair --state-dir ${quoted(site.stateDir)} --accept-loss`,
      })
    else restoreDatabase(this.#eyes, one, snapshot, notes.found({ ...finding, repair: restoring(snapshot) }))
  }

  /** Something stands there, or above it, that is not looked at: held for that, and nobody may say that it is gone. */
  #isUnseen({ path }: DatabaseSeen): boolean {
    const { notes } = this.#eyes
    const seen = notes.shown(path)
    return notes.findings.some(
      (one) =>
        (one.kind === 'unreadable' || one.kind === 'disk-failing') &&
        one.severity === 'blocks' &&
        (one.path === seen || inside(one.path, seen) !== undefined),
    )
  }

  /** Told at each look until it is there again; what was beside it belongs to no new one. */
  async #acceptLoss(one: DatabaseSeen, evidence: string): Promise<void> {
    const { notes, site } = this.#eyes
    const left = (await snapshots(site, one)).length
    const stay =
      left === 0
        ? ''
        : `; what is left of it, ${left === 1 ? 'a damaged snapshot' : `${left} damaged snapshots`} in ${notes.shown(folderOf(site, one))}, stays until newer ones take that place`
    const because = notes.found({
      kind: 'db-empty-or-missing',
      severity: 'benign',
      path: one.path,
      evidence: `${evidence}. Its loss was accepted${stay}`,
      repair: null,
    })
    asideBeside(notes, one, [because])
  }

  /** What it answered, where it could be asked. */
  async lookAt(one: DatabaseSeen): Promise<(Looked & { is: 'read' })['answers'] | undefined> {
    if (!this.#isAsConfirmed(one) && (await this.#putBackLog(one))) return undefined
    if (await restoreIfLogIsGone(this.#eyes, one, this.#look.confirmed)) return undefined
    const answers = await this.#lookInto(one)
    // After what sets the log aside altogether.
    lookForLostCommits(this.#eyes, one, this.#look.confirmed)
    return answers
  }

  async #lookInto(one: DatabaseSeen): Promise<(Looked & { is: 'read' })['answers'] | undefined> {
    const { notes, site } = this.#eyes
    if (one.stat === null || one.stat.bytes === 0) {
      await this.lookAtAbsent(one, null)
      return undefined
    }
    const outside =
      one.header.is === 'no-database'
        ? `${one.stat.bytes} bytes: ${one.header.why}`
        : one.log.is === 'log' && one.log.frames > 0
          ? null
          : sizeAgainst(one.header, one.stat.bytes)
    if (outside !== null) {
      await this.#corrupt(one, outside)
      return undefined
    }
    // Looked into all the same: SQLite takes it for none, and what else is wrong is to be known before anything changes.
    if (one.log.is === 'no-log') lookAtNoLog(this.#eyes, one, one.log.why)
    if (!this.#hasRightVersion(one)) return undefined
    if (site.databases === undefined) {
      this.couldNotTell = whichNode
      return undefined
    }
    const isSpared = this.#isAsConfirmed(one)
    if (!isSpared) notes.read++
    const looked = await site.databases.look(one.path, this.#questionsFor(one.role, isSpared))
    if (looked.is === 'cannot-tell') {
      this.couldNotTell = looked.why
      return undefined
    }
    const damage = looked.is === 'unreadable' ? looked.why : looked.damage[0]
    if (damage !== undefined && looked.is === 'read' && isSomebodyElses(one, looked)) {
      // Mended, it would be refused all the same.
      this.#hasRightOwner(one, looked)
      return undefined
    }
    if (damage !== undefined || looked.is === 'unreadable') {
      await this.#corrupt(one, damage ?? 'cannot be read')
      return undefined
    }
    if (this.setAsideIfHardlyBegun(one, looked)) return undefined
    if (one.role === 'state') this.#control = looked.answers
    if (this.#hasRightOwner(one, looked)) {
      await this.#lookAtRows(one, looked)
      await this.#lookForEarlierLife(one, looked)
    }
    notes.sessions += count(looked, 'sessions')
    notes.transcripts += count(looked, 'transcripts')
    return looked.answers
  }

  #questionsFor(role: Role, isSpared: boolean): Questions {
    const depth = isSpared ? 'none' : this.#look.owed === 'no' ? 'quick' : 'full'
    return { depth, json: jsonColumns[role], ask: questions[role] }
  }

  #isAsConfirmed(one: DatabaseSeen): boolean {
    const { notes } = this.#eyes
    const marks = this.#look.trust?.directories.get(notes.shown(dirName(one.path)))?.marks
    return (
      one.stat !== null &&
      isUnchanged(one.stat, marks?.get(baseName(one.path))) &&
      one.beside.every(
        ({ path, stat }) => path.endsWith('-shm') || isUnchanged(stat, marks?.get(baseName(path))),
      )
    )
  }

  #hasRightVersion(one: DatabaseSeen): boolean {
    const { site, notes } = this.#eyes
    if (site.installed == null || one.userVersion === null) return true
    const supported = site.installed.schemaVersions?.[one.role] ?? 0
    if (one.userVersion <= supported) return true
    const { version, schemaVersions } = site.installed
    const reads =
      schemaVersions === null ? 'keeps its sessions in files' : `reads up to ${one.role} schema ${supported}`
    if (schemaVersions === null && one.userVersion < firstWithSessions[one.role]) return true
    notes.found({
      kind: 'owner-or-version',
      severity: 'blocks',
      path: one.path,
      evidence: `written with ${one.role} schema ${one.userVersion}; the OpenClaw ${version} that is installed ${reads}`,
      repair: null,
      without: 'needs-operator',
      command: 'npm install -g openclaw@latest',
    })
    return false
  }

  /**
   * 2026.9.6, killed in the instant in which its import had made the file: it refuses that one with 78 and for ever
   * ("Skipped agent database migration"), and so does its doctor.
   */
  setAsideIfHardlyBegun(one: DatabaseSeen, looked: (Looked & { is: 'read' }) | null): boolean {
    if (!this.#isUnimported(one) || one.stat === null) return false
    if (looked === null && one.stat.bytes > 0) return false
    const isBegun =
      looked !== null && looked.userVersion !== 0 && metaOf(looked.answers['meta']) !== undefined
    if (isBegun || (looked !== null && count(looked, 'sessions') > 0)) return false
    const { notes } = this.#eyes
    const because = notes.found({
      kind: 'db-corrupt',
      severity: 'blocks',
      path: one.path,
      evidence:
        'begun by an import that was cut off, and without a session: the gateway would refuse it for ever',
      repair: 'set it aside: the import begins anew, from files that are all there',
    })
    asideBeside(notes, one, [because])
    notes.remedy('content', one.path, [because], { do: 'set-aside', found: one.stat })
    return true
  }

  #hasRightOwner(one: DatabaseSeen, looked: Looked & { is: 'read' }): boolean {
    const { notes } = this.#eyes
    const meta = metaOf(looked.answers['meta'])
    // One that was begun and not finished: the gateway goes on with it.
    if (looked.userVersion === 0 && looked.answers['meta'] === undefined) return true
    const wrong =
      meta === undefined
        ? 'its schema_meta has no primary row'
        : looked.userVersion === 0
          ? 'its user_version is 0'
          : meta.role !== roleInside[one.role]
            ? `its role is ${JSON.stringify(meta.role)}, not ${JSON.stringify(roleInside[one.role])}`
            : one.agentId !== null && meta.agentId !== one.agentId
              ? `it belongs to agent ${JSON.stringify(meta.agentId)}, and lies where ${JSON.stringify(one.agentId)} belongs`
              : null
    if (meta?.appVersion != null) notes.version = newer(notes.version, meta.appVersion)
    if (wrong === null) return true
    const writer = meta?.appVersion == null ? '' : ` (written by OpenClaw ${meta.appVersion})`
    notes.found({
      kind: 'owner-or-version',
      severity: 'blocks',
      path: one.path,
      evidence: `${wrong}${writer}: the gateway refuses it`,
      repair: null,
      without: 'needs-operator',
      command: 'openclaw doctor --lint --json',
    })
    return false
  }

  async #lookAtRows(one: DatabaseSeen, looked: Looked & { is: 'read' }): Promise<void> {
    const { notes } = this.#eyes
    const because: Because[] = []
    if (looked.unchecked !== null)
      notes.found({
        kind: 'unreadable',
        severity: 'benign',
        path: one.path,
        evidence: looked.unchecked,
        repair: null,
      })
    const [orphan] = looked.orphans
    if (orphan !== undefined) {
      because.push(
        notes.found({
          kind: 'db-orphan-rows',
          severity: 'blocks',
          path: one.path,
          evidence: `${looked.orphans.length} rows point to rows that are gone (the first in ${orphan.table}, to ${orphan.parent}): the gateway refuses the database, and so does its doctor`,
          repair: 'put back what can be, take the others out, their content kept',
        }),
      )
    }
    const [bad] = looked.badJson
    if (bad !== undefined) {
      because.push(
        notes.found({
          kind: 'row-bad-json',
          severity: 'blocks',
          path: one.path,
          evidence: `${looked.badJson.length} rows whose content does not parse (the first: ${bad.table}.${bad.column}, row ${bad.rowid})`,
          repair: 'put the smallest valid content in their place, their own kept',
        }),
      )
    }
    if (because.length > 0) mendDatabase(this.#eyes, one, await soundSnapshot(this.#eyes.site, one), because)
  }

  async #lookForEarlierLife(one: DatabaseSeen, looked: Looked & { is: 'read' }): Promise<void> {
    if (this.#isUnimported(one)) return
    const now = lifeOf(looked.answers)
    if (one.role === 'agent' && now.sessions === 0) await this.#lookForSessionsBefore(one, now)
    else await this.#lookForOneBefore(one, looked, now)
  }

  /**
   * None of its sessions is left. Whoever deletes them one by one leaves the database that they were in, and it says
   * when it was made; the main one cannot be deleted at all. Another in its place was begun by a gateway that found none.
   */
  async #lookForSessionsBefore(one: DatabaseSeen, now: Life): Promise<void> {
    const { site, notes } = this.#eyes
    const earlier = await newestWithSessions(site, one, now)
    if (earlier === null) return
    const { sessions, isSame, takenAt } = earlier
    const evidence = `no session in it, and ${sessions} in the snapshot of ${isoOf(takenAt)}`
    const isAddedSince = this.#isAddedSince(one, takenAt)
    if (isSame !== false || isAddedSince || this.#control === undefined) {
      notes.found({
        kind: 'db-without-sessions',
        severity: 'benign',
        path: one.path,
        evidence: isAddedSince
          ? `${evidence}: the agent was added anew since`
          : isSame === true
            ? `${evidence}: they were deleted from it`
            : `${evidence}: whether they were deleted cannot be told`,
        repair: null,
      })
      return
    }
    this.#restoreEarlier(one, evidence, now, earlier)
  }

  /**
   * Another stood in its place, and it has gone on since: a gateway that nobody held back found none, or OpenClaw's own
   * recover set a damaged one away. What is new is the user's as well as what was: nothing is done unasked.
   */
  async #lookForOneBefore(one: DatabaseSeen, looked: Looked & { is: 'read' }, now: Life): Promise<void> {
    const { site, notes } = this.#eyes
    const { databases } = site
    if (databases === undefined || now.born === null || this.#control === undefined) return
    const earlier = await ofAnEarlierLife(site, one, now.born)
    if (earlier === null || this.#isAddedSince(one, earlier.takenAt)) return
    const ask = { depth: 'none', json: [], ask: worthQuestions(one.role) } as const
    const [here, then] = [await databases.look(one.path, ask), await databases.look(earlier.path, ask)]
    if (here.is !== 'read' || then.is !== 'read') return
    const { words, isAll } = missedIn(one.role, here.answers, then.answers)
    if (words === null) return
    const isSince = (name: string): boolean => (looked.answers[name]?.length ?? 0) > 0
    // Of agents that were added or deleted since it knows, and the other does not.
    if (one.role === 'state' && isAll && !isSince('created') && !isSince('deleted')) {
      const evidence = `nothing in it that its users made, and ${words} in the snapshot of ${isoOf(earlier.takenAt)}`
      return this.#restoreEarlier(one, evidence, now, earlier)
    }
    if (await this.#wasJoined(one, earlier)) return
    const isAlike = earlier.userVersion === looked.userVersion
    const isAsked = site.policy.adopt && isAlike
    const because = notes.found({
      kind: 'db-begun-anew',
      severity: 'benign',
      path: one.path,
      evidence: `begun anew at ${isoOf(now.born)}, in place of another: ${words} of that one are not in it, and are in its snapshot of ${isoOf(earlier.takenAt)} (${notes.shown(earlier.path)})${isAlike ? '' : `, which has ${one.role} schema ${earlier.userVersion}, and so cannot be put beside it`}`,
      repair: isAsked ? 'put them beside what it has; what is there stays as it is' : null,
      ...(isAlike &&
        !isAsked && { command: `supervise repair --state-dir ${quoted(site.stateDir)} --adopt` }),
    })
    if (isAsked) mendDatabase(this.#eyes, one, null, [because], { from: earlier.path, ...joins[one.role] })
  }

  /** By a repair that stands: what was deleted since is not to come back again and again. */
  async #wasJoined(one: DatabaseSeen, { takenAt }: Snapshot): Promise<boolean> {
    const name = this.#eyes.notes.shown(one.path)
    const all = await this.#repairs()
    return all.some(
      (repair) =>
        repair.undoes === null &&
        repair.at > takenAt &&
        repair.end?.outcome !== 'abandoned' &&
        repair.steps.some(
          ({ path, because }) => path === name && because.some(({ kind }) => kind === 'db-begun-anew'),
        ) &&
        undoneBy(repair, all) === undefined,
    )
  }

  #isAddedSince({ agentId }: DatabaseSeen, takenAt: number): boolean {
    return agentId !== null && createdAt(this.#control?.['created'], agentId) > takenAt
  }

  #restoreEarlier(one: DatabaseSeen, evidence: string, now: Life, earlier: Snapshot): void {
    const because = this.#eyes.notes.found({
      kind: 'db-empty-or-missing',
      severity: 'loses',
      path: one.path,
      evidence: `${evidence}, which is of another database: this one was begun anew at ${isoOf(now.born!)}`,
      repair: restoring(earlier),
    })
    restoreDatabase(this.#eyes, one, earlier, because)
  }

  async #corrupt(one: DatabaseSeen, evidence: string): Promise<void> {
    const { notes, site } = this.#eyes
    const snapshot = await soundSnapshot(site, one)
    const finding = { kind: 'db-corrupt', severity: 'blocks', path: one.path, evidence } as const
    if (site.databases === undefined)
      return void notes.found({
        ...finding,
        evidence: `${evidence}; ${whichNode}`,
        repair: null,
        without: 'needs-operator',
        command: `npx --yes --package=node@24 -- supervise repair --state-dir ${quoted(site.stateDir)}`,
      })
    const repair =
      snapshot === null
        ? 'carry over every row that can still be read into a new database'
        : `carry over every row that can still be read into a new database; what cannot, from the snapshot of ${isoOf(snapshot.takenAt)}`
    mendDatabase(this.#eyes, one, snapshot, [notes.found({ ...finding, repair })])
  }
}

function isSomebodyElses({ role, agentId }: DatabaseSeen, { answers }: Looked & { is: 'read' }): boolean {
  const meta = metaOf(answers['meta'])
  if (meta?.role == null) return false
  return meta.role !== roleInside[role] || (agentId !== null && meta.agentId !== agentId)
}

const count = (looked: Looked & { is: 'read' }, name: string): number =>
  Number(looked.answers[name]?.[0]?.['n'] ?? 0)

/** Of two versions such as 2026.9.6. */
function newer(one: string | null, other: string): string {
  if (one === null) return other
  const parts = (text: string): number[] => text.split(/[.-]/).map((part) => Number.parseInt(part, 10) || 0)
  const [a, b] = [parts(one), parts(other)]
  for (let i = 0; i < Math.max(a.length, b.length); i++)
    if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) > (b[i] ?? 0) ? one : other
  return one
}

/**
 * The journal of one repair: JSON lines in <state>/supervise/repairs/<id>/journal.jsonl, each with a checksum.
 *
 *   begin     the whole plan
 *   further   the steps of another round, when putting one thing right uncovered another
 *   kept      where the bytes that a step took out of the way are now
 *   end       after the verification, or when the repair was given up; synced
 *
 * The file and every directory above it are synced (`secure`) before the first change of a round.
 * A begin without an end is a repair that was cut short.  A line that is torn, does not match its checksum, or is
 * not of these shapes, is a record that never happened.  Ids sort by the order of the repairs, also when the clock was set back.
 */
import { createHash } from 'node:crypto'
import { Distrusted, hasRepairs } from './distrust.ts'
import type { Finding, Kept, Piece, Step } from './finding.ts'
import { entryOf } from './journal-line.ts'
import { journalFile, keptFolder, nameOf, ownFolder, repairFolder, repairsFolder } from './places.ts'
import type { Site } from './site.ts'

export interface End {
  readonly at: number
  /** `unconfirmed`: every step was taken, and the look afterwards still found something. */
  readonly outcome: 'confirmed' | 'unconfirmed' | 'abandoned'
  /** How many steps were taken. */
  readonly done: number
  readonly evidence: string | null
}

export interface Repair {
  readonly id: string
  readonly at: number
  readonly trigger: string
  /** The repair that this one takes back. */
  readonly undoes: string | null
  readonly found: readonly Finding[]
  /** Of all rounds, in order; a step's number is its place here. */
  readonly steps: readonly Step[]
  /** The first step of the last round: those before it were taken. */
  readonly roundFrom: number
  /** By number of the step. */
  readonly kept: Map<number, Kept>
  readonly end: End | undefined
}

type Begin = Pick<Repair, 'id' | 'at' | 'trigger' | 'undoes' | 'found' | 'steps'>
export type Entry =
  | ({ readonly is: 'begin' } & Begin)
  | { readonly is: 'further'; readonly steps: readonly Step[] }
  | { readonly is: 'kept'; readonly step: number; readonly kept: Kept }
  | ({ readonly is: 'end' } & End)

/** Beyond this a plan is refused before anything is changed: it could not be read back whole. */
const MOST_BYTES = 256 << 20
const NEWLINE = 10
const ID = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-[0-9a-f]{4}$/

export async function begin(site: Site, what: Omit<Begin, 'id' | 'at'>): Promise<Repair> {
  const { disk } = site
  const id = nextId(site, (await ids(site)).at(-1), JSON.stringify(what.steps))
  const entry: Begin = { ...what, id, at: site.now(), steps: relative(site, what.steps) }
  assertOneStepAName(entry.steps)
  const line = encode({ is: 'begin', ...entry })
  await disk.mkdir(ownFolder(site), 0o700)
  await disk.mkdir(repairsFolder(site), 0o700)
  await disk.mkdir(repairFolder(site, id), 0o700)
  await disk.create(journalFile(site, id), [line], 0o600)
  return { ...entry, roundFrom: 0, kept: new Map(), end: undefined }
}

export async function further(site: Site, repair: Repair, steps: readonly Step[]): Promise<Repair> {
  const more = relative(site, steps)
  assertOneStepAName(more)
  await append(site, repair.id, { is: 'further', steps: more })
  return { ...repair, steps: [...repair.steps, ...more], roundFrom: repair.steps.length }
}

/**
 * Before the first change, also of a repair that is resumed: a process that was killed may have written the plan
 * and not synced it, and a power cut would then leave changes that no plan names.
 */
export async function secure(site: Site, repair: Repair): Promise<void> {
  await site.disk.mkdir(keptFolder(site, repair.id), 0o700)
  await site.disk.sync(journalFile(site, repair.id))
  // Each directory that names the next: the plan must be found from the root of the state.
  for (const dir of [repairFolder(site, repair.id), repairsFolder(site), ownFolder(site), site.stateDir])
    await site.disk.syncDir(dir)
}

/** Not synced by itself: what a step keeps follows from the plan, and the end makes all of it durable. */
export async function noteKept(site: Site, repair: Repair, step: number, kept: Kept): Promise<void> {
  if (repair.kept.has(step)) return
  await append(site, repair.id, { is: 'kept', step, kept })
  repair.kept.set(step, kept)
}

export async function end(site: Site, repair: Repair, how: Omit<End, 'at'>): Promise<Repair> {
  const entry: End = { at: site.now(), ...how }
  await append(site, repair.id, { is: 'end', ...entry })
  await site.disk.sync(journalFile(site, repair.id))
  return { ...repair, end: entry }
}

export const didIn = ({ steps, end }: Repair): readonly string[] =>
  steps.slice(0, end?.done).flatMap(({ path, did }) => (did ?? []).map((line) => `${path}: ${line}`))

/** In the order in which they were begun.  Folders whose journal never came to hold a plan are left out. */
export async function readRepairs(site: Site): Promise<readonly Repair[]> {
  const repairs: Repair[] = []
  for (const id of await ids(site)) {
    const repair = decode(await readJournal(site, id))
    if (repair?.id === id) repairs.push(repair)
  }
  return repairs
}

/** In seconds, as in its id; undefined where there is none. */
export async function newestAt(site: Site): Promise<number | undefined> {
  const newest = (await ids(site)).at(-1)
  return newest === undefined ? undefined : timeOf(newest)
}

/** Clears up after processes that were killed, and gives the repairs that they left open. */
export async function settle(site: Site): Promise<readonly Repair[]> {
  await removeStillborn(site)
  const all = await readRepairs(site)
  const newest = all.at(-1)
  // Its end may have been written and not synced; without it a later start would take it for cut short.
  if (newest?.end) await site.disk.sync(journalFile(site, newest.id))
  return all.filter((repair) => repair.end === undefined)
}

/** A folder made for a plan that never became durable; nothing was changed under it. */
async function removeStillborn(site: Site): Promise<void> {
  const { disk } = site
  for (const id of await ids(site)) {
    if (decode(await readJournal(site, id)) !== undefined) continue
    const kept = keptFolder(site, id)
    const keeps = (await disk.stat(kept)) !== undefined
    if (keeps && (await disk.list(kept)).length > 0) continue
    if ((await disk.stat(journalFile(site, id))) !== undefined) await disk.remove(journalFile(site, id))
    if (keeps) await disk.remove(kept)
    if ((await disk.list(repairFolder(site, id))).length === 0) await disk.remove(repairFolder(site, id))
  }
}

async function ids(site: Site): Promise<readonly string[]> {
  if (!(await hasRepairs(site))) return []
  const entries = await site.disk.list(repairsFolder(site))
  return entries
    .filter((entry) => entry.kind === 'directory' && ID.test(entry.name))
    .map((entry) => entry.name)
    .sort()
}

async function readJournal(site: Site, id: string): Promise<Buffer> {
  const file = journalFile(site, id)
  const stat = await site.disk.stat(file)
  return stat?.kind === 'file'
    ? await site.disk.read(file, 0, Math.min(stat.bytes, MOST_BYTES))
    : Buffer.alloc(0)
}

async function append(site: Site, id: string, entry: Entry): Promise<void> {
  const file = journalFile(site, id)
  const stat = await site.disk.stat(file)
  // A second name of somebody else's file: our lines would be written into it.
  if (stat !== undefined && stat.links > 1)
    throw new Distrusted(`${JSON.stringify(file)} is also known by another name`, file)
  const bytes = stat?.bytes ?? 0
  const last = await site.disk.read(file, bytes - 1, bytes)
  const line = encode(entry)
  // A line torn by a crash must not swallow this one.
  await site.disk.append(file, last[0] === NEWLINE ? line : Buffer.concat([Buffer.from('\n'), line]))
}

const checksum = (body: string): string => createHash('sha256').update(body).digest('hex').slice(0, 16)

function encode(entry: Entry): Buffer {
  const body = JSON.stringify(entry)
  const line = Buffer.from(`${checksum(body)} ${body}\n`)
  if (line.length > MOST_BYTES / 2) throw new Error(`cannot journal a plan of ${line.length} bytes: too long`)
  return line
}

function decode(bytes: Buffer): Repair | undefined {
  let repair: Repair | undefined
  for (const line of bytes.toString('utf8').split('\n')) {
    const body = line.slice(17)
    if (body === '' || line.slice(0, 17) !== `${checksum(body)} `) continue
    const entry = entryOf(body)
    if (entry !== undefined) repair = after(repair, entry)
  }
  return repair
}

function after(repair: Repair | undefined, entry: Entry): Repair | undefined {
  if (entry.is === 'begin') {
    const { is: _, ...begun } = entry
    return { ...begun, roundFrom: 0, kept: new Map(), end: undefined }
  }
  if (repair === undefined) return undefined
  switch (entry.is) {
    case 'further':
      return { ...repair, steps: [...repair.steps, ...entry.steps], roundFrom: repair.steps.length }
    case 'kept':
      repair.kept.set(entry.step, entry.kept)
      return repair
    case 'end': {
      const { is: _, ...how } = entry
      return { ...repair, end: how }
    }
  }
}

/** Seconds, and never the same one twice: the order of ids is the order of repairs. */
function nextId(site: Site, newest: string | undefined, plan: string): string {
  const last = newest === undefined ? -Infinity : (timeOf(newest) ?? -Infinity)
  const at = Math.max(Math.floor(site.now() / 1000) * 1000, last + 1000)
  const stamp = new Date(at).toISOString().replaceAll(/[-:]|\.\d+/g, '')
  return `${stamp}-${checksum(plan).slice(0, 4)}`
}

function timeOf(id: string): number | undefined {
  const [, year, month, day, hour, minute, second] = ID.exec(id) ?? []
  return year === undefined ? undefined : Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
}

const relative = (site: Site, steps: readonly Step[]): readonly Step[] =>
  steps.map((step) => ({
    ...step,
    path: nameOf(site, step.path),
    change:
      step.change.do === 'put-back'
        ? { ...step.change, from: nameOf(site, step.change.from) }
        : step.change.do === 'write'
          ? { ...step.change, content: step.change.content.map((piece) => relativePiece(site, piece)) }
          : step.change,
  }))

const relativePiece = (site: Site, piece: Piece): Piece =>
  'path' in piece ? { ...piece, path: nameOf(site, piece.path) } : piece

/** A name changed twice in one round could not be resumed: its second content looks like somebody else's. */
function assertOneStepAName(steps: readonly Step[]): void {
  const seen = new Set<string>()
  for (const { path } of steps) {
    if (seen.has(path)) throw new Error(`a plan changes ${JSON.stringify(path)} twice`)
    seen.add(path)
  }
}

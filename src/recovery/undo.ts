/**
 * Takes one repair back: every kept byte returns under its name, in its own inode, so that content, owner, mode
 * and modification time are what they were.
 *
 * 1. It refuses, with nothing changed, when a file it would touch is not what the repair left, when kept bytes
 *    are gone or altered, when a later repair of the same files still stands, or when a repair was cut short.
 * 2. It is a repair itself: planned, journalled, applied and resumed like any other; what it takes out of the
 *    way is kept, and it can be undone.
 *
 * The state is damaged again afterwards, on purpose: the next `supervise run` or `repair` would put it right
 * again under a new id.
 */
import { DiskError } from '../host/disk.ts'
import { assertStaysInside, Distrusted } from './distrust.ts'
import { conflictIn, sight } from './fingerprint.ts'
import type { Fingerprint, Step } from './finding.ts'
import { begin, end, readRepairs, type Repair } from './journal.ts'
import { isOurs, keptFolder, nameOf, pathOf } from './places.ts'
import { undoneBy } from './repairs.ts'
import type { Site } from './site.ts'
import { take } from './take.ts'
import type { Undone } from './verdict.ts'

export async function undo(site: Site, id: string, trigger: string): Promise<Undone> {
  try {
    const all = await readRepairs(site)
    const refusal = notNow(id, all)
    if (refusal) return refusal
    const repair = all.find((each) => each.id === id)!
    const family = familyOf(repair, all)
    for (const each of family) await assertStaysInside(site, each)
    const { first, last } = follow(site, family)
    const steps = wayBack(family, first, last)
    const moved = await whatMoved(site, steps, last)
    if (moved !== null) return refused(moved)
    return await carryOut(site, await begin(site, { trigger, undoes: id, found: [], steps }))
  } catch (error) {
    const conflict = conflictIn(error)
    if (conflict) return refused(conflict.message)
    if (error instanceof Distrusted) return refused(error.message, error.command)
    if (error instanceof DiskError && error.canPass) return { is: 'retry-later', evidence: error.message }
    throw error
  }
}

async function carryOut(site: Site, repair: Repair): Promise<Undone> {
  const taken = await take(site, repair)
  if (taken.is === 'abandoned') return { is: 'retry-later', evidence: taken.evidence }
  await end(site, repair, { outcome: 'confirmed', done: repair.steps.length, evidence: null })
  return { is: 'undone', repairId: repair.id, restored: repair.steps.map(({ path }) => path) }
}

const refused = (evidence: string, command: string | null = null): Undone => ({
  is: 'refused',
  evidence,
  command,
})

function notNow(id: string, all: readonly Repair[]): Undone | null {
  const repair = all.find((each) => each.id === id)
  if (!repair) return refused(`there is no repair ${JSON.stringify(id)}`, 'supervise history')
  const open = all.find((each) => each.end === undefined)
  if (open) return refused(`repair ${open.id} was cut short and has to be finished first`, 'supervise repair')
  const by = undoneBy(repair, all)
  if (by) return refused(`it was undone by ${by.id}`, `supervise undo ${by.id}`)
  const family = familyOf(repair, all)
  const names = new Set(family.flatMap((each) => [...namesOf(each)]))
  const later = all.findLast(
    (each) => each.id > id && stands(each, id, all) && !family.includes(each) && shares(names, each),
  )
  if (later)
    return refused(`the later repair ${later.id} changed the same files`, `supervise undo ${later.id}`)
  return null
}

/** Does what this repair changed still hold?  Not when it was undone, nor when it undid something later than `id`. */
const stands = (repair: Repair, id: string, all: readonly Repair[]): boolean =>
  undoneBy(repair, all) === undefined && !(repair.undoes !== null && repair.undoes > id)

/**
 * With it, in order: attempts to take it back that another program stopped half-way, and what took those back. Of an
 * undo also the attempts before it: it went on from where they had stopped.
 */
function familyOf(repair: Repair, all: readonly Repair[]): readonly Repair[] {
  const below = (id: string): Repair[] =>
    all.filter((each) => each.undoes === id).flatMap((each) => [each, ...below(each.id)])
  const before = repair.undoes === null ? [] : below(repair.undoes).filter(({ id }) => id < repair.id)
  return [...before, repair, ...below(repair.id)].toSorted((a, b) => (a.id < b.id ? -1 : 1))
}

const shares = (names: ReadonlySet<string>, repair: Repair): boolean =>
  [...namesOf(repair)].some((name) => names.has(name))

const namesOf = (repair: Repair): Set<string> =>
  new Set(
    takenSteps(repair)
      .flatMap(({ path, change }) => (change.do === 'put-back' ? [path, change.from] : [path]))
      .filter((name) => !isOurs(name)),
  )

const takenSteps = (repair: Repair): readonly Step[] => repair.steps.slice(0, repair.end?.done)

/** One content, told from another of the same bytes by being another object. */
interface Content {
  readonly fingerprint: Fingerprint
}
/** What each name holds; null for nothing. */
type Holds = ReadonlyMap<string, Content | null>

/** Follows each content through the steps, from name to name. */
function follow(site: Site, family: readonly Repair[]): { readonly first: Holds; readonly last: Holds } {
  const first = new Map<string, Content | null>()
  const last = new Map<string, Content | null>()
  const meet = (name: string, fingerprint: Fingerprint): Content | null => {
    const content = fingerprint === 'missing' ? null : { fingerprint }
    if (!last.has(name)) for (const holds of [first, last]) holds.set(name, content)
    return last.get(name) ?? null
  }
  for (const repair of family)
    for (const [n, { path, before, after, change }] of takenSteps(repair).entries()) {
      const old = meet(path, before)
      // What was to be was there already: nothing was done, nothing is kept.
      if (change.do === 'write' && before === after) continue
      if (old) last.set(`${nameOf(site, keptFolder(site, repair.id))}/${n}`, old)
      if (change.do === 'put-back') {
        last.set(path, meet(change.from, after))
        last.set(change.from, null)
      } else {
        last.set(path, change.do === 'write' ? { fingerprint: after } : null)
      }
    }
  return { first, last }
}

/** One step for each of the user's names that does not hold what it held at first, however many rounds changed it. */
function wayBack(family: readonly Repair[], first: Holds, last: Holds): readonly Step[] {
  const all = family.flatMap(takenSteps)
  const steps: Step[] = []
  const holds = new Map(last)
  const whereIs = new Map([...last].map(([name, content]) => [content, name]))
  const wantedBy = new Map([...first].map(([name, content]) => [content, name]))
  const visited = new Set<string>()
  const restore = (path: string): void => {
    const now = holds.get(path) ?? null
    const content = first.get(path) ?? null
    if (isOurs(path) || now === content || visited.has(path)) return
    visited.add(path)
    // What stands here now may be what another name waits for: it leaves first.
    const waiting = now && wantedBy.get(now)
    if (waiting !== null && waiting !== undefined) restore(waiting)

    const before = holds.get(path)?.fingerprint ?? 'missing'
    const because = reasonsIn(all.filter((step) => step.path === path))
    const made = Math.max(0, ...all.map((step) => (step.path === path ? (step.folders ?? 0) : 0)))
    const folders = made > 0 && { folders: made }
    const from = content && whereIs.get(content)
    if (content && from !== null && from !== undefined) {
      const change = { do: 'put-back', from } as const
      steps.push({ path, before, after: content.fingerprint, change, because, ...folders })
      holds.set(from, null)
    } else if (before !== 'missing') {
      steps.push({ path, before, after: 'missing', change: { do: 'set-aside' }, because, ...folders })
    }
    holds.set(path, content)
  }
  for (const path of [...first.keys()].toReversed()) restore(path)
  return steps
}

/** Each once: what was taken back again and again would be told again and again, twice as often each time. */
const reasonsIn = (steps: readonly Step[]): Step['because'] => [
  ...new Map(steps.flatMap(({ because }) => because).map((one) => [JSON.stringify(one), one])).values(),
]

/** Anything that the way back touches and that is not as the repair left it. */
async function whatMoved(site: Site, steps: readonly Step[], last: Holds): Promise<string | null> {
  const names = new Set(
    steps.flatMap(({ path, change }) => (change.do === 'put-back' ? [path, change.from] : [path])),
  )
  for (const name of names) {
    const wanted = last.get(name)?.fingerprint ?? 'missing'
    const now = (await sight(site.disk, pathOf(site, name))).fingerprint
    if (now !== wanted) return `${JSON.stringify(name)} has changed since the repair: ${now}, not ${wanted}`
  }
  return null
}

/**
 * Is the state safe to hand over, and if not, what exactly changes?  The front door of this room.
 *
 *   inspect   looks, changes nothing                    -> findings
 *   plan      findings -> steps
 *   journal   the whole plan, durable, before the first change
 *   apply     each step: one name changes in one instant; safe to run again
 *   verify    inspect again, by the same eyes a fresh start would use
 *
 * The caller holds the state's lock and knows that no gateway is at work.
 *
 * 1. Inspecting changes nothing: a dry run is inspect and plan.
 * 2. Nothing of the gateway's changes before the plan that changes it is on disk and synced, file and directory.
 * 3. What a step removes or replaces is kept first, with its hash, so that `undo` can put it back.
 * 4. A step acts only on exactly the content it names as `before`, is done at `after`, and otherwise stops.
 * 5. `consistent` and `repaired` are said only after an inspection that found nothing that loses or blocks.
 * 6. Verdicts are graded, each with the evidence: a cause that can pass is retried, another needs a person.
 * 7. Evidence is not litter: what no plan names stays where it is.
 * 8. When recovery is owed, everything is looked at; otherwise the last checkpoint is trusted for what has not
 *    changed, and it is written only after a confirmation.
 *
 * Never repairs anything while any finding needs more than a repair: what is not understood is not touched.
 */
import { DiskError } from '../host/disk.ts'
import { keepAcceptedLosses } from './accepted-losses.ts'
import { afterSecondNames, keepCheckpoint } from './checkpoint.ts'
import { assertNoFolderInTheWay, assertStaysInside, Distrusted } from './distrust.ts'
import { snapshotAll } from './database-snapshots.ts'
import { conflictIn } from './fingerprint.ts'
import { keepOfGoneAgents } from './gone-agents.ts'
import type { Finding, Kept } from './finding.ts'
import { takeGenerations } from './take-generations.ts'
import { inspect } from './inspect.ts'
import { begin, didIn, end, further, readRepairs, type Repair, settle } from './journal.ts'
import { CannotMake, plan } from './plan.ts'
import { nameOf } from './places.ts'
import type { Remedy, Seen } from './seen.ts'
import type { Site } from './site.ts'
import { take } from './take.ts'
import { deathsSoFar, handOver, type Deaths } from './turns.ts'
import type { Ask, DryRun, Inspection, Recovery } from './verdict.ts'

/** Putting one thing right may uncover another, once or twice; more is not converging. */
const MOST_ROUNDS = 3

/** What is known so far, and so can be said at any end. */
interface Course {
  found: readonly Finding[] | undefined
  inspection: Inspection | undefined
  repair: Repair | undefined
  readonly kept: Map<string, Kept>
  /** What went wrong beside it, and holds nothing back. */
  readonly trouble: string[]
}

export async function recover(site: Site, ask: Ask): Promise<Recovery> {
  const course: Course = {
    found: undefined,
    inspection: undefined,
    repair: undefined,
    kept: new Map(),
    trouble: [],
  }
  try {
    return await run(site, ask, course)
  } catch (error) {
    if (ask.signal?.aborted && error === ask.signal.reason)
      return retryLater(course, 'interrupted while looking')
    const conflict = conflictIn(error)
    if (conflict) return retryLater(course, conflict.message)
    if (error instanceof CannotMake)
      return error.canPass
        ? retryLater(course, error.message)
        : needsOperator(course, error.message, error.command)
    if (error instanceof Distrusted) return needsOperator(course, error.message, error.command)
    if (!(error instanceof DiskError)) throw error
    return error.canPass ? retryLater(course, error.message) : needsOperator(course, error.message, null)
  }
}

async function run(site: Site, ask: Ask, course: Course): Promise<Recovery> {
  await assertNoFolderInTheWay(site)
  const deaths = await deathsSoFar(site, ask.lastRun)
  const interrupted = await resume(site, ask, course)
  if (interrupted !== null) return interrupted

  // No repair is open: nothing that was made for one is wanted.
  site.databases?.sweep()
  for (let round = 1; ; round++) {
    const seen = await inspect(site, { owed: ask.owed, deaths, ...(ask.signal && { signal: ask.signal }) })
    course.inspection = seen.inspection
    course.found ??= seen.inspection.findings
    const stop = await judge(site, seen, course, ask.owed, deaths)
    if (stop !== null) return stop
    if (round > MOST_ROUNDS) return await giveUp(site, course)
    const { steps } = await plan(site, seen)
    course.repair = course.repair
      ? await further(site, course.repair, steps)
      : await begin(site, { trigger: ask.trigger, undoes: null, found: course.found ?? [], steps })
    const taken = await take(site, course.repair, ask.signal)
    if (taken.is === 'interrupted')
      return retryLater(course, `interrupted; the next start finishes ${course.repair.id}`)
    if (taken.is === 'abandoned') {
      course.repair = taken.repair
      return retryLater(course, taken.evidence)
    }
  }
}

/** Finishes what a crash of the supervisor cut short.  A repair that no longer applies is closed, not forced. */
async function resume(site: Site, ask: Ask, course: Course): Promise<Recovery | null> {
  const open = await settle(site)
  for (const repair of open) await assertStaysInside(site, repair)
  for (const repair of open) {
    const taken = await take(site, repair, ask.signal)
    if (taken.is === 'interrupted')
      return retryLater(course, `interrupted; the next start finishes ${repair.id}`)
    if (taken.is === 'abandoned') continue
    if (repair.undoes !== null) {
      await end(site, repair, { outcome: 'confirmed', done: repair.steps.length, evidence: null })
      continue
    }
    if (course.repair) {
      note(course, course.repair)
      await close(site, course.repair, 'unconfirmed', `overtaken by ${repair.id}`)
    }
    course.repair = repair
    course.found = repair.found
  }
  return null
}

/** Null when there is something to repair. */
async function judge(
  site: Site,
  seen: Seen,
  course: Course,
  owed: Ask['owed'],
  deaths: Deaths,
): Promise<Recovery | null> {
  const { inspection } = seen
  if (inspection.verdict === 'retry-later' || inspection.verdict === 'needs-operator') {
    const finding = inspection.findings.find((each) => each.without === inspection.verdict)
    const evidence = finding ? `${finding.path}: ${finding.evidence}` : inspection.verdict
    if (course.repair) await close(site, course.repair, 'unconfirmed', evidence)
    return inspection.verdict === 'retry-later'
      ? retryLater(course, evidence)
      : needsOperator(course, evidence, finding?.command ?? null)
  }
  if (inspection.verdict === 'repairable') return null
  if (course.repair) await close(site, course.repair, 'confirmed', null)
  const { taken, trouble } = await takeGenerations(site, {
    what: ['index', 'devices'],
    when: 'confirmed',
    // Between a crash and the next start nobody waits for the disk: the supervisor sees to it once the gateway is ready.
    durable: owed !== 'this-boot',
  })
  const lost = acceptedIn(inspection)
  const gone = await keepOfGoneAgents(site, inspection.store, seen.databases, lost)
  course.trouble.push(...trouble, ...(await snapshotAll(site, seen.databases, gone.bytes)), ...gone.told)
  await handOver(site, seen.turns, deaths)
  await keepAcceptedLosses(site, lost)
  await keepCheckpoint(site, await afterSecondNames(site, seen.checkpoint, taken))
  return { ...known(course), is: course.repair ? 'repaired' : 'consistent' }
}

const acceptedIn = ({ findings }: Inspection): string[] =>
  findings.flatMap(({ kind, severity, path }) =>
    kind === 'db-empty-or-missing' && severity === 'benign' ? [path] : [],
  )

async function giveUp(site: Site, course: Course): Promise<Recovery> {
  const left = course.inspection!.findings.find((finding) => finding.repair !== null)
  const evidence = `still found after ${MOST_ROUNDS} rounds of repair: ${left?.path}: ${left?.evidence}`
  if (course.repair) await close(site, course.repair, 'unconfirmed', evidence)
  return needsOperator(course, evidence, 'supervise check')
}

const close = async (
  site: Site,
  repair: Repair,
  outcome: 'confirmed' | 'unconfirmed',
  evidence: string | null,
) => await end(site, repair, { outcome, done: repair.steps.length, evidence })

function note(course: Course, repair: Repair): void {
  for (const kept of repair.kept.values()) course.kept.set(kept.keptAs, kept)
}

function known(course: Course) {
  if (course.repair) note(course, course.repair)
  return {
    repairId: course.repair?.id ?? null,
    found: course.found ?? [],
    kept: [...course.kept.values()],
    did: course.repair === undefined ? [] : didIn(course.repair),
    trouble: course.trouble,
    inspection: course.inspection ?? unseen,
  }
}

const retryLater = (course: Course, evidence: string): Recovery => ({
  ...known(course),
  is: 'retry-later',
  evidence,
})

const needsOperator = (course: Course, evidence: string, command: string | null): Recovery => ({
  ...known(course),
  is: 'needs-operator',
  evidence,
  command,
})

/** What is said of a state that could not be looked at. */
const unseen: Inspection = {
  store: 'unknown',
  version: null,
  schema: null,
  verdict: 'retry-later',
  findings: [],
  counts: { sessions: 0, transcripts: 0, files: 0, read: 0 },
}

/** What a recovery would do.  Nothing is changed, and nothing is read a second time: a gateway may be at work. */
export async function dryRun(site: Site, ask: Pick<Ask, 'owed'>): Promise<DryRun> {
  const cutShort = (await readRepairs(site)).filter((repair) => repair.end === undefined)
  const { inspection, remedies } = await inspect(site, { owed: ask.owed })
  return {
    inspection,
    cutShort: cutShort.map(({ id }) => id),
    changes: inspection.verdict === 'repairable' ? remedies.map((remedy) => changeBy(site, remedy)) : [],
  }
}

const changeBy = (site: Site, remedy: Remedy): DryRun['changes'][number] => ({
  path: nameOf(site, remedy.path),
  does:
    remedy.do === 'make'
      ? 'write'
      : remedy.do !== 'splice'
        ? remedy.do
        : remedy.found === null
          ? 'create'
          : 'write',
})

/**
 * What must hold of a recovery, whatever it began with.  A failure is one line; undefined is a pass.
 *
 * a. No byte of the input is lost: every content is there afterwards at least as often as before.
 * b. A second run finds nothing and changes nothing.
 * c. Undoing every repair, the newest first, gives the input back bit for bit: content, names, kinds, modes, times.
 * d. The gateway would give the model at least what it would have given it before, session by session, in the same
 *    order and as often.
 * e. Nothing throws, the verdict is a known one, and one that needs an operator has changed nothing; where that was seen
 *    only behind what was mended first, a, c and d hold all the same.
 */
import type { Finding } from '../../src/recovery/finding.ts'
import { recover } from '../../src/recovery/recover.ts'
import { repairs } from '../../src/recovery/repairs.ts'
import type { Site } from '../../src/recovery/site.ts'
import { undo } from '../../src/recovery/undo.ts'
import type { Ask, Recovery } from '../../src/recovery/verdict.ts'
import { STATE } from '../recovery/bench.ts'
import { histories, type Read } from './reader.ts'

/** By path, in words that are equal when nothing changed. */
export interface Seen {
  readonly kind: 'file' | 'link' | 'directory' | 'other'
  /** Of a file; the target of a link. */
  readonly content: string
  readonly mode: number
  readonly mtimeMs: number
}
export type Sights = ReadonlyMap<string, Seen>

/** One disk with a state on it, the real one or the double. */
export interface Place {
  readonly site: Site
  sights(): Sights
  /** Of the bytes of a file, as they are now. */
  reader(): Read
  /** Sees what can be read now; what it gives says what of that is gone from what a repair left. */
  witness?(): () => string | undefined
}

export interface Verdict {
  /** Undefined: all of it held. */
  readonly failed: string | undefined
  readonly is: Recovery['is'] | 'threw'
  readonly found: readonly Finding[]
}

const isOwn = (path: string): boolean =>
  path === `${STATE}/supervise` || path.startsWith(`${STATE}/supervise/`)

export async function judge(place: Place, again: Ask['owed']): Promise<Verdict> {
  let recovery: Recovery | undefined
  const failed = await question(place, again, (seen) => (recovery = seen)).catch(
    (error: unknown) =>
      `(e) it threw: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  )
  return { failed, is: recovery?.is ?? 'threw', found: recovery?.found ?? [] }
}

async function question(
  place: Place,
  again: Ask['owed'],
  tell: (recovery: Recovery) => void,
): Promise<string | undefined> {
  const { site } = place
  const input = users(place.sights())
  const before = read(place, input)
  const missed = place.witness?.()
  const first = await recover(site, { owed: 'another-boot', trigger: 'fuzz' })
  tell(first)
  const all = place.sights()
  const after = users(all)

  const lost = missing(input, all)
  if (lost !== undefined) return `(a) the bytes of ${lost} are there less often than before`
  const left = [...after.keys()].find((path) => /\/\.supervise-[^/]*$/.test(path) && !input.has(path))
  if (left !== undefined) return `(a) a temporary of ours is left: ${left}`

  switch (first.is) {
    case 'consistent':
    case 'needs-operator': {
      if (first.is === 'needs-operator' && first.repairId !== null) break
      const moved = difference(input, after)
      if (moved !== undefined)
        return `(e) ${first.is}${'evidence' in first ? ` (${first.evidence})` : ''}, yet ${moved}`
      return undefined
    }
    case 'retry-later':
      return `(e) retry-later on a disk that does not fail: ${first.evidence}`
    case 'repaired':
      break
    default:
      return `(e) an unknown verdict: ${JSON.stringify(first satisfies never)}`
  }

  const afterwards = read(place, after)
  for (const [dir, sessions] of before)
    for (const [key, now] of sessions) {
      const gone = firstNotIn(afterwards.get(dir)?.get(key) ?? [], now)
      if (gone !== undefined) return `(d) session ${JSON.stringify(key)} no longer sees ${gone.slice(0, 200)}`
    }

  const row = missed?.()
  if (row !== undefined) return `(d) ${row}`

  if (first.is === 'needs-operator') return await takenBack(place, input)

  const second = await recover(site, { owed: again, trigger: 'fuzz' })
  if (second.is !== 'consistent' || second.repairId !== null)
    return `(b) a second run: ${second.is} ${JSON.stringify(second.found.filter((one) => one.repair !== null).slice(0, 2))}`
  const moved = difference(after, users(place.sights()))
  if (moved !== undefined) return `(b) a second run found nothing, yet ${moved}`

  return await takenBack(place, input)
}

async function takenBack(place: Place, input: Sights): Promise<string | undefined> {
  const { site } = place
  for (const { id, state } of (await repairs(site)).toReversed()) {
    if (state !== 'done') return `(c) repair ${id} is ${state}`
    const undone = await undo(site, id, 'fuzz')
    if (undone.is !== 'undone') return `(c) undo of ${id}: ${undone.is}: ${undone.evidence}`
  }
  const other = difference(input, users(place.sights()))
  return other === undefined ? undefined : `(c) undone, but ${other}`
}

/** Without the state directory itself, which is named where it is empty. */
const users = (sights: Sights): Sights =>
  new Map([...sights].filter(([path]) => path !== STATE && !isOwn(path)))

function read(place: Place, sights: Sights): Map<string, ReadonlyMap<string, readonly string[]>> {
  const bytes = place.reader()
  const dirs = new Set<string>()
  for (const path of sights.keys()) {
    const dir = new RegExp(`^${STATE}/agents/[^/]+/sessions(?=/)`).exec(path)?.[0]
    if (dir !== undefined) dirs.add(dir)
  }
  return new Map([...dirs].map((dir) => [dir, histories(bytes, dir)]))
}

/** The first of the messages that is not there as often as before, or not in its place among the others. */
function firstNotIn(later: readonly string[], earlier: readonly string[]): string | undefined {
  let from = 0
  for (const message of earlier) {
    const at = later.indexOf(message, from)
    if (at === -1) return message
    from = at + 1
  }
  return undefined
}

/** The name of a content that is there less often than before. */
function missing(before: Sights, now: Sights): string | undefined {
  const counts = new Map<string, number>()
  for (const { kind, content } of now.values())
    counts.set(`${kind} ${content}`, (counts.get(`${kind} ${content}`) ?? 0) + 1)
  for (const [path, { kind, content }] of before) {
    // A directory that was empty is named by none of its files.
    if (kind === 'directory') continue
    const left = counts.get(`${kind} ${content}`) ?? 0
    if (left === 0) return path
    counts.set(`${kind} ${content}`, left - 1)
  }
  return undefined
}

const fields = ['kind', 'content', 'mode', 'mtimeMs'] as const

function difference(one: Sights, other: Sights): string | undefined {
  for (const path of new Set([...one.keys(), ...other.keys()])) {
    const [was, is] = [one.get(path), other.get(path)]
    if (was === undefined) return `${path} has appeared`
    if (is === undefined) return `${path} is gone`
    for (const field of fields)
      if (was[field] !== is[field]) return `${path} has another ${field}: ${is[field]}, not ${was[field]}`
  }
  return undefined
}

/** A site on the disk that loses power, plans made by hand, and the questions asked after every outage. */
import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import { Conflict, sight } from '../../src/recovery/fingerprint.ts'
import type { Fingerprint, Step } from '../../src/recovery/finding.ts'
import { begin, end, further, readRepairs, type Repair, settle } from '../../src/recovery/journal.ts'
import { pathOf } from '../../src/recovery/places.ts'
import { defaultPolicy, type Site } from '../../src/recovery/site.ts'
import { undoneBy } from '../../src/recovery/repairs.ts'
import { undo } from '../../src/recovery/undo.ts'
import { take } from '../../src/recovery/take.ts'
import { type Content, CrashDisk } from '../doubles/crash-disk.ts'

export const STATE = '/home/state'

export const siteOn = (disk: Site['disk'], machine: Partial<Site> = {}): Site => ({
  disk,
  stateDir: STATE,
  configPath: `${STATE}/openclaw.json`,
  gatewayLockDir: null,
  startTicksOf: () => undefined,
  bootId: 'boot',
  now: () => Date.UTC(2026, 10, 22, 13, 14, 15),
  policy: defaultPolicy,
  installed: { version: '2026.4.26', schemaVersions: null },
  ...machine,
})

export const sha = (content: string | Uint8Array): Fingerprint =>
  `sha256:${createHash('sha256').update(content).digest('hex')}`

const because: Step['because'] = [{ kind: 'transcript-torn-tail', path: 'x' }]

export const steps = {
  /** Each from what the disk holds now. */
  write: async (
    site: Site,
    path: string,
    becomes: string,
    content: (Step['change'] & { do: 'write' })['content'],
  ): Promise<Step> => ({
    path,
    before: (await sight(site.disk, pathOf(site, path))).fingerprint,
    after: sha(becomes),
    change: { do: 'write', content, mode: 0o640 },
    because,
  }),
  setAside: async (site: Site, path: string): Promise<Step> => ({
    path,
    before: (await sight(site.disk, pathOf(site, path))).fingerprint,
    after: 'missing',
    change: { do: 'set-aside' },
    because,
  }),
  putBack: async (site: Site, path: string, from: string): Promise<Step> => ({
    path,
    before: (await sight(site.disk, pathOf(site, path))).fingerprint,
    after: (await sight(site.disk, pathOf(site, from))).fingerprint,
    change: { do: 'put-back', from },
    because,
  }),
}

/**
 * What recover() does around the plan, without the eyes that make one: finish what was cut short, else begin;
 * each function in `rounds` makes the steps of one round from what the disk holds then.
 */
export async function repairByHand(
  site: Site,
  rounds: readonly ((site: Site) => Promise<readonly Step[]>)[],
): Promise<Repair> {
  const open = await settle(site)
  let repair = open[0] ?? (await readRepairs(site)).at(-1)
  if (repair?.end) return repair
  if (repair) await taken(site, repair)
  for (;;) {
    let done = 0
    let next: readonly Step[] | undefined
    for (const round of rounds) {
      const planned = await round(site)
      done += planned.length
      if (done > (repair?.steps.length ?? 0)) {
        next = planned
        break
      }
    }
    if (next === undefined) break
    repair = repair
      ? await further(site, repair, next)
      : await begin(site, { trigger: 'test', undoes: null, found: [], steps: next })
    await taken(site, repair)
  }
  return await end(site, repair!, { outcome: 'confirmed', done: repair!.steps.length, evidence: null })
}

/** The same for an undo. */
export async function undoByHand(site: Site, id: string): Promise<void> {
  const [open] = await settle(site)
  const all = await readRepairs(site)
  if (open) {
    await taken(site, open)
    await end(site, open, { outcome: 'confirmed', done: open.steps.length, evidence: null })
  } else if (
    !undoneBy(
      all.find((repair) => repair.id === id)!,
      all,
    )
  ) {
    expect(await undo(site, id, 'test')).toMatchObject({ is: 'undone' })
  }
}

async function taken(site: Site, repair: Repair): Promise<void> {
  const outcome = await take(site, repair)
  if (outcome.is === 'abandoned') throw new Conflict(outcome.evidence)
  expect(outcome).toEqual({ is: 'all' })
}

type Tree = ReturnType<CrashDisk['tree']>
const isOwn = (path: string): boolean => path.startsWith(`${STATE}/supervise`)
const told = ({ kind, bytes, target }: { kind: string; bytes: Buffer; target: string }): string =>
  `${kind} ${target} ${createHash('sha256').update(bytes).digest('hex')}`

/** The user's files: name -> what is there. */
export function users(
  tree: Tree,
  how: 'content' | 'with mode' | 'with mode and time',
): Record<string, string> {
  const shown = [...tree]
    .filter(([path]) => !isOwn(path))
    .map(([path, seen]) => {
      const mode = how === 'content' ? '' : ` ${seen.mode.toString(8)}`
      return [path, `${told(seen)}${mode}${how === 'with mode and time' ? ` ${seen.mtimeMs}` : ''}`]
    })
  return Object.fromEntries(shown.sort(([a], [b]) => (a! < b! ? -1 : 1)))
}

/** Asked after every outage, before anything is put right: where is each byte, and is each change announced? */
export async function assertAccountedFor(before: Tree, disk: CrashDisk): Promise<void> {
  const now = disk.tree()
  const there = new Map<string, string[]>()
  for (const [path, seen] of now) there.set(told(seen), [...(there.get(told(seen)) ?? []), path])
  for (const [path, seen] of before) {
    if (isOwn(path)) continue
    const places = there.get(told(seen)) ?? []
    if (!places.includes(path)) {
      if (places.length === 0) throw new Error(`the bytes of ${path} are nowhere`)
      const named = (await readRepairs(siteOn(disk))).flatMap((repair) => repair.steps)
      const announced = named
        .flatMap((step) => (step.change.do === 'put-back' ? [step.path, step.change.from] : [step.path]))
        .some((name) => `${path}/`.startsWith(`${pathOf(siteOn(disk), name)}/`))
      if (!announced) throw new Error(`${path} changed before a durable plan named it`)
    }
  }
}

/** What the journal says of each thing kept is what lies there, it is what was there before, and nothing else is kept. */
export function assertKeptAsRecorded(input: Tree, now: Tree, repairs: readonly Repair[]): void {
  const recorded = repairs.flatMap((repair) => [...repair.kept.values()])
  const under = (tree: Tree, top: string): string[] =>
    [...tree].flatMap(([path, seen]) =>
      `${path}/`.startsWith(`${top}/`) ? [`${path.slice(top.length)} ${told(seen)}`] : [],
    )
  for (const { path, keptAs, sha256, bytes } of recorded) {
    const top = `${STATE}/${keptAs}`
    const was = under(input, path.startsWith('/') ? path : `${STATE}/${path}`)
    expect(under(now, top).toSorted(), keptAs).toEqual(was.toSorted())
    // A directory is kept as it is.
    const there = now.get(top)
    if (there?.kind !== 'file') continue
    expect(createHash('sha256').update(there.bytes).digest('hex'), keptAs).toBe(sha256)
    expect(there.bytes.length, keptAs).toBe(bytes)
  }
  const names = new Set(
    [...now.keys()].flatMap((path) => /^.*\/repairs\/[^/]+\/kept\/[^/]+/.exec(path) ?? []),
  )
  const known = new Set(recorded.map(({ keptAs }) => `${STATE}/${keptAs}`))
  expect([...names].filter((name) => !known.has(name))).toEqual([])
}

/** Every content of the input is somewhere, under whatever name. */
export function assertNothingLost(input: Tree, disk: CrashDisk): void {
  const there = new Set([...disk.tree().values()].map(told))
  for (const [path, seen] of input)
    if (!there.has(told(seen))) throw new Error(`the bytes of ${path} are nowhere`)
}

/** What the user's files should be: the input, but for what the story changes. */
export function expected(story: Story): Record<string, string> {
  const disk = CrashDisk.of({ ...story.input })
  for (const [path, content] of Object.entries(story.output)) {
    if (content !== null) disk.put(path, content)
    else disk.drop(path)
  }
  return users(disk.tree(), 'content')
}

export function assertNothingLeftOver(tree: Tree): void {
  const left = [...tree.keys()].filter((path) => /\.supervise-[^/]*$/.test(path))
  expect(left).toEqual([])
}

/** Every state that outages and kills during `act` can lead to, started again from each, until there is no new one. */
export async function everyOutage(
  start: CrashDisk,
  act: (disk: CrashDisk) => Promise<void>,
  asked: {
    readonly afterOutage: (disk: CrashDisk) => Promise<void>
    readonly atEnd: (disk: CrashDisk) => Promise<void>
  },
  depth: number,
): Promise<{ readonly states: number; readonly outages: number }> {
  const known = new Set([start.signature()])
  const ends = new Set<string>()
  let outages = 0
  let layer = [start]
  for (let cuts = 0; layer.length > 0; cuts++) {
    const next: CrashDisk[] = []
    const met = async (disk: CrashDisk): Promise<void> => {
      outages++
      const signature = disk.signature()
      if (known.has(signature)) return
      known.add(signature)
      await asked.afterOutage(disk)
      next.push(disk)
    }
    for (const state of layer) {
      const snapshots: CrashDisk[] = []
      const disk = state.copy()
      // The last layer is only finished, not cut again.
      if (cuts < depth) disk.beforeChange = () => snapshots.push(disk.copy())
      await act(disk)
      disk.beforeChange = undefined
      snapshots.push(disk)
      for (const snapshot of snapshots) {
        if (snapshot !== disk) await met(snapshot)
        if (cuts < depth || snapshot === disk)
          for (const loss of snapshot.losses()) {
            const found = snapshot.after(loss)
            if (snapshot !== disk) {
              await met(found)
              continue
            }
            // What was said to be done is done, whatever the disk loses now.
            outages++
            const signature = found.signature()
            if (ends.has(signature)) continue
            ends.add(signature)
            await asked.atEnd(found)
          }
      }
    }
    layer = next
  }
  return { states: known.size + ends.size, outages }
}

export type Plan = readonly ((site: Site) => Promise<readonly Step[]>)[]
export interface Story {
  readonly name: string
  readonly input: Readonly<Record<string, Content>>
  readonly rounds: Plan
  /** Names of the state that are otherwise afterwards: content, or null for gone. */
  readonly output: Readonly<Record<string, string | null>>
  readonly refuseLinks?: string
  readonly noExchange?: boolean
  /** Many steps: two cuts in a row are for the slower suites. */
  readonly isLong?: boolean
}

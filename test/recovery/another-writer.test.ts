/**
 * Another program writes here while a repair runs: between every two calls of ours, each name of the plan is
 * replaced by rename, appended to in place, removed, or made.  Whatever it did stands or is kept, the old
 * content is kept or was taken away by the other program itself, and no temporary name of ours is left.
 *
 * Cites invariant 4 at the head of src/recovery/recover.ts, and 3 and 5 of apply.ts.
 */
import { describe, expect, test } from 'vitest'
import type { Step } from '../../src/recovery/finding.ts'
import { sight } from '../../src/recovery/fingerprint.ts'
import { begin, readRepairs, settle } from '../../src/recovery/journal.ts'
import { recover } from '../../src/recovery/recover.ts'
import { pathOf } from '../../src/recovery/places.ts'
import { take } from '../../src/recovery/take.ts'
import { undo } from '../../src/recovery/undo.ts'
import { CrashDisk } from '../doubles/crash-disk.ts'
import { assertNothingLeftOver, repairByHand, siteOn, STATE, users } from './bench.ts'
import { rows } from './damaged.ts'
import { stories } from './stories.ts'
import { look } from './survive.ts'

const MARK = 'written by another program'
const deeds = {
  'replaces it': (disk: CrashDisk, path: string): boolean => {
    disk.put(path, MARK)
    return true
  },
  'appends to it': (disk: CrashDisk, path: string): boolean => disk.scribble(path, Buffer.from(MARK)),
  'changes a byte of it': (disk: CrashDisk, path: string): boolean => {
    disk.smudge(path)
    return false
  },
  'removes it': (disk: CrashDisk, path: string): boolean => {
    disk.drop(path)
    return false
  },
}
const isThere = (disk: CrashDisk, bytes: string): boolean =>
  [...disk.tree().values()].some((seen) => seen.bytes.includes(bytes))

const sourcesOf = ({ change }: Step): string[] => {
  if (change.do === 'put-back') return [change.from]
  return change.do === 'write' ? change.content.flatMap((piece) => ('path' in piece ? [piece.path] : [])) : []
}

const plain = stories.filter(
  ({ refuseLinks, noExchange, rounds }) => !refuseLinks && !noExchange && rounds.length === 1,
)

describe.each(Object.entries(deeds))('another program %s', (_what, deed) => {
  test.each(plain)('during: $name', async (story) => {
    const steps = await story.rounds[0]!(siteOn(CrashDisk.of(story.input)))
    const names = new Set(steps.flatMap((step) => [step.path, ...sourcesOf(step)]))
    const outcomes = new Set<string>()
    for (const name of names) {
      for (let call = 0; ; call++) {
        const disk = CrashDisk.of(story.input)
        const site = siteOn(disk)
        const path = pathOf(site, name)
        const old = disk.tree().get(path)?.bytes.toString()
        const repair = await begin(site, { trigger: 'test', undoes: null, found: [], steps })
        let calls = 0
        let wrote = false
        let isLeft = false
        disk.meanwhile = () => {
          if (calls++ !== call) return
          wrote = deed(disk, path)
          isLeft = old !== undefined && isThere(disk, old)
        }
        const outcome = await take(site, repair)
        if (calls <= call) break
        outcomes.add(outcome.is)
        const told = `${name}, before call ${call}: ${JSON.stringify([...disk.tree()].map(([at, { bytes }]) => [at, bytes.toString()]))}`
        if (wrote) expect(isThere(disk, MARK), told).toBe(true)
        // What the other program did not itself destroy.
        if (isLeft) expect(isThere(disk, old!), told).toBe(true)
        assertNothingLeftOver(disk.tree())
        // What is kept is what the plan named, or the step was given up.
        for (const [n, step] of steps.entries()) {
          const kept = await sight(disk, `${STATE}/supervise/repairs/${repair.id}/kept/${n}`)
          if (outcome.is === 'all' && kept.stat?.kind === 'file')
            expect(kept.fingerprint, told).toBe(step.before)
        }
        // What was made from something that changed meanwhile is not put in place.
        for (const step of steps)
          if (outcome.is === 'all' && step.path !== name)
            expect((await sight(disk, pathOf(site, step.path))).fingerprint, told).toBe(step.after)
        expect((await readRepairs(site))[0]!.end?.outcome, told).toBe(
          outcome.is === 'all' ? undefined : 'abandoned',
        )
      }
    }
    expect(outcomes).toContain('all')
  })
})

test.each(rows)(
  'a file that is replaced while it is repaired is neither lost nor overwritten: $name',
  async ({ files, machine }) => {
    for (const path of Object.keys(files).filter((path) => /\.jsonl$|sessions\.json$/.test(path))) {
      for (let call = 0; ; call += 7) {
        const disk = CrashDisk.of(files)
        let calls = 0
        disk.meanwhile = () => {
          if (calls++ === call) disk.put(path, `{"${MARK}":1}`)
        }
        const recovery = await recover(siteOn(disk, machine), look)
        if (calls <= call) break
        expect(isThere(disk, MARK)).toBe(true)
        if (recovery.is === 'retry-later') expect(recovery.evidence).toMatch(/chang|not what was inspected/)
        assertNothingLeftOver(disk.tree())
        // Alone again, recovery comes to an end.
        disk.meanwhile = undefined
        await recover(siteOn(disk, machine), look)
        expect(isThere(disk, MARK)).toBe(true)
        expect((await readRepairs(siteOn(disk))).filter((repair) => repair.end === undefined)).toEqual([])
      }
    }
  },
)

test('a program that writes on and on through an open descriptor writes into the kept file', async () => {
  const story = plain[0]!
  const disk = CrashDisk.of(story.input)
  const path = Object.keys(story.input)[0]!
  const descriptor = disk.open(path)
  await repairByHand(siteOn(disk), story.rounds)
  descriptor.write(Buffer.from(MARK))
  const kept = [...disk.tree()]
    .filter(([at]) => at.includes('/kept/'))
    .map(([, { bytes }]) => bytes.toString())
  expect(kept).toEqual([`${story.input[path] as string}${MARK}`])
  expect(users(disk.tree(), 'content')).toEqual(
    users(CrashDisk.of(story.output as Record<string, string>).tree(), 'content'),
  )
})

test('what lies under the name of a kept file and is something else is neither trusted nor replaced', async () => {
  const story = plain[0]!
  const [path, old] = Object.entries(story.input)[0]!
  const disk = CrashDisk.of(story.input)
  const site = siteOn(disk)
  const steps = await story.rounds[0]!(site)
  const repair = await begin(site, { trigger: 'test', undoes: null, found: [], steps })
  disk.put(`${STATE}/supervise/repairs/${repair.id}/kept/0`, MARK)
  expect(await take(site, repair)).toMatchObject({
    is: 'abandoned',
    evidence: expect.stringContaining('kept/0'),
  })
  expect(disk.tree().get(path)!.bytes.toString()).toBe(old)
  expect(isThere(disk, MARK)).toBe(true)
})

test('a second program that writes while the first one gets its file back loses nothing either', async () => {
  const story = plain[0]!
  const disk = CrashDisk.of(story.input)
  const path = Object.keys(story.input)[0]!
  let exchanges = 0
  disk.meanwhile = (verb) => {
    if (verb === 'exchange') disk.put(path, `${MARK} ${++exchanges}`)
  }
  const site = siteOn(disk)
  const steps = await story.rounds[0]!(site)
  const outcome = await take(site, await begin(site, { trigger: 'test', undoes: null, found: [], steps }))
  expect(outcome.is).toBe('abandoned')
  expect(exchanges).toBe(2)
  for (const n of [1, 2]) expect(isThere(disk, `${MARK} ${n}`)).toBe(true)
  assertNothingLeftOver(disk.tree())
})

test('without exchange, only the instant of the rename itself is left to another program', async () => {
  const poor = stories.find(({ name }) => name === 'a torn tail is cut, without exchange')!
  const path = Object.keys(poor.input)[0]!
  const lost: string[] = []
  for (let call = 0; ; call++) {
    const disk = CrashDisk.of(poor.input, { noExchange: true })
    const site = siteOn(disk)
    const steps = await poor.rounds[0]!(site)
    const repair = await begin(site, { trigger: 'test', undoes: null, found: [], steps })
    let calls = 0
    let before = ''
    disk.meanwhile = (verb, at) => {
      if (calls++ !== call) return
      before = `${verb} ${at}`
      disk.put(path, MARK)
    }
    await take(site, repair)
    if (calls <= call) break
    if (!isThere(disk, MARK)) lost.push(before)
  }
  // An exchange is tried, and is refused; then comes the rename.
  expect(lost).toEqual([`exchange ${path}`, `rename to ${path}`])
})

describe('killed with the file of another program in hand', () => {
  const kinds = ['a torn tail is cut', 'a file is set aside', 'an archive is put back']
  test.each(plain.filter(({ name }) => kinds.includes(name)))('then resumed: $name', async (story) => {
    const [step] = await story.rounds[0]!(siteOn(CrashDisk.of(story.input)))
    let resumed = 0
    for (const name of [step!.path, ...sourcesOf(step!)])
      for (let call = 0; ; call++) {
        const disk = CrashDisk.of(story.input)
        const site = siteOn(disk)
        const repair = await begin(site, { trigger: 'test', undoes: null, found: [], steps: [step!] })
        const killed: CrashDisk[] = []
        let calls = 0
        disk.meanwhile = () => {
          if (calls++ === call) disk.put(pathOf(site, name), MARK)
        }
        disk.beforeChange = () => {
          if (calls > call) killed.push(disk.copy())
        }
        await take(site, repair)
        if (calls <= call) break
        for (const next of killed) {
          const [open] = await settle(siteOn(next))
          if (open) await take(siteOn(next), open)
          expect(isThere(next, MARK), `${name} replaced before call ${call}`).toBe(true)
          assertNothingLeftOver(next.tree())
          resumed++
        }
      }
    expect(resumed).toBeGreaterThan(50)
  })

  test('and somebody emptied the folder of kept files meanwhile', async () => {
    const story = plain.find(({ name }) => name === 'a file is set aside')!
    const old = Object.values(story.input)[0] as string
    const disk = CrashDisk.of(story.input)
    const killed: CrashDisk[] = []
    disk.beforeChange = () => killed.push(disk.copy())
    const { id } = await repairByHand(siteOn(disk), story.rounds)
    for (const next of killed) {
      const kept = `${STATE}/supervise/repairs/${id}/kept/0`
      const isElsewhere = [...next.tree()].some(([at, { bytes }]) => at !== kept && bytes.toString() === old)
      if (!next.tree().has(kept) || !isElsewhere) continue
      next.drop(kept)
      await repairByHand(siteOn(next), story.rounds)
      expect(isThere(next, old)).toBe(true)
    }
  })
})

describe('while a repair is taken back', () => {
  const short = stories.filter(
    ({ refuseLinks, noExchange, isLong }) => !refuseLinks && !noExchange && !isLong,
  )

  test.each(Object.entries(deeds))('another program %s: nothing is lost', async (_what, deed) => {
    for (const story of short) {
      const start = CrashDisk.of(story.input)
      const { id } = await repairByHand(siteOn(start), story.rounds)
      const names = [...start.tree().keys(), ...Object.keys(story.input)]
      for (const path of new Set(names.filter((name) => !name.endsWith('/journal.jsonl'))))
        for (let call = 0; ; call++) {
          const disk = start.copy()
          const old = disk.tree().get(path)?.bytes.toString()
          let calls = 0
          let wrote = false
          let isLeft = false
          disk.meanwhile = () => {
            if (calls++ !== call || !disk.tree().has(path)) return
            wrote = deed(disk, path)
            isLeft = old !== undefined && isThere(disk, old)
          }
          const outcome = await undo(siteOn(disk), id, 'test')
          if (calls <= call) break
          const told = `${story.name}: ${path}, before call ${call}: ${JSON.stringify(outcome)}`
          if (wrote) expect(isThere(disk, MARK), told).toBe(true)
          if (isLeft) expect(isThere(disk, old!), told).toBe(true)
          assertNothingLeftOver(disk.tree())
        }
    }
  })

  test.each(short)(
    'a backup sets a time: asked again it comes to its end, and all of it can be taken back: $name',
    async (story) => {
      const start = CrashDisk.of(story.input)
      const input = users(start.tree(), 'content')
      const { id } = await repairByHand(siteOn(start), story.rounds)
      const repaired = users(start.tree(), 'content')
      const names = [...start.tree().keys()].filter((name) => !name.endsWith('/journal.jsonl'))
      let stopped = 0
      for (const path of new Set([...names, ...Object.keys(story.input)]))
        for (let call = 0; ; call++) {
          const disk = start.copy()
          let calls = 0
          disk.meanwhile = () => {
            if (calls++ === call && disk.tree().has(path)) disk.touch(path, Date.UTC(2026, 10, 23))
          }
          let outcome = await undo(siteOn(disk), id, 'test')
          if (calls <= call) break
          disk.meanwhile = undefined
          const told = `${path}, before call ${call}: ${JSON.stringify(outcome)}`
          if (outcome.is === 'retry-later') {
            stopped++
            expect(outcome.evidence, told).toMatch(/was changed by another program/)
            outcome = await undo(siteOn(disk), id, 'test')
          }
          expect(outcome.is, told).toBe('undone')
          expect(users(disk.tree(), 'content'), told).toEqual(input)
          const again = await undo(siteOn(disk), (outcome as { repairId: string }).repairId, 'test')
          expect(again.is, `${told}: ${JSON.stringify(again)}`).toBe('undone')
          expect(users(disk.tree(), 'content'), told).toEqual(repaired)
        }
      // A directory is moved whole, whatever its time.
      if (!story.name.startsWith('a directory')) expect(stopped).toBeGreaterThan(0)
    },
  )
})

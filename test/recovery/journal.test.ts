import { describe, expect, test } from 'vitest'
import { begin, end, further, noteKept, readRepairs, settle } from '../../src/recovery/journal.ts'
import { CrashDisk } from '../doubles/crash-disk.ts'
import { repairByHand, sha, siteOn, STATE } from './bench.ts'
import { stories } from './stories.ts'

const step = (path: string, n = 0) => ({
  path,
  before: sha(`before ${n}`),
  after: 'missing' as const,
  change: { do: 'set-aside' as const },
  because: [],
})
const what = (...paths: string[]) => ({ trigger: 'test', undoes: null, found: [], steps: paths.map(step) })
const kept = { path: 'a', sha256: null, bytes: 3, keptAs: 'supervise/repairs/x/kept/0' }

async function journalOf(disk: CrashDisk): Promise<{ path: string; bytes: Buffer }> {
  const [path] = [...disk.tree().keys()].filter((name) => name.endsWith('journal.jsonl'))
  return { path: path!, bytes: disk.tree().get(path!)!.bytes }
}

async function written(): Promise<CrashDisk> {
  const disk = CrashDisk.of({ [`${STATE}/x`]: 'x' })
  const site = siteOn(disk)
  const repair = await begin(site, what('a', 'b'))
  await noteKept(site, repair, 0, kept)
  await end(site, await further(site, repair, [step('a', 1)]), {
    outcome: 'confirmed',
    done: 3,
    evidence: null,
  })
  return disk
}

describe('the journal', () => {
  test('gives back what was written', async () => {
    const [repair] = await readRepairs(siteOn(await written()))
    expect(repair).toMatchObject({
      trigger: 'test',
      undoes: null,
      roundFrom: 2,
      end: { outcome: 'confirmed', done: 3 },
    })
    expect(repair!.steps.map(({ path }) => path)).toEqual(['a', 'b', 'a'])
    expect(repair!.kept.get(0)).toEqual(kept)
  })

  test('torn at every byte, it holds the records that were whole, and takes new ones', async () => {
    const disk = await written()
    const { path, bytes } = await journalOf(disk)
    const ends = [...bytes.keys()].filter((at) => bytes[at] === 10).map((at) => at + 1)
    for (let size = 0; size <= bytes.length; size++) {
      disk.put(path, bytes.subarray(0, size))
      const site = siteOn(disk)
      // A record whose newline alone is missing is whole: its checksum says so.
      const whole = ends.filter((at) => at - 1 <= size).length
      const [repair] = await readRepairs(site)
      expect([
        repair !== undefined,
        repair?.kept.size === 1,
        repair?.steps.length === 3,
        repair?.end !== undefined,
      ]).toEqual([whole >= 1, whole >= 2, whole >= 3, whole >= 4])
      if (repair === undefined) continue
      await noteKept(site, repair, 1, kept)
      const [again] = await readRepairs(site)
      expect(again).toMatchObject({ steps: repair.steps })
      expect(again!.kept.get(1)).toEqual(kept)
    }
  })

  test('with any byte changed, it holds no record that was not written', async () => {
    const disk = await written()
    const { path, bytes } = await journalOf(disk)
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes)
      damaged[at]! ^= 0x21
      disk.put(path, damaged)
      for (const repair of await readRepairs(siteOn(disk))) {
        expect(['a,b', 'a,b,a']).toContain(repair.steps.map(({ path: name }) => name).join())
        for (const each of repair.kept.values()) expect(each).toEqual(kept)
      }
    }
  })

  test('ids follow the order of repairs, also within a second and when the clock is set back', async () => {
    const disk = CrashDisk.of({ [`${STATE}/x`]: 'x' })
    const ids: string[] = []
    for (const now of [
      Date.UTC(2026, 10, 22),
      Date.UTC(2026, 10, 22) + 5,
      Date.UTC(2020, 0, 1),
      Date.UTC(2026, 10, 23),
    ])
      ids.push((await begin(siteOn(disk, { now: () => now }), what('a'))).id)
    expect(ids.map((id) => id.slice(0, 16))).toEqual([
      '20261122T000000Z',
      '20261122T000001Z',
      '20261122T000002Z',
      '20261123T000000Z',
    ])
    expect((await readRepairs(siteOn(disk))).map(({ id }) => id)).toEqual(ids)
  })

  test('a plan that changes a name twice in one round is a defect, and is not begun', async () => {
    const disk = CrashDisk.of({ [`${STATE}/x`]: 'x' })
    await expect(begin(siteOn(disk), what('a', 'b', 'a'))).rejects.toThrow('changes "a" twice')
    expect([...disk.tree().keys()]).toEqual([`${STATE}/x`])
  })

  test('names of the state are relative, so that a journal moves with it', async () => {
    const disk = CrashDisk.of({ [`${STATE}/x`]: 'x' })
    const repair = await begin(siteOn(disk), {
      ...what(),
      steps: [
        { ...step(`${STATE}/a`), change: { do: 'put-back', from: `${STATE}/b` } },
        step('/elsewhere/c'),
      ],
    })
    expect(repair.steps).toMatchObject([{ path: 'a', change: { from: 'b' } }, { path: '/elsewhere/c' }])
  })

  test('a folder whose plan never came to be is removed; one that keeps something is not', async () => {
    const at = (name: string): string => `${STATE}/supervise/repairs/${name}`
    const disk = CrashDisk.of({
      [at('20261122T000000Z-aaaa/journal.jsonl')]: 'abc',
      [at('20261122T000001Z-bbbb/kept/0')]: 'kept',
      [at('20261122T000001Z-bbbb/journal.jsonl')]: 'abc',
      [at("somebody's notes")]: 'n',
    })
    expect(await settle(siteOn(disk))).toEqual([])
    expect([...disk.tree().keys()].sort()).toEqual(
      ['20261122T000001Z-bbbb/kept/0', '20261122T000001Z-bbbb/journal.jsonl', "somebody's notes"]
        .map(at)
        .sort(),
    )
  })

  test('every plan is given back as it was made', async () => {
    for (const story of stories) {
      const disk = CrashDisk.of(story.input)
      const made = await story.rounds[0]!(siteOn(disk))
      await repairByHand(siteOn(disk), story.rounds)
      expect((await readRepairs(siteOn(disk)))[0]!.steps.slice(0, made.length)).toEqual(made)
    }
  })
})

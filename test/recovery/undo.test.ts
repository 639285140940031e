import { describe, expect, test } from 'vitest'
import { begin, end, readRepairs } from '../../src/recovery/journal.ts'
import { recover } from '../../src/recovery/recover.ts'
import { repairs } from '../../src/recovery/repairs.ts'
import { take } from '../../src/recovery/take.ts'
import { undo } from '../../src/recovery/undo.ts'
import { CrashDisk } from '../doubles/crash-disk.ts'
import { expected, repairByHand, siteOn, STATE, steps, type Story, users } from './bench.ts'
import { rows } from './damaged.ts'
import { stories } from './stories.ts'
import { look } from './survive.ts'

const named = (name: string): Story => stories.find((story) => story.name === name)!
const torn = named('a torn tail is cut')
const transcript = Object.keys(torn.input)[0]!
const states = async (disk: CrashDisk): Promise<string[]> =>
  (await repairs(siteOn(disk))).map(({ state }) => state)
const all = 'with mode and time'

async function repaired(
  story: Story,
): Promise<{ disk: CrashDisk; id: string; input: ReturnType<CrashDisk['tree']> }> {
  const disk = CrashDisk.of(story.input)
  const input = disk.tree()
  const { id } = await repairByHand(siteOn(disk), story.rounds)
  return { disk, id, input }
}

async function refuses(
  disk: CrashDisk,
  id: string,
  evidence: RegExp,
  command: RegExp | null = null,
): Promise<void> {
  const before = disk.tree()
  const outcome = await undo(siteOn(disk), id, 'test')
  expect(outcome).toMatchObject({ is: 'refused', evidence: expect.stringMatching(evidence) })
  if (command) expect(outcome).toMatchObject({ command: expect.stringMatching(command) })
  expect(disk.tree()).toEqual(before)
}

describe('undo', () => {
  test.each(stories)('forth, back, forth again and back again: $name', async (story) => {
    const { disk, id, input } = await repaired(story)
    const after = disk.tree()
    const ids = [id]
    for (const wanted of [input, after, input, after]) {
      const outcome = await undo(siteOn(disk), ids.at(-1)!, 'test')
      expect(outcome).toMatchObject({ is: 'undone' })
      ids.push((outcome as { repairId: string }).repairId)
      expect(users(disk.tree(), all)).toEqual(users(wanted, all))
    }
    expect(await states(disk)).toEqual(['done', 'undone', 'done', 'undone', 'done'])
  })

  test('taken back and brought back again and again, it is told no longer than at first', async () => {
    const { disk, id, input } = await repaired(torn)
    const after = disk.tree()
    for (let n = 0; n < 8; n++) {
      const back = await undo(siteOn(disk), id, 'test')
      expect(back).toMatchObject({ is: 'undone' })
      expect(users(disk.tree(), all)).toEqual(users(input, all))
      expect(await undo(siteOn(disk), (back as { repairId: string }).repairId, 'test')).toMatchObject({
        is: 'undone',
      })
      expect(users(disk.tree(), all)).toEqual(users(after, all))
    }
    const reasons = (await readRepairs(siteOn(disk))).map(({ steps }) =>
      steps.map(({ because }) => because.length),
    )
    expect(new Set(reasons.map(String)).size, String(reasons)).toBe(1)
  })

  test('refuses what it does not know', async () => {
    const { disk } = await repaired(torn)
    await refuses(disk, '20200101T000000Z-0000', /there is no repair/, /history/)
    await refuses(disk, '../../..', /there is no repair/)
  })

  test('refuses when the file has changed since, in content or in kind', async () => {
    for (const change of [
      (disk: CrashDisk) => disk.scribble(transcript, Buffer.from('{"n":3}\n')),
      (disk: CrashDisk) => disk.put(transcript, 'other'),
      (disk: CrashDisk) => disk.drop(transcript),
      (disk: CrashDisk) => disk.put(transcript, { link: '/etc/passwd' }),
    ]) {
      const { disk, id } = await repaired(torn)
      change(disk)
      await refuses(disk, id, /"agents\/main\/sessions\/a.jsonl" has changed since the repair/)
    }
  })

  test('refuses when something stands where a name has to come back', async () => {
    const { disk, id } = await repaired(named('a file is set aside'))
    disk.put(`${STATE}/agents/main/sessions/sessions.json.lock`, 'new')
    await refuses(disk, id, /has changed since the repair/)
  })

  test('refuses when kept bytes are gone or altered', async () => {
    for (const change of [
      (disk: CrashDisk, path: string) => disk.drop(path),
      (disk: CrashDisk, path: string) => disk.put(path, 'x'),
    ]) {
      const { disk, id } = await repaired(torn)
      change(disk, `${STATE}/supervise/repairs/${id}/kept/0`)
      await refuses(disk, id, /kept\/0" has changed since the repair/)
    }
  })

  test('refuses a second time, and names the undo', async () => {
    const { disk, id } = await repaired(torn)
    await undo(siteOn(disk), id, 'test')
    await refuses(disk, id, /it was undone by/, /^supervise undo \S+$/)
  })

  test('goes back in order: a later repair of the same file first', async () => {
    const { disk, id, input } = await repaired(torn)
    const site = siteOn(disk)
    const between = disk.tree()
    const second = await begin(site, {
      trigger: 'test',
      undoes: null,
      found: [],
      steps: [await steps.setAside(site, 'agents/main/sessions/a.jsonl')],
    })
    await take(site, second)
    await end(site, second, { outcome: 'confirmed', done: 1, evidence: null })
    await refuses(
      disk,
      id,
      /the later repair \S+ changed the same files/,
      new RegExp(`^supervise undo ${second.id}$`),
    )
    expect(await undo(site, second.id, 'test')).toMatchObject({ is: 'undone' })
    expect(users(disk.tree(), all)).toEqual(users(between, all))
    expect(await undo(site, id, 'test')).toMatchObject({ is: 'undone' })
    expect(users(disk.tree(), all)).toEqual(users(input, all))
  })

  test('a later repair of other files does not matter', async () => {
    const { disk, id } = await repaired(torn)
    const site = siteOn(disk)
    disk.put(`${STATE}/other`, 'x')
    const second = await begin(site, {
      trigger: 'test',
      undoes: null,
      found: [],
      steps: [await steps.setAside(site, 'other')],
    })
    await take(site, second)
    await end(site, second, { outcome: 'confirmed', done: 1, evidence: null })
    expect(await undo(site, id, 'test')).toMatchObject({ is: 'undone' })
  })

  test('refuses while a repair is cut short', async () => {
    const { disk, id } = await repaired(torn)
    const site = siteOn(disk)
    await begin(site, { trigger: 'test', undoes: null, found: [], steps: [] })
    await refuses(disk, id, /was cut short/, /^supervise repair$/)
  })

  test('takes back what an abandoned repair had done, and only that', async () => {
    const story = named('a plan of every kind of step')
    const disk = CrashDisk.of(story.input)
    const site = siteOn(disk)
    const planned = await story.rounds[0]!(site)
    const repair = await begin(site, { trigger: 'test', undoes: null, found: [], steps: planned })
    disk.put(`${STATE}/agents/main/sessions/sessions.json.lock`, 'of another program')
    const input = disk.tree()
    expect(await take(site, repair)).toMatchObject({
      is: 'abandoned',
      evidence: expect.stringContaining('sessions.json.lock'),
    })
    expect(await states(disk)).toEqual(['abandoned'])
    expect((await readRepairs(site))[0]!.end).toMatchObject({ done: 2 })
    expect(await undo(site, repair.id, 'test')).toMatchObject({ is: 'undone' })
    expect(users(disk.tree(), all)).toEqual(users(input, all))
    expect(await states(disk)).toEqual(['undone', 'done'])
  })

  test('counts what came back under its name, though another program took the other name meanwhile', async () => {
    const story = named('an archive is put back')
    const disk = CrashDisk.of(story.input)
    const site = siteOn(disk)
    const [step] = await story.rounds[0]!(site)
    const { from } = step!.change as { from: string }
    const repair = await begin(site, { trigger: 'test', undoes: null, found: [], steps: [step!] })
    disk.meanwhile = (verb, path) => {
      if (verb === 'rename to' && path.endsWith('.from')) disk.put(`${STATE}/${from}`, 'of another program')
    }
    expect(await take(site, repair)).toMatchObject({ is: 'abandoned' })
    disk.meanwhile = undefined
    expect((await readRepairs(site))[0]!.end).toMatchObject({ done: 1 })
    await refuses(disk, repair.id, /has changed since the repair/)
  })

  test('a name that two rounds changed comes back in one step', async () => {
    const story = named('a put back archive turns out to be torn')
    const { disk, id, input } = await repaired(story)
    expect(users(disk.tree(), 'content')).toEqual(expected(story))
    expect(await undo(siteOn(disk), id, 'test')).toMatchObject({ is: 'undone' })
    expect((await readRepairs(siteOn(disk))).at(-1)!.steps).toHaveLength(2)
    expect(users(disk.tree(), all)).toEqual(users(input, all))
  })

  test('a full disk leaves it to be finished by the next recovery', async () => {
    const { files } = rows.find(({ kind }) => kind === 'transcript-torn-tail')!
    let later = 0
    for (let call = 0; ; call++) {
      const disk = CrashDisk.of(files)
      const recovery = await recover(siteOn(disk), look)
      const sound = disk.tree()
      disk.calls = 0
      disk.options = { failAt: { call, code: 'ENOSPC' } }
      const outcome = await undo(siteOn(disk), recovery.repairId!, 'test')
      if (disk.calls <= call) break
      if (outcome.is === 'retry-later') later++
      disk.options = {}
      // What was begun is finished; the damage is back then, and is put right again.
      expect(['consistent', 'repaired']).toContain((await recover(siteOn(disk), look)).is)
      expect(users(disk.tree(), 'content')).toEqual(users(sound, 'content'))
      expect(await states(disk)).not.toContain('cut-short')
    }
    expect(later).toBeGreaterThan(10)
  })
})

test('the history tells what each repair changed', async () => {
  const { files } = rows.find(({ name }) => name === 'everything at once')!
  const disk = CrashDisk.of(files)
  const site = siteOn(disk)
  const recovery = await recover(site, look)
  await undo(site, recovery.repairId!, 'operator')
  const [first, second] = await repairs(site)
  expect(first).toMatchObject({
    id: recovery.repairId,
    at: site.now(),
    trigger: 'test',
    undoes: null,
    state: 'undone',
    kept: recovery.kept,
  })
  expect(first!.kinds).toContainEqual({ kind: 'index-unreadable', count: 1 })
  expect(first!.keptBytes).toBe(recovery.kept.reduce((sum, { bytes }) => sum + bytes, 0))
  expect(second).toMatchObject({ trigger: 'operator', undoes: recovery.repairId, state: 'done' })
})

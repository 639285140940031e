/** Questions that nobody asked until a seeded fault went unnoticed. */
import { expect, test } from 'vitest'
import { type Policy, type State, step } from '../../src/lifecycle/lifecycle.ts'
import { fullBudgets } from '../../src/lifecycle/restart-policy.ts'
import { isUnchanged, markOf } from '../../src/recovery/checkpoint.ts'
import { begin } from '../../src/recovery/journal.ts'
import { temporaryFor } from '../../src/recovery/places.ts'
import { recover } from '../../src/recovery/recover.ts'
import { take } from '../../src/recovery/take.ts'
import { CrashDisk } from '../doubles/crash-disk.ts'
import { siteOn, STATE, steps } from '../recovery/bench.ts'
import { rows } from '../recovery/damaged.ts'
import { look } from '../recovery/survive.ts'

const textOf = (content: unknown): string => (typeof content === 'string' ? content : '')

test('bytes that only the kernel had are on disk once they are kept', async () => {
  const { files } = rows.find(({ name }) => name === 'a torn tail')!
  const disk = CrashDisk.of(files)
  const path = Object.keys(files).find((one) => textOf(files[one]).endsWith('{"type":"mess'))!
  const old = textOf(files[path])
  // As a gateway leaves them that was killed a moment ago.
  disk.makeDirty(path)
  expect(await recover(siteOn(disk), look)).toMatchObject({ is: 'repaired' })
  const [names] = disk.losses().toSorted((one, other) => other.names.size - one.names.size)
  const after = disk.after({ names: names!.names, bytes: 'lost' })
  const kept = [...after.tree()].filter(([name]) => name.includes('/kept/'))
  expect(kept.map(([, { bytes }]) => bytes.toString())).toContain(old)
})

test('a step that does not find what was inspected changes nothing', async () => {
  const disk = CrashDisk.of({ [`${STATE}/a`]: 'old', [`${STATE}/openclaw.json`]: '{}' })
  const site = siteOn(disk)
  const plan = [
    await steps.write(site, 'a', 'new', [{ text: 'new' }]),
    await steps.setAside(site, 'openclaw.json'),
  ]
  disk.put(`${STATE}/a`, 'of somebody else')
  const repair = await begin(site, { trigger: 'test', undoes: null, found: [], steps: plan })
  expect(await take(site, repair)).toMatchObject({ is: 'abandoned' })
  expect(disk.tree().get(`${STATE}/a`)?.bytes.toString()).toBe('of somebody else')
  expect(disk.tree().has(`${STATE}/openclaw.json`)).toBe(true)
})

test('what another program left in our hand is not swept away', async () => {
  const disk = CrashDisk.of({ [`${STATE}/a`]: 'old', [`${STATE}/openclaw.json`]: '{}' })
  const site = siteOn(disk)
  const plan = [await steps.write(site, 'a', 'new', [{ text: 'new' }])]
  const repair = await begin(site, { trigger: 'test', undoes: null, found: [], steps: plan })
  // We died between the exchange that caught it and giving it back.
  disk.put(temporaryFor(`${STATE}/a`, repair.id, 0, 'tmp'), 'of somebody else')
  expect(await take(site, repair)).toEqual({ is: 'all' })
  const contents = [...disk.tree()].map(([name, { bytes }]) => [name.includes('/kept/'), bytes.toString()])
  expect(contents).toContainEqual([true, 'of somebody else'])
  expect(contents).toContainEqual([true, 'old'])
})

test('of a torn trajectory every whole line stays', async () => {
  const { files } = rows.find(({ name }) => name === 'a torn trajectory')!
  const disk = CrashDisk.of(files)
  const path = Object.keys(files).find((one) => textOf(files[one]).endsWith('{"trace'))!
  expect(await recover(siteOn(disk), look)).toMatchObject({ is: 'repaired' })
  expect(disk.tree().get(path)!.bytes.toString()).toBe(textOf(files[path]).slice(0, -'{"trace'.length))
})

test.each(['ino', 'bytes', 'mtimeMs', 'ctimeMs'] as const)('another %s is another file', async (field) => {
  const stat = (await CrashDisk.of({ '/a': 'x' }).stat('/a'))!
  expect(isUnchanged(stat, markOf(stat))).toBe(true)
  expect(isUnchanged({ ...stat, [field]: stat[field] + 1 }, markOf(stat))).toBe(false)
})

test('a child that is ready is announced once', () => {
  const running: State = {
    phase: 'running',
    child: 1,
    run: 1,
    budgets: fullBudgets,
    reason: { why: 'started', detail: 'first start' },
    readyAt: 0,
  }
  expect(step(running, { type: 'ready', child: 1, now: 5 }, {} as Policy)).toEqual([running, []])
})

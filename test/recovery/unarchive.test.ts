/** What a doctor run archived of sessions that live (wrongly-archived): told, put back when asked or where nothing stands. */
import { expect, test } from 'vitest'
import { inspect } from '../../src/recovery/inspect.ts'
import { recover } from '../../src/recovery/recover.ts'
import { defaultPolicy } from '../../src/recovery/site.ts'
import { undo } from '../../src/recovery/undo.ts'
import { CrashDisk } from '../doubles/crash-disk.ts'
import { siteOn, STATE, users } from './bench.ts'
import { indexText, sound, type Files } from './damaged.ts'
import { look } from './survive.ts'

const sessions = `${STATE}/agents/main/sessions`
const { 'agent:main:main': main } = JSON.parse(indexText) as Record<string, { sessionId: string }>
const trajectory = `${sessions}/${main!.sessionId}.trajectory.jsonl`
const transcript = `${sessions}/${main!.sessionId}.jsonl`
const archived = (path: string, day: number): string => `${path}.deleted.2026-11-0${day}T00-00-00.000Z`
const text = (path: string): string => sound[path] as string
const asking = (disk: CrashDisk) => siteOn(disk, { policy: { ...defaultPolicy, unarchive: true } })
const kinds = async (disk: CrashDisk): Promise<string[]> =>
  (await inspect(siteOn(disk), look)).inspection.findings.map(({ kind, severity }) => `${kind} ${severity}`)

test('told and left alone while something newer stands in its place', async () => {
  const disk = CrashDisk.of({
    ...sound,
    [archived(trajectory, 1)]: text(trajectory),
    [archived(transcript, 1)]: text(transcript),
  })
  expect(await kinds(disk)).toEqual(['wrongly-archived benign', 'wrongly-archived benign'])
  expect((await recover(siteOn(disk), look)).is).toBe('consistent')
})

test.each([
  ['trajectory', trajectory],
  ['transcript', transcript],
])('a %s comes back by itself where nothing stands in its place, the newest of them', async (_what, path) => {
  const { [path]: live, ...rest } = sound
  const disk = CrashDisk.of({ ...rest, [archived(path, 1)]: `${text(path)}\n`, [archived(path, 2)]: live! })
  const before = users(disk.tree(), 'with mode and time')
  const recovery = await recover(siteOn(disk), look)
  expect(recovery.is).toBe('repaired')
  expect(disk.tree().get(path)!.bytes.toString()).toBe(live)
  expect(disk.tree().has(archived(path, 2))).toBe(false)
  expect(disk.tree().has(archived(path, 1))).toBe(true)
  await undo(siteOn(disk), recovery.repairId!, 'test')
  expect(users(disk.tree(), 'with mode and time')).toEqual(before)
})

test('five runs of a doctor: every line of a trajectory is back, in order, also where a line was not ended', async () => {
  const parts = [1, 2, 3, 4, 5].map((n) => text(trajectory).replaceAll('"runId":"r"', `"runId":"run ${n}"`))
  const files: Files = { ...sound }
  for (const [n, part] of parts.entries())
    files[archived(trajectory, n + 1)] = n === 2 ? part.trimEnd() : part
  const disk = CrashDisk.of(files)
  const before = users(disk.tree(), 'with mode and time')
  const recovery = await recover(asking(disk), look)
  expect(recovery.is).toBe('repaired')
  expect(disk.tree().get(trajectory)!.bytes.toString()).toBe(parts.join('') + text(trajectory))
  expect(await kinds(disk)).toEqual([])
  expect((await recover(asking(disk), look)).is).toBe('consistent')
  await undo(siteOn(disk), recovery.repairId!, 'test')
  expect(users(disk.tree(), 'with mode and time')).toEqual(before)
})

test('a transcript that was begun anew becomes the continuation of the archived one', async () => {
  const lines = text(transcript).trimEnd().split('\n')
  const anew = [
    lines[0]!,
    '{"type":"message","id":"cccccccc","parentId":null,"timestamp":"2026-11-22T10:00:00.000Z","message":{"role":"user","content":"again"}}',
    '',
  ].join('\n')
  const disk = CrashDisk.of({ ...sound, [transcript]: anew, [archived(transcript, 1)]: text(transcript) })
  const before = users(disk.tree(), 'with mode and time')
  const recovery = await recover(asking(disk), look)
  expect(recovery.is).toBe('repaired')
  const now = disk.tree().get(transcript)!.bytes.toString()
  expect(now.startsWith(text(transcript))).toBe(true)
  const last = JSON.parse(lines.at(-1)!) as { id: string }
  expect(JSON.parse(now.trimEnd().split('\n').at(-1)!)).toMatchObject({ id: 'cccccccc', parentId: last.id })
  expect(await kinds(disk)).toEqual([])
  await undo(siteOn(disk), recovery.repairId!, 'test')
  expect(users(disk.tree(), 'with mode and time')).toEqual(before)
})

test('an archive that holds nothing the live one lacks is not joined to it, though asked (fuzz seed 9242)', async () => {
  const lines = text(transcript).trimEnd().split('\n')
  const torn = lines.toSpliced(2, 1, lines[2]!.slice(0, 20)).join('\n')
  const disk = CrashDisk.of({ ...sound, [archived(transcript, 1)]: `${torn}\n` })
  expect((await recover(asking(disk), look)).is).toBe('consistent')
  expect(disk.tree().get(transcript)!.bytes.toString()).toBe(text(transcript))
})

test.each([
  ['killed before a byte of it was written', 0],
  ['killed in the midst of its first line', 20],
])(
  'a doctor that rewrites a transcript in place, %s: its own copy of it comes back',
  async (_when, bytes) => {
    const copy = `${transcript}.pre-doctor-branch-repair-2026-11-20T00-00-00-000Z.bak`
    const disk = CrashDisk.of({
      ...sound,
      [transcript]: text(transcript).slice(0, bytes),
      [copy]: text(transcript),
    })
    const before = users(disk.tree(), 'with mode and time')
    const recovery = await recover(siteOn(disk), look)
    expect(recovery).toMatchObject({
      is: 'repaired',
      found: [{ repair: expect.stringContaining('pre-doctor') }],
    })
    expect(disk.tree().get(transcript)!.bytes.toString()).toBe(text(transcript))
    expect(disk.tree().has(copy)).toBe(true)
    await undo(siteOn(disk), recovery.repairId!, 'test')
    expect(users(disk.tree(), 'with mode and time')).toEqual(before)
  },
)

/** What could not be known of a session that comes back into an index is told, session by session. */
import { describe, expect, test } from 'vitest'
import type { Finding } from '../../src/recovery/finding.ts'
import { recover } from '../../src/recovery/recover.ts'
import { defaultPolicy } from '../../src/recovery/site.ts'
import { CrashDisk } from '../doubles/crash-disk.ts'
import { siteOn, STATE } from './bench.ts'
import { answered, indexText, sound } from './damaged.ts'
import { look } from './survive.ts'

const sessions = 'agents/main/sessions'
const index = `${STATE}/${sessions}/sessions.json`
const config = `${STATE}/openclaw.json`
const idOf = (key: string): string =>
  (JSON.parse(indexText) as Record<string, { sessionId: string }>)[key]!.sessionId
const [main, other] = ['agent:main:main', 'agent:main:other'] as const
const transcript = (key: string): string => `${sessions}/${idOf(key)}.jsonl`
const trajectory = (key: string): string => `${STATE}/${sessions}/${idOf(key)}.trajectory.jsonl`
const putBack = (found: readonly Finding[]): Finding['sessions'] =>
  found.find(({ sessions: some }) => some !== undefined)?.sessions

test('an index that is rebuilt from nothing but transcripts and trajectories', async () => {
  const disk = CrashDisk.of(sound)
  disk.drop(index)
  disk.drop(trajectory(other))
  const { found } = await recover(siteOn(disk), look)
  expect(putBack(found)).toEqual([
    { key: main, path: transcript(main), notKnown: [expect.stringMatching(/^its settings/)] },
    {
      key: `agent:main:recovered:${idOf(other)}`,
      path: transcript(other),
      notKnown: [expect.stringMatching(/^its own key/), expect.stringMatching(/^its settings/)],
    },
  ])
})

test('two that claim one key', async () => {
  const disk = CrashDisk.of(sound)
  disk.drop(index)
  disk.put(trajectory(other), (sound[trajectory(other)] as string).replaceAll(other, main))
  const { found } = await recover(siteOn(disk), look)
  expect(putBack(found)!.map(({ notKnown }) => notKnown[0])).toEqual([
    expect.stringMatching(/^its settings/),
    'its key from now on: a newer session has agent:main:main',
  ])
})

test('nothing is unknown of what a generation of the index told', async () => {
  const disk = CrashDisk.of(sound)
  expect((await recover(siteOn(disk), look)).is).toBe('consistent')
  disk.put(index, '{"torn')
  expect(putBack((await recover(siteOn(disk), look)).found)).toEqual([])
})

test('one that is adopted when asked for', async () => {
  const disk = CrashDisk.of(sound)
  disk.put(index, JSON.stringify({ [main]: (JSON.parse(indexText) as Record<string, unknown>)[main] }))
  const site = siteOn(disk, { policy: { ...defaultPolicy, adopt: true } })
  expect(putBack((await recover(site, look)).found)).toMatchObject([{ key: other }])
})

describe('a session of which only its trajectory is left, and no index', () => {
  const damaged = (change: (disk: CrashDisk) => void = () => {}): CrashDisk => {
    const disk = CrashDisk.of(sound)
    disk.put(trajectory(other), answered)
    disk.drop(index)
    disk.drop(`${STATE}/${transcript(other)}`)
    change(disk)
    return disk
  }
  const keys = (found: readonly Finding[]): string[] => putBack(found)!.map(({ key }) => key)

  test('comes back, and is told', async () => {
    const { found } = await recover(siteOn(damaged()), look)
    expect(putBack(found)).toContainEqual({
      key: other,
      path: transcript(other),
      notKnown: [expect.stringMatching(/^its settings/), expect.stringMatching(/^its transcript: /)],
    })
  })

  test('is not one that its user deleted or reset', async () => {
    for (const why of ['deleted', 'reset']) {
      const archived = (disk: CrashDisk): void =>
        disk.put(`${STATE}/${transcript(other)}.${why}.2026-11-22T10-00-00.000Z`, '{}\n')
      expect(keys((await recover(siteOn(damaged(archived)), look)).found)).toEqual([main])
    }
  })

  test('was reset, and went on: it is the one that it became', async () => {
    const id = '55555555-5555-4555-8555-555555555555'
    const wentOn = (disk: CrashDisk): void => {
      disk.put(`${STATE}/${transcript(other)}.reset.2026-11-22T10-00-00.000Z`, '{}\n')
      const later = answered.replaceAll(idOf(other), id).replaceAll('T09:', 'T11:')
      disk.put(trajectory(other), answered + later)
    }
    const disk = damaged(wentOn)
    expect(keys((await recover(siteOn(disk), look)).found)).toEqual([other, main])
    const entries = JSON.parse(disk.tree().get(index)!.bytes.toString()) as Record<string, unknown>
    expect(entries[other]).toMatchObject({ sessionId: id, sessionFile: `${STATE}/${transcript(other)}` })
  })

  test('is not one that was silent for a month: the archives of deleted ones are gone by then', async () => {
    const later = { now: () => Date.UTC(2026, 11, 23) }
    expect(keys((await recover(siteOn(damaged(), later), look)).found)).toEqual([main])
  })

  test('is not one that a generation of the index knew no more', async () => {
    const disk = CrashDisk.of(sound)
    disk.put(index, JSON.stringify({ [main]: (JSON.parse(indexText) as Record<string, unknown>)[main] }))
    disk.touch(index, Date.UTC(2026, 10, 22, 12))
    disk.drop(`${STATE}/${transcript(other)}`)
    disk.put(trajectory(other), answered)
    expect((await recover(siteOn(disk), look)).is).toBe('consistent')
    disk.put(index, '{"torn')
    expect(putBack((await recover(siteOn(disk), look)).found)).toEqual([])
  })

  test('has nothing in it that could be written down: then no index is missed', async () => {
    const disk = CrashDisk.of({ [config]: sound[config]!, [trajectory(main)]: sound[trajectory(main)]! })
    expect((await recover(siteOn(disk), look)).found).toEqual([])
  })
})

describe('words that the trajectory of a cut-off turn ends with', () => {
  const ended = (sessionId: string, prompt: string): string =>
    `${JSON.stringify({ type: 'prompt.submitted', ts: '2026-11-22T13:14:05.000Z', sessionId, data: { prompt } })}\n`
  const said = `${JSON.stringify({
    type: 'message',
    id: 'aaaaaaa5',
    parentId: 'aaaaaaa4',
    timestamp: '2026-11-22T13:14:01.000Z',
    message: { role: 'user', content: [{ type: 'text', text: 'five' }] },
  })}\n`
  const kinds = async (line: string): Promise<string[]> => {
    const disk = CrashDisk.of(sound)
    const all = JSON.parse(indexText) as Record<string, object>
    disk.put(index, JSON.stringify({ ...all, [main]: { ...all[main], status: 'running' } }))
    const file = `${STATE}/${transcript(main)}`
    disk.put(file, `${sound[file] as string}${said}`)
    disk.put(trajectory(main), line)
    return (await recover(siteOn(disk), look)).found.map(({ kind }) => kind)
  }

  test('and the transcript has not', async () => {
    expect(await kinds(ended(idOf(main), 'six'))).toEqual(['words-unwritten'])
  })

  test('and that were asked again: they are there', async () => {
    expect(await kinds(ended(idOf(main), 'five'))).toEqual([])
  })

  test('and that are of another session', async () => {
    expect(await kinds(ended(idOf(other), 'six'))).toEqual([])
  })
})

/** What could not be known of a session that comes back into an index is told, session by session. */
import { expect, test } from 'vitest'
import type { Finding } from '../../src/recovery/finding.ts'
import { recover } from '../../src/recovery/recover.ts'
import { defaultPolicy } from '../../src/recovery/site.ts'
import { CrashDisk } from '../doubles/crash-disk.ts'
import { siteOn, STATE } from './bench.ts'
import { indexText, sound } from './damaged.ts'
import { look } from './survive.ts'

const sessions = 'agents/main/sessions'
const index = `${STATE}/${sessions}/sessions.json`
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

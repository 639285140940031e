/** Turns that were cut off: which are resumed, which not any more.  Cites src/recovery/turns.ts and look-at/turns.ts. */
import { describe, expect, test } from 'vitest'
import { inspect } from '../../src/recovery/inspect.ts'
import { recover } from '../../src/recovery/recover.ts'
import { defaultPolicy, type Policy } from '../../src/recovery/site.ts'
import type { Ask } from '../../src/recovery/verdict.ts'
import { undo } from '../../src/recovery/undo.ts'
import { CrashDisk } from '../doubles/crash-disk.ts'
import { siteOn, STATE, users } from './bench.ts'
import { indexText, sound, type Files } from './damaged.ts'
import { look } from './survive.ts'

const sessions = `${STATE}/agents/main/sessions`
const index = `${sessions}/sessions.json`
type Index = Record<string, Record<string, unknown> & { readonly sessionId: string }>
const [mainKey, otherKey] = ['agent:main:main', 'agent:main:other'] as const
const idOf = (key: string): string => (JSON.parse(indexText) as Index)[key]!.sessionId
const lockOf = (key: string): string => `${sessions}/${idOf(key)}.jsonl.lock`
const lockText = '{"pid":4711,"createdAt":"2026-11-22T13:00:00.000Z","starttime":1}'

function inFlight(keys: readonly string[], locks: readonly string[] = keys): Files {
  const all = JSON.parse(indexText) as Index
  for (const key of keys) {
    const { endedAt: _, ...entry } = all[key]!
    all[key] = { ...entry, sessionId: entry['sessionId'], status: 'running' }
  }
  return {
    ...sound,
    [index]: JSON.stringify(all, null, 2),
    ...Object.fromEntries(locks.map((key) => [lockOf(key), lockText])),
  }
}
const indexOn = (disk: CrashDisk): Index => JSON.parse(disk.tree().get(index)!.bytes.toString()) as Index
const isThere = (disk: CrashDisk, path: string): boolean => disk.tree().has(path)
const siteWith = (disk: CrashDisk, policy: Partial<Policy> = {}) =>
  siteOn(disk, { policy: { ...defaultPolicy, ...policy } })
const told = async (disk: CrashDisk, lastRun: NonNullable<Ask['lastRun']>) =>
  await recover(siteOn(disk), { owed: 'this-boot', lastRun, trigger: 'test' })

/** The gateway resumes: a lock of its own, under the same name. */
const resumedAndKilled = (disk: CrashDisk, keys: readonly string[]): void => {
  for (const key of keys) disk.put(lockOf(key), lockText.replace('4711', '4712'))
}

describe('a turn that the gateway dies of', () => {
  test('is resumed three times, and not a fourth; what else was cut off later is resumed', async () => {
    const disk = CrashDisk.of(inFlight([mainKey]))
    expect((await told(disk, 'died-soon')).is).toBe('consistent')
    for (let deaths = 1; deaths < 3; deaths++) {
      resumedAndKilled(disk, [mainKey])
      expect((await told(disk, 'died-soon')).is).toBe('consistent')
      expect(isThere(disk, lockOf(mainKey))).toBe(true)
    }
    // Another one has begun since.
    const { endedAt: _, ...other } = indexOn(disk)[otherKey]!
    disk.put(index, JSON.stringify({ ...indexOn(disk), [otherKey]: { ...other, status: 'running' } }))
    resumedAndKilled(disk, [mainKey, otherKey])
    const before = users(disk.tree(), 'with mode and time')
    const recovery = await told(disk, 'died-soon')
    expect(recovery.is).toBe('repaired')
    expect(recovery.found).toContainEqual(
      expect.objectContaining({
        kind: 'poison-turn',
        severity: 'blocks',
        evidence: expect.stringMatching(/"agent:main:main": the gateway died 3 times/),
      }),
    )
    expect(indexOn(disk)[mainKey]).toMatchObject({ status: 'failed', endedAt: siteOn(disk).now() })
    expect(indexOn(disk)[otherKey]).toMatchObject({ status: 'running' })
    expect([mainKey, otherKey].map((key) => isThere(disk, lockOf(key)))).toEqual([false, true])
    expect(
      disk
        .tree()
        .get(`${sessions}/${idOf(mainKey)}.jsonl`)!
        .bytes.toString(),
    ).toBe(sound[`${sessions}/${idOf(mainKey)}.jsonl`])
    // The other one was there for one death only.
    resumedAndKilled(disk, [otherKey])
    expect((await told(disk, 'died-soon')).is).toBe('consistent')
    expect(await undo(siteOn(disk), recovery.repairId!, 'test')).toMatchObject({ is: 'undone' })
    expect(Object.keys(users(disk.tree(), 'content'))).toEqual(Object.keys(before))
  })

  test.each([
    ['a run that lasted forgives what was before', 'lived', 'consistent'],
    ['an end that tells nothing neither counts nor forgives', 'unknown', 'repaired'],
  ] as const)('%s', async (_name, between, fourth) => {
    const disk = CrashDisk.of(inFlight([mainKey]))
    for (const lastRun of ['died-soon', 'died-soon', 'died-soon', between] as const) {
      expect((await told(disk, lastRun)).is).toBe('consistent')
      resumedAndKilled(disk, [mainKey])
    }
    expect((await told(disk, 'died-soon')).is).toBe(fourth)
  })

  test('is not counted twice when the recovery after one death has to be repeated', async () => {
    const disk = CrashDisk.of(inFlight([mainKey]))
    await told(disk, 'unknown')
    for (let n = 0; n < 2; n++) {
      const stop = new AbortController()
      stop.abort(new Error('enough'))
      for (let again = 0; again < 3; again++)
        await recover(siteOn(disk), {
          owed: 'this-boot',
          lastRun: 'died-soon',
          trigger: 'test',
          signal: stop.signal,
        })
      expect((await told(disk, 'died-soon')).is).toBe('consistent')
    }
  })

  test('that ended, or belongs to a session that was reset, begins anew', async () => {
    const disk = CrashDisk.of(inFlight([mainKey]))
    for (let n = 0; n < 3; n++) await told(disk, 'died-soon')
    const running = indexOn(disk)
    disk.put(index, indexText)
    disk.drop(lockOf(mainKey))
    await told(disk, 'died-soon')
    disk.put(index, JSON.stringify(running))
    disk.put(lockOf(mainKey), lockText)
    expect((await told(disk, 'died-soon')).is).toBe('consistent')
  })

  test.each([
    '',
    '{',
    '[]',
    '{"version":1,"turns":[null,{"dir":1},{"dir":"d","key":"k","sessionId":"s","deaths":-1}]}',
    '{"version":2}',
  ])('a record that holds %j is none', async (text) => {
    const disk = CrashDisk.of({ ...inFlight([mainKey]), [`${STATE}/supervise/turns.json`]: text })
    expect((await told(disk, 'died-soon')).is).toBe('consistent')
  })
})

describe('--resume=none', () => {
  test('marks every turn in flight failed and sets the locks aside; undo brings them back', async () => {
    // One with its lock, one cut off by a stop, which took it.
    const disk = CrashDisk.of(inFlight([mainKey, otherKey], [mainKey]))
    const before = users(disk.tree(), 'with mode and time')
    const site = siteWith(disk, { resume: 'none' })
    const recovery = await recover(site, look)
    expect(recovery.is).toBe('repaired')
    expect(recovery.found.map(({ kind, severity }) => `${kind} ${severity}`)).toEqual([
      'lock-stale benign',
      'lock-stale benign',
    ])
    for (const key of [mainKey, otherKey]) expect(indexOn(disk)[key]).toMatchObject({ status: 'failed' })
    expect(isThere(disk, lockOf(mainKey))).toBe(false)
    expect(recovery.kept.map(({ path }) => path)).toContain(lockOf(mainKey).slice(STATE.length + 1))
    expect((await recover(site, { ...look, owed: 'no' })).is).toBe('consistent')
    await undo(site, recovery.repairId!, 'test')
    expect(users(disk.tree(), 'with mode and time')).toEqual(before)
  })

  test('leaves alone what ended, and what a living gateway holds', async () => {
    const disk = CrashDisk.of({ ...sound, [lockOf(mainKey)]: lockText })
    expect((await recover(siteWith(disk, { resume: 'none' }), look)).is).toBe('consistent')
    const live = siteOn(CrashDisk.of(inFlight([mainKey])), {
      policy: { ...defaultPolicy, resume: 'none' },
      liveGatewayPid: 4711,
    })
    expect((await inspect(live, look)).inspection.verdict).toBe('consistent')
  })
})

test('--resume=all marks the turns that a stop cut off, crashed leaves them', async () => {
  for (const [resume, marked] of [
    ['all', true],
    ['crashed', undefined],
  ] as const) {
    const disk = CrashDisk.of(inFlight([mainKey, otherKey], [mainKey]))
    await recover(siteWith(disk, { resume }), look)
    expect(indexOn(disk)[otherKey]!['abortedLastRun']).toBe(marked)
    expect(indexOn(disk)[otherKey]!['status']).toBe('running')
    // Its lock is the sign of the other one.
    expect(indexOn(disk)[mainKey]!['abortedLastRun']).toBeUndefined()
    expect(isThere(disk, lockOf(mainKey))).toBe(true)
  }
})

describe('a turn that was killed before the index said that it runs', () => {
  const transcript = `${sessions}/${idOf(mainKey)}.jsonl`
  const said = (role: string, timestamp: string): string =>
    `${JSON.stringify({ type: 'message', id: 'aaaaaaa9', parentId: 'aaaaaaa4', timestamp, message: { role, content: 'more' } })}\n`
  const begun = (line: string, entry: object = {}): CrashDisk => {
    const all = JSON.parse(indexText) as Index
    return CrashDisk.of({
      ...sound,
      [index]: JSON.stringify({ ...all, [mainKey]: { ...all[mainKey], ...entry } }, null, 2),
      [transcript]: `${sound[transcript] as string}${line}`,
      [lockOf(mainKey)]: lockText,
    })
  }
  const later = '2026-11-22T12:59:59.000Z'

  test.each([
    ['after a turn that was done', {}],
    ['after one that failed', { status: 'failed' }],
    ['with an entry that says nothing yet', { status: undefined, endedAt: undefined }],
  ])('%s: is marked, once, and its lock stays; undo takes it back', async (_name, entry) => {
    const disk = begun(said('user', later), entry)
    const before = users(disk.tree(), 'with mode and time')
    const recovery = await recover(siteOn(disk), look)
    expect(recovery).toMatchObject({ is: 'repaired', found: [{ kind: 'turn-unmarked', severity: 'loses' }] })
    expect(indexOn(disk)[mainKey]).toMatchObject({ status: 'running', abortedLastRun: true })
    expect(isThere(disk, lockOf(mainKey))).toBe(true)
    expect((await recover(siteOn(disk), { ...look, owed: 'no' })).is).toBe('consistent')
    expect(await undo(siteOn(disk), recovery.repairId!, 'test')).toMatchObject({ is: 'undone' })
    expect(users(disk.tree(), 'with mode and time')).toEqual(before)
  })

  test.each([
    ['that was answered', said('assistant', later), {}],
    ['that ended later', said('user', later), { endedAt: Date.parse(later) + 1 }],
    ['of which it is not said when', said('user', 'once'), {}],
    ['of a session that others look after', said('user', later), { spawnDepth: 1 }],
  ])('one %s is left as it is', async (_name, line, entry) => {
    const disk = begun(line, entry)
    expect((await recover(siteOn(disk), look)).is).toBe('consistent')
    expect(indexOn(disk)[mainKey]!['abortedLastRun']).toBeUndefined()
  })

  test('is not resumed with --resume=none, nor without a lock', async () => {
    const asked = begun(said('user', later))
    expect((await recover(siteWith(asked, { resume: 'none' }), look)).is).toBe('consistent')
    const without = begun(said('user', later))
    without.drop(lockOf(mainKey))
    expect((await recover(siteOn(without), look)).is).toBe('consistent')
  })
})

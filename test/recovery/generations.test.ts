/** Generations of what names everything else.  Cites the invariants at the head of src/recovery/take-generations.ts. */
import { describe, expect, test } from 'vitest'
import { contentOf, generationsOf, newestIndex } from '../../src/recovery/generations.ts'
import { takeGenerations, type How } from '../../src/recovery/take-generations.ts'
import { inspect } from '../../src/recovery/inspect.ts'
import { recover } from '../../src/recovery/recover.ts'
import type { Site } from '../../src/recovery/site.ts'
import { mostGenerations, worthKeeping } from '../../src/recovery/thinning.ts'
import { vanishedSince } from '../../src/recovery/vanished.ts'
import { sessionIndex } from '../../src/openclaw/session-index.ts'
import { undo } from '../../src/recovery/undo.ts'
import { CrashDisk } from '../doubles/crash-disk.ts'
import { siteOn, STATE, users } from './bench.ts'
import { indexText, sound, type Files } from './damaged.ts'
import { look } from './survive.ts'

const sessions = `${STATE}/agents/main/sessions`
const index = `${sessions}/sessions.json`
const paired = `${STATE}/devices/paired.json`
const config = `${STATE}/openclaw.json`
const files: Files = { ...sound, [paired]: '{"a":1}' }
const everything: How = { what: ['index', 'devices', 'config'], when: 'running', durable: true }
const start = (): CrashDisk => CrashDisk.of(files)
const textOf = async (disk: CrashDisk, path: string, n = 0): Promise<string | undefined> => {
  const one = (await generationsOf(siteOn(disk), path))[n]
  return one && (await contentOf(siteOn(disk), one))?.bytes.toString()
}
const count = async (disk: CrashDisk, path: string): Promise<number> =>
  (await generationsOf(siteOn(disk), path)).length
const withOne = (key: string): string =>
  JSON.stringify({ ...(JSON.parse(indexText) as object), [key]: { sessionId: key, updatedAt: 1 } })
const atTime = (disk: CrashDisk, ms: number): Site => siteOn(disk, { now: () => ms })

describe('a generation', () => {
  test('is a second name of what is replaced by rename, and a copy of what may be written in place (2)', async () => {
    const disk = start()
    expect((await takeGenerations(siteOn(disk), everything)).taken.toSorted()).toEqual(
      [index, paired, config].toSorted(),
    )
    const inode = async (path: string): Promise<number | undefined> => (await disk.stat(path))?.ino
    for (const [path, isLinked] of [
      [index, true],
      [paired, true],
      [config, false],
    ] as const) {
      const [one] = await generationsOf(siteOn(disk), path)
      expect([path, (await inode(one!.path)) === (await inode(path))]).toEqual([path, isLinked])
      expect(await textOf(disk, path)).toBe(files[path])
    }
    expect(users(disk.tree(), 'with mode and time')).toEqual(users(start().tree(), 'with mode and time'))
  })

  test('is taken once for each replacement', async () => {
    const disk = start()
    for (let n = 0; n < 3; n++) await takeGenerations(siteOn(disk), everything)
    expect(await count(disk, index)).toBe(1)
    disk.put(index, withOne('n'))
    expect((await takeGenerations(siteOn(disk), everything)).taken).toEqual([index])
    expect(await count(disk, index)).toBe(2)
    expect(await textOf(disk, index)).toBe(withOne('n'))
    expect(await textOf(disk, index, 1)).toBe(indexText)
  })

  test('that was written into is none, and what is written in place is copied from then on (1, 2)', async () => {
    const disk = start()
    await takeGenerations(siteOn(disk), everything)
    disk.scribble(index, Buffer.from(' '))
    expect(await textOf(disk, index)).toBeUndefined()
    await takeGenerations(siteOn(disk), everything)
    expect(await textOf(disk, index)).toBe(`${indexText} `)
    disk.scribble(index, Buffer.from('torn'))
    expect(
      (await newestIndex(siteOn(disk), await generationsOf(siteOn(disk), index)))?.bytes.toString(),
    ).toBe(`${indexText} `)
  })

  test('torn by a power cut is none; one that was taken durably is there (1)', async () => {
    for (const durable of [true, false]) {
      const disk = start()
      disk.makeDirty(index)
      await takeGenerations(siteOn(disk), { ...everything, durable })
      for (const loss of disk.losses()) {
        const found = disk.after(loss)
        const text = await textOf(found, index)
        if (durable) expect(text).toBe(indexText)
        else expect([undefined, indexText]).toContain(text)
      }
    }
  })

  test.each(['', '{}', '[]', '{"agent:ma', '\0\0\0\0'])('is never made of %j (3)', async (text) => {
    const disk = CrashDisk.of({ ...files, [index]: text, [paired]: text, [config]: text })
    for (const when of ['running', 'confirmed'] as const)
      expect((await takeGenerations(siteOn(disk), { ...everything, when })).taken).toEqual([])
  })

  test('is a copy where a second name is refused, and trouble where neither can be had (5)', async () => {
    for (const code of ['EPERM', 'EMLINK', 'EXDEV']) {
      const disk = CrashDisk.of(files, { refuseLinks: code })
      expect((await takeGenerations(siteOn(disk), everything)).taken).toHaveLength(3)
      expect(await textOf(disk, index)).toBe(indexText)
    }
    const full = CrashDisk.of(files, { refuseLinks: 'ENOSPC' })
    const { taken, trouble } = await takeGenerations(siteOn(full), everything)
    expect(taken).toEqual([config])
    expect(trouble).toEqual([expect.stringContaining('ENOSPC'), expect.stringContaining('ENOSPC')])
  })

  test('is not put behind a link, nor taken through one (4)', async () => {
    const disk = CrashDisk.of({
      ...files,
      [`${STATE}/supervise/snapshots`]: { link: '/elsewhere' },
      '/elsewhere/x': 'x',
    })
    const before = disk.tree()
    const { taken, trouble } = await takeGenerations(siteOn(disk), everything)
    expect(taken).toEqual([])
    expect(trouble).toHaveLength(3)
    expect(disk.tree()).toEqual(before)
    const through = CrashDisk.of({
      [`${STATE}/agents/main/sessions`]: { link: '/elsewhere' },
      '/elsewhere/sessions.json': indexText,
    })
    expect((await takeGenerations(siteOn(through), everything)).taken).toEqual([])
  })

  test('never holds a start back, whichever call fails (5)', async () => {
    const whole = start()
    await recover(siteOn(whole), look)
    let told = 0
    for (let call = 1; call <= whole.calls; call++) {
      const disk = CrashDisk.of(files, { failAt: { call, code: 'EMLINK' } })
      let isAtIt = false
      disk.meanwhile = (_verb, path) => (isAtIt ||= path.includes('/supervise/snapshots'))
      const recovery = await recover(siteOn(disk), look)
      if (recovery.trouble.length > 0) told++
      if (isAtIt && disk.calls > call && recovery.trouble.length > 0) expect(recovery.is).toBe('consistent')
    }
    expect(told).toBeGreaterThan(5)
  })
})

describe('bounds (4)', () => {
  const hour = 3_600_000
  test('the newest five, one an hour for a day, one a day for a week', () => {
    const now = Date.UTC(2026, 10, 22, 12)
    const every = (ms: number, times: number) =>
      Array.from({ length: times }, (_, n) => ({ takenAt: now - n * ms, bytes: 10 }))
    const kept = worthKeeping(every(60_000, 30 * 24 * 60), now)
    expect(kept.slice(0, 5)).toEqual(every(60_000, 5))
    expect(kept.filter(({ takenAt }) => now - takenAt < 24 * hour).length).toBeGreaterThan(24)
    expect(Math.max(...kept.map(({ takenAt }) => now - takenAt))).toBeLessThan(7 * 24 * hour)
    expect(kept.length).toBeLessThanOrEqual(mostGenerations)
    expect(worthKeeping(kept, now)).toEqual(kept)
  })
  test('bytes are bounded, but for the newest two', () => {
    const big = Array.from({ length: 9 }, (_, n) => ({ takenAt: -n, bytes: 100 << 20 }))
    expect(worthKeeping(big, 0)).toHaveLength(2)
    const huge = big.map((one) => ({ ...one, bytes: 1 << 30 }))
    expect(worthKeeping(huge, 0)).toHaveLength(2)
  })
  test('a month of changes every few minutes leaves no more than that, and nothing else of that folder goes', async () => {
    const disk = start()
    let most = 0
    for (let n = 0; n < 800; n++) {
      disk.put(index, withOne(`n${n}`))
      await takeGenerations(atTime(disk, Date.UTC(2026, 10, 1) + n * hour * 0.9), {
        ...everything,
        durable: false,
      })
      most = Math.max(most, await count(disk, index))
      if (n === 0)
        for (const name of ['notes.txt', '20261101T000000000Z'])
          disk.put(
            `${(await generationsOf(siteOn(disk), index))[0]!.path.replace(/\/[^/]*$/, '')}/${name}`,
            'mine',
          )
    }
    expect(most).toBeLessThanOrEqual(mostGenerations)
    expect([...disk.tree().values()].filter(({ bytes }) => bytes.toString() === 'mine')).toHaveLength(2)
  })
  test('a big index is taken once a minute while the gateway works, however often it is replaced', async () => {
    const disk = start()
    const replaced = async (second: number): Promise<number> => {
      disk.put(index, withOne(`n${second}`) + ' '.repeat(1 << 20))
      return (
        await takeGenerations(atTime(disk, 1_700_000_000_000 + second * 1000), everything)
      ).taken.filter((path) => path === index).length
    }
    expect([await replaced(0), await replaced(10), await replaced(59), await replaced(60)]).toEqual([
      1, 0, 0, 1,
    ])
    const confirmed: How = { ...everything, when: 'confirmed' }
    disk.put(index, withOne('last') + ' '.repeat(1 << 20))
    expect((await takeGenerations(atTime(disk, 1_700_000_061_000), confirmed)).taken).toEqual([index])
  })
  test('the newest stays the newest when the clock is set back', async () => {
    const disk = start()
    await takeGenerations(atTime(disk, Date.UTC(2030, 0)), everything)
    disk.put(index, withOne('n'))
    await takeGenerations(atTime(disk, Date.UTC(2020, 0)), everything)
    expect(await textOf(disk, index)).toBe(withOne('n'))
  })
})

describe('an index that the gateway wiped', () => {
  const fresh = '33333333-3333-4333-8333-333333333333'
  const wipedTo = JSON.stringify({
    'agent:main:main': { sessionId: fresh, updatedAt: 2, sessionFile: `${sessions}/${fresh}.jsonl` },
  })
  const transcript = [
    `{"type":"session","version":3,"id":"${fresh}","timestamp":"2026-11-22T10:00:00.000Z","cwd":"/w"}`,
    '{"type":"message","id":"bbbbbbb1","parentId":null,"timestamp":"2026-11-22T10:00:00.000Z","message":{"role":"user","content":"hello?"}}',
    '{"type":"message","id":"bbbbbbb2","parentId":"bbbbbbb1","timestamp":"2026-11-22T10:00:00.000Z","message":{"role":"assistant","content":"yes?"}}',
    '',
  ].join('\n')
  const wiped = async (how: (disk: CrashDisk) => void): Promise<CrashDisk> => {
    const disk = start()
    expect((await recover(siteOn(disk), look)).is).toBe('consistent')
    how(disk)
    return disk
  }
  const withNewMain = (disk: CrashDisk): void => {
    disk.put(index, wipedTo)
    disk.put(`${sessions}/${fresh}.jsonl`, transcript)
  }

  test('does not push the good generations out while it runs (3)', async () => {
    const disk = await wiped(withNewMain)
    for (let n = 0; n < 50; n++) {
      disk.put(index, wipedTo + ' '.repeat(n))
      expect((await takeGenerations(siteOn(disk), everything)).taken).not.toContain(index)
    }
    expect(await textOf(disk, index)).toBe(indexText)
  })

  test.each([
    ['with a new session in it', withNewMain],
    ['to nothing', (disk: CrashDisk) => disk.put(index, '{}')],
  ])('%s is found, and every session comes back, by itself; undo takes it back', async (_name, how) => {
    const disk = await wiped(how)
    const before = users(disk.tree(), 'with mode and time')
    const { inspection } = await inspect(siteOn(disk), look)
    expect(inspection.findings[0]).toMatchObject({ kind: 'index-missing', severity: 'loses' })
    expect(inspection.findings[0]!.evidence).toMatch(/named 2 sessions at .* and none of them now/)
    const recovery = await recover(siteOn(disk), look)
    expect(recovery.is).toBe('repaired')
    const now = sessionIndex(disk.tree().get(index)!.bytes)
    const ids = now.is === 'sound' ? [...now.entries.values()].map((entry) => entry?.sessionId) : []
    for (const entry of Object.values(JSON.parse(indexText) as Record<string, { sessionId: string }>))
      expect(ids).toContain(entry.sessionId)
    if (how === withNewMain) expect(ids).toContain(fresh)
    expect(await undo(siteOn(disk), recovery.repairId!, 'test')).toMatchObject({ is: 'undone' })
    expect(users(disk.tree(), 'with mode and time')).toEqual(before)
  })

  test('gets its entries back as they were, under their own keys', async () => {
    const disk = await wiped((disk) => disk.put(index, '{}'))
    await recover(siteOn(disk), look)
    const [now, then] = [disk.tree().get(index)!.bytes.toString(), indexText].map(
      (text) => JSON.parse(text) as Record<string, Record<string, unknown>>,
    )
    expect(Object.keys(now!).toSorted()).toEqual(Object.keys(then!).toSorted())
    for (const [key, entry] of Object.entries(then!))
      for (const [field, value] of Object.entries(entry))
        if (field !== 'updatedAt') expect([key, field, now![key]![field]]).toEqual([key, field, value])
  })

  test('brings back what was begun after the generation, too, and not what lay there without an entry before', async () => {
    const [later, traced, earlier] = ['4', '5', '6'].map((n) => `${n.repeat(8)}-4444-4444-8444-444444444444`)
    const said = (id: string, at: string): string =>
      transcript.replaceAll(fresh, id).replaceAll('2026-11-22T10', at)
    const trace = (id: string, key: string): string =>
      `${JSON.stringify({ traceSchema: 'openclaw-trajectory', schemaVersion: 1, traceId: id, source: 'runtime', type: 'prompt.submitted', ts: '2026-11-22T11:00:00.000Z', seq: 1, sourceSeq: 1, sessionId: id, sessionKey: key, runId: 'r', data: { prompt: 'hello' } })}\n`
    const begun = Date.UTC(2026, 10, 22, 10, 30)
    const disk = start()
    disk.put(`${sessions}/${earlier}.jsonl`, said(earlier!, '2026-11-22T10'))
    disk.touch(index, begun - 60_000)
    expect((await recover(atTime(disk, begun), look)).is).toBe('consistent')
    // Whoever writes in place, or a power cut, takes the newest generation along: a second name of the same file.
    disk.put(`${sessions}/${later}.jsonl`, said(later!, '2026-11-22T11'))
    disk.put(`${sessions}/${later}.trajectory.jsonl`, trace(later!, 'agent:main:later'))
    disk.put(`${sessions}/${traced}.trajectory.jsonl`, trace(traced!, 'agent:main:traced'))
    disk.put(index, '{}')
    const later10 = begun + 3_600_000
    expect((await recover(atTime(disk, later10), look)).is).toBe('repaired')
    const now = JSON.parse(disk.tree().get(index)!.bytes.toString()) as Record<string, { sessionId: string }>
    expect(now['agent:main:later']?.sessionId).toBe(later)
    expect(now['agent:main:traced']?.sessionId).toBe(traced)
    expect(Object.values(now).map((entry) => entry.sessionId)).not.toContain(earlier)
    expect(Object.keys(now)).toEqual(expect.arrayContaining(Object.keys(JSON.parse(indexText) as object)))
  })

  test('is told from sessions that were deleted, archived, reset, or dropped with their transcript left', async () => {
    const archive = (disk: CrashDisk, id: string, why: string): void => {
      const path = `${sessions}/${id}.jsonl`
      disk.put(`${path}.${why}.2026-11-22T12-00-00.000Z`, files[path]!)
      disk.drop(path)
    }
    const [a, b] = Object.values(JSON.parse(indexText) as Record<string, { sessionId: string }>).map(
      (one) => one.sessionId,
    )
    const rest = (key: string): string =>
      JSON.stringify({ [key]: (JSON.parse(indexText) as Record<string, object>)[key] })
    const deleted = await wiped((disk) => {
      disk.put(index, rest('agent:main:main'))
      archive(disk, b!, 'deleted')
    })
    expect((await inspect(siteOn(deleted), look)).inspection.findings).toEqual([])
    const left = await wiped((disk) => disk.put(index, rest('agent:main:main')))
    expect((await inspect(siteOn(left), look)).inspection.findings).toMatchObject([
      {
        kind: 'unindexed-transcripts',
        severity: 'benign',
        evidence: expect.stringContaining('1 of them had an entry before'),
      },
    ])
    const reset = await wiped((disk) => {
      withNewMain(disk)
      for (const id of [a!, b!]) archive(disk, id, 'reset')
    })
    expect(
      (await inspect(siteOn(reset), look)).inspection.findings.filter(
        ({ severity }) => severity !== 'benign',
      ),
    ).toEqual([])
  })

  test.each([1, 2, 3])(
    '%i sessions: one alone may have been deleted without its transcript, unless it is the main one',
    async (many) => {
      const before = new Map(
        Array.from({ length: many }, (_, n) => [`agent:main:telegram:${n}`, { sessionId: `s${n}` }]),
      ) as unknown as Parameters<typeof vanishedSince>[0]
      const where = { stateDir: STATE, sessionsDir: sessions }
      const seen = await vanishedSince(before, new Map(), where, () => true)
      expect(seen.is).toBe(many === 1 ? 'dropped' : 'wiped')
      const main = new Map([['agent:main:main', { sessionId: 'm' }]]) as unknown as typeof before
      expect((await vanishedSince(main, new Map(), where, () => true)).is).toBe('wiped')
      expect((await vanishedSince(main, new Map(), where, () => false)).is).toBe('none')
    },
  )
})

test('a torn index is restored from the newest generation, older ones stay, and nothing is read of a link', async () => {
  const disk = start()
  await recover(siteOn(disk), look)
  const text = withOne('newest')
  disk.put(index, text)
  await takeGenerations(siteOn(disk), everything)
  disk.put(index, text.slice(0, 40))
  const recovery = await recover(siteOn(disk), look)
  expect(recovery).toMatchObject({
    is: 'repaired',
    found: [
      {
        kind: 'index-unreadable',
        repair: expect.stringContaining('restore 3 sessions from the generation of'),
      },
    ],
  })
  expect(disk.tree().get(index)!.bytes.toString()).toBe(text)
})

test('an older generation does not bring back what its user deleted or reset since', async () => {
  for (const why of ['deleted', 'reset']) {
    const disk = start()
    await recover(siteOn(disk), look)
    const { 'agent:main:other': other } = JSON.parse(indexText) as Record<string, { sessionId: string }>
    const path = `${sessions}/${other!.sessionId}.jsonl`
    disk.put(`${path}.${why}.2030-01-01T00-00-00.000Z`, files[path]!)
    disk.drop(path)
    disk.put(index, '')
    expect((await recover(siteOn(disk), look)).is).toBe('repaired')
    expect(Object.keys(JSON.parse(disk.tree().get(index)!.bytes.toString()) as object)).toEqual([
      'agent:main:main',
    ])
    expect(disk.tree().has(path)).toBe(false)
  }
})

test('taking one does not make the directory look changed', async () => {
  const disk = start()
  const later = { now: () => 1_700_000_000_000 + 3_600_000 }
  await recover(siteOn(disk, later), look)
  const { inspection } = await inspect(siteOn(disk, later), { owed: 'no' })
  expect(inspection.counts.read).toBe(2)
})

describe('paired devices', () => {
  const kept = '{"phone":{"deviceId":"phone"}}'
  const confirmed = async (): Promise<CrashDisk> => {
    const disk = CrashDisk.of({ ...sound, [paired]: kept })
    expect((await recover(siteOn(disk), look)).is).toBe('consistent')
    return disk
  }

  test.each(['null', '[]', '"x"', '7'])(
    'that are %s, which no gateway writes, are restored',
    async (text) => {
      const disk = await confirmed()
      disk.put(paired, text)
      expect(await recover(siteOn(disk), look)).toMatchObject({
        is: 'repaired',
        found: [{ kind: 'devices-unreadable', severity: 'blocks' }],
      })
      expect(disk.tree().get(paired)!.bytes.toString()).toBe(kept)
    },
  )

  test('that are none, by a gateway or a person, stay none', async () => {
    const disk = await confirmed()
    disk.put(paired, '{}')
    expect((await recover(siteOn(disk), look)).is).toBe('consistent')
  })

  test('that are gone are told, with the command that brings them back: who lets devices in is a person', async () => {
    const disk = await confirmed()
    disk.drop(paired)
    const recovery = await recover(siteOn(disk), look)
    expect(recovery).toMatchObject({
      is: 'consistent',
      found: [
        {
          kind: 'devices-unreadable',
          severity: 'benign',
          evidence: expect.stringMatching(/1 device/),
          command: expect.stringMatching(/^cp -p .*snapshots.* .*paired\.json$/),
        },
      ],
    })
    expect(disk.tree().has(paired)).toBe(false)
  })

  test('of which there never were any are not missed', async () => {
    const disk = CrashDisk.of(sound)
    for (let n = 0; n < 2; n++)
      expect(await recover(siteOn(disk), look)).toMatchObject({ is: 'consistent', found: [] })
  })
})

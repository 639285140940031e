/**
 * Another program touches a database, or its log, while that is repaired: a backup that sets its time, a command of
 * OpenClaw's that commits. The step that no longer finds its *before* stops, and the next recovery comes to the same end
 * as an undisturbed one: what only the log had is in view again.
 *
 * Cites invariant 4 at the head of src/recovery/recover.ts.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hasSqlite, opened } from '../../src/host/sqlite.ts'
import { readRepairs } from '../../src/recovery/journal.ts'
import { recover } from '../../src/recovery/recover.ts'
import { undo } from '../../src/recovery/undo.ts'
import { CrashDisk } from '../doubles/crash-disk.ts'
import { assertNothingLeftOver, users } from './bench.ts'
import { agent, contentOn, copiedOut, databaseOn, databaseSite, inRoom, rows } from './damaged-databases.ts'
import { look } from './survive.ts'

const on = (disk: CrashDisk) => databaseSite(disk)
const log = `${agent}-wal`

/** Opens it, commits, and folds its log in as the last one to close it. */
function commit(disk: CrashDisk): void {
  const bytes = inRoom((room) => {
    const database = opened(copiedOut(databaseOn(disk), room), false)
    database.exec(`INSERT INTO transcript_events VALUES ('s', 99, '{"by":"another"}', 3)`)
    database.close()
    return readFileSync(join(room, 'copy'))
  })
  disk.put(agent, bytes)
  if (disk.tree().has(log)) disk.drop(log)
}

const at = Date.UTC(2026, 10, 22, 14)
const touch = (disk: CrashDisk, path: string): void => {
  if (disk.tree().has(path)) disk.touch(path, at)
}
const row = (name: string) => rows.find((one) => one.name === name)!
const withLog = row('rows that point nowhere, and words that only the log has')

/** `act` with `deed` before its n-th call after the journal was begun, for each n. */
async function disturbed(
  start: CrashDisk,
  act: (disk: CrashDisk) => Promise<unknown>,
  deed: (disk: CrashDisk) => void,
  then: (disk: CrashDisk, told: string, before: string) => Promise<void>,
): Promise<number> {
  for (let call = 0; ; call++) {
    const disk = start.copy()
    const known = (await readRepairs(on(disk))).length
    let calls = 0
    let before = ''
    let isBegun = false
    disk.meanwhile = (verb, path) => {
      isBegun ||= verb === 'create' && path.endsWith('/journal.jsonl')
      if (!isBegun || calls++ !== call) return
      before = `${verb} ${path}`
      deed(disk)
    }
    const outcome = await act(disk)
    disk.meanwhile = undefined
    if (calls <= call) return calls
    expect((await readRepairs(on(disk))).length).toBeGreaterThan(known)
    await then(disk, JSON.stringify(outcome), before)
  }
}

describe.runIf(hasSqlite())('another program, during the repair of a database', () => {
  test.each([
    ['sets the time of the database', (disk: CrashDisk) => touch(disk, agent)],
    ['sets the time of the log', (disk: CrashDisk) => touch(disk, log)],
  ])(
    '%s: it comes to the same end',
    async (_what, deed) => {
      const start = CrashDisk.of(withLog.files())
      const undisturbed = start.copy()
      expect((await recover(on(undisturbed), look)).is).toBe('repaired')
      const wanted = contentOn(undisturbed)
      const outcomes = new Set<string>()
      const calls = await disturbed(
        start,
        (disk) => recover(on(disk), look),
        deed,
        async (disk, told, before) => {
          const { is, did } = JSON.parse(told) as { is: string; did: string[] }
          outcomes.add(is)
          // Nothing is said to have been done that was not.
          expect(did.length, told).toBe(is === 'repaired' ? 1 : 0)
          const next = await recover(on(disk), look)
          expect(['consistent', 'repaired'], told).toContain(next.is)
          expect(contentOn(disk), `${before}: ${told}`).toEqual(wanted)
          assertNothingLeftOver(disk.tree())
          expect((await recover(on(disk), look)).is).toBe('consistent')
        },
      )
      console.log(`${calls} moments: ${[...outcomes].join(', ')}`)
      expect([...outcomes].toSorted()).toEqual(['repaired', 'retry-later'])
    },
    120_000,
  )

  test('commits: what it wrote is there, and what the log had, or it is told where that is', async () => {
    const start = CrashDisk.of(withLog.files())
    const old = start.tree().get(log)!.bytes
    let notInView = 0
    await disturbed(
      start,
      (disk) => recover(on(disk), look),
      commit,
      async (disk, told, before) => {
        const next = await recover(on(disk), look)
        expect(['consistent', 'repaired'], told).toContain(next.is)
        const now = JSON.stringify(contentOn(disk))
        expect(now, before).toContain('another')
        if (now.includes('message')) return
        notInView++
        expect(JSON.parse(told), before).toMatchObject({ is: 'retry-later' })
        expect(next.found, before).toContainEqual(
          expect.objectContaining({
            kind: 'wal-gone-or-torn',
            severity: 'benign',
            evidence: expect.stringMatching(/what only the log had is in supervise\/repairs\//),
          }),
        )
        expect([...disk.tree().values()].some(({ bytes }) => bytes.equals(old))).toBe(true)
      },
    )
    expect(notInView).toBeGreaterThan(0)
  }, 120_000)

  test.each([
    ['sets the time of the database', (disk: CrashDisk) => touch(disk, agent)],
    [
      'opens the database, which makes a log',
      (disk: CrashDisk) => {
        if (!disk.tree().has(log)) disk.put(log, '')
      },
    ],
  ])(
    'while that is taken back, %s: the next recovery comes to the same end',
    async (_what, deed) => {
      const start = CrashDisk.of(withLog.files())
      const before = users(start.tree(), 'content')
      const { repairId } = await recover(on(start), look)
      const wanted = contentOn(start)
      const outcomes = new Set<string>()
      await disturbed(
        start,
        (disk) => undo(on(disk), repairId!, 'test'),
        deed,
        async (disk, told, moment) => {
          const { is } = JSON.parse(told) as { is: string }
          outcomes.add(is)
          assertNothingLeftOver(disk.tree())
          // A log of no length that came after the last step is another program's.
          if (is === 'undone' && disk.tree().get(log)!.bytes.length > 0)
            expect(users(disk.tree(), 'content'), moment).toEqual(before)
          const next = await recover(on(disk), look)
          expect(['consistent', 'repaired'], JSON.stringify(next)).toContain(next.is)
          expect(contentOn(disk), `${moment}: ${told}`).toEqual(wanted)
        },
      )
      expect([...outcomes].toSorted()).toEqual(['retry-later', 'undone'])
    },
    120_000,
  )
})

describe.runIf(hasSqlite())(
  'another program, at any call of the repair of a database and of its undo',
  () => {
    const isOurs = (path: string): boolean => path.includes('/supervise/')
    const deeds = {
      'sets a time': touch,
      'takes away what is being made': (disk: CrashDisk, path: string): void => {
        if (path.includes('/supervise/workshop/') && disk.tree().has(path)) disk.drop(path)
      },
    }

    test.each(rows)(
      'the next recovery comes to the same end: $name',
      async (row) => {
        const asked = (disk: CrashDisk) => databaseSite(disk, row)
        const start = CrashDisk.of(row.files())
        const repaired = start.copy()
        const { repairId } = await recover(asked(repaired), look)
        const wanted = contentOn(repaired)
        const acts = [
          [start, (disk: CrashDisk) => recover(asked(disk), look)],
          [repaired, (disk: CrashDisk) => undo(asked(disk), repairId!, 'test')],
        ] as const
        const names = [...start.tree().keys(), ...repaired.tree().keys()]
        for (const path of new Set(names.filter((name) => !isOurs(name) || name.includes('/workshop/'))))
          for (const [what, deed] of Object.entries(deeds))
            for (const [from, act] of acts)
              for (let call = 0; ; call += 7) {
                const disk = from.copy()
                let calls = 0
                disk.meanwhile = () => {
                  if (calls++ === call) deed(disk, path)
                }
                const outcome = await act(disk)
                if (calls <= call) break
                disk.meanwhile = undefined
                const told = `${what}: ${path}, before call ${call}: ${JSON.stringify(outcome)}`
                expect(['consistent', 'repaired', 'undone', 'retry-later'], told).toContain(outcome.is)
                const next = await recover(asked(disk), look)
                expect(['consistent', 'repaired'], `${told}: ${JSON.stringify(next)}`).toContain(next.is)
                expect(contentOn(disk), told).toEqual(wanted)
                assertNothingLeftOver(disk.tree())
              }
      },
      60_000,
    )
  },
)

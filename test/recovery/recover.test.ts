/**
 * The front door of recovery, by its verdicts.  Cites the invariants at the head of src/recovery/recover.ts; that
 * nothing is touched while a person is needed is promise 5 of the architecture.
 */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { sight } from '../../src/recovery/fingerprint.ts'
import { readRepairs } from '../../src/recovery/journal.ts'
import { dryRun, recover } from '../../src/recovery/recover.ts'
import { undo } from '../../src/recovery/undo.ts'
import { CrashDisk } from '../doubles/crash-disk.ts'
import { siteOn, STATE, users } from './bench.ts'
import { type Row, rows } from './damaged.ts'
import { state } from './state.ts'
import { look } from './survive.ts'

const row = (name: string): Row => rows.find((each) => each.name === name)!
const torn = row('a torn tail')
const many = row('everything at once')
const start = (): CrashDisk => CrashDisk.of(many.files)
const transcript = Object.keys(torn.files).find((path) => path.endsWith('1.jsonl'))!

describe('a recovery', () => {
  test('says consistent only of a state in which nothing was found, and changes nothing of it (5)', async () => {
    const disk = start()
    await recover(siteOn(disk), look)
    const before = users(disk.tree(), 'with mode and time')
    expect(await recover(siteOn(disk), look)).toMatchObject({
      is: 'consistent',
      repairId: null,
      found: [],
      kept: [],
    })
    expect(users(disk.tree(), 'with mode and time')).toEqual(before)
  })

  test('tells what was found before, and where every kept byte is now (3)', async () => {
    const disk = start()
    const recovery = await recover(siteOn(disk), look)
    expect(recovery.is).toBe('repaired')
    expect(recovery.found.map(({ kind }) => kind)).toContain('index-unreadable')
    expect(recovery.inspection.verdict).toBe('consistent')
    expect(recovery.kept.length).toBeGreaterThan(2)
    for (const kept of recovery.kept)
      expect(disk.tree().get(`${STATE}/${kept.keptAs}`)?.bytes.length ?? 0).toBe(kept.bytes)
  })

  test('touches nothing while any finding needs a person (6)', async () => {
    const disk = CrashDisk.of({ ...many.files, [`${STATE}/openclaw.json`]: '{"gateway":' })
    const before = users(disk.tree(), 'with mode and time')
    expect(await recover(siteOn(disk), look)).toMatchObject({
      is: 'needs-operator',
      repairId: null,
      evidence: expect.stringContaining('openclaw.json'),
      command: expect.any(String),
    })
    expect(users(disk.tree(), 'with mode and time')).toEqual(before)
  })

  test('leaves a checkpoint only of what it confirmed (8)', async () => {
    const disk = CrashDisk.of({ ...many.files, [`${STATE}/openclaw.json`]: '{"gateway":' })
    const isThere = (): boolean => disk.tree().has(`${STATE}/supervise/checkpoint.json`)
    expect((await recover(siteOn(disk), look)).is).toBe('needs-operator')
    expect(isThere()).toBe(false)
    disk.put(`${STATE}/openclaw.json`, '{}')
    expect((await recover(siteOn(disk), look)).is).toBe('repaired')
    expect(isThere()).toBe(true)
  })

  // 2026.6.11 begins the main session anew when its transcript is newer than the entry of its finished turn.
  test('leaves no transcript newer than it was, nor a rebuilt one newer than its entry', async () => {
    const mended = CrashDisk.of(torn.files)
    const at = Date.parse('2026-11-20T10:00:00.123Z')
    mended.touch(transcript, at)
    expect((await recover(siteOn(mended), look)).is).toBe('repaired')
    expect((await mended.stat(transcript))?.mtimeMs).toBe(at)

    const gone = row('the index and a transcript gone, its trajectory there')
    const rebuilt = CrashDisk.of(gone.files)
    expect((await recover(siteOn(rebuilt), look)).is).toBe('repaired')
    const bytes = rebuilt.tree().get(`${STATE}/agents/main/sessions/sessions.json`)!.bytes
    const entries = Object.values(
      JSON.parse(bytes.toString('utf8')) as Record<string, { sessionId: string; updatedAt: number }>,
    )
    const of = ({ sessionId }: { sessionId: string }): string =>
      `${STATE}/agents/main/sessions/${sessionId}.jsonl`
    const entry = entries.find((each) => !(of(each) in gone.files))!
    expect((await rebuilt.stat(of(entry)))?.mtimeMs).toBe(entry.updatedAt)
  })

  test.each([1e300, 4e15, -1, 0])(
    'takes no time for one that cannot be, as an entry says it: %d',
    async (updatedAt) => {
      const s = state('sound')
      const sessions = s.at('agents/main/sessions')
      const text = readFileSync(`${sessions}/sessions.json`, 'utf8')
      const all = JSON.parse(text) as Record<string, { sessionId: string; updatedAt: number }>
      const entry = all['agent:main:main']!
      writeFileSync(
        `${sessions}/sessions.json`,
        JSON.stringify({ ...all, 'agent:main:main': { ...entry, updatedAt } }),
      )
      rmSync(`${sessions}/${entry.sessionId}.jsonl`)
      const before = Date.now()
      expect(await recover(s.site, look)).toMatchObject({ is: 'repaired' })
      const { mtimeMs } = statSync(`${sessions}/${entry.sessionId}.jsonl`)
      expect(mtimeMs).toBeGreaterThan(before - 5_000)
      expect(mtimeMs).toBeLessThanOrEqual(Date.now())
    },
  )

  test('leaves what no plan names where it is (7)', async () => {
    const others = {
      [`${STATE}/notes.txt`]: 'mine',
      [`${STATE}/agents/main/sessions/strange.bin`]: '\0\0',
      [`${STATE}/x/y`]: { link: '/' },
      // Of a turn that was cut off: for the gateway to find.
      [`${STATE}/agents/main/sessions/33333333-3333-4333-8333-333333333333.jsonl.lock`]: JSON.stringify({
        pid: 4711,
        createdAt: '2026-11-22T09:00:00.000Z',
      }),
    }
    const disk = CrashDisk.of({ ...many.files, ...others })
    const before = users(disk.tree(), 'with mode and time')
    expect((await recover(siteOn(disk), look)).is).toBe('repaired')
    for (const path of Object.keys(others))
      expect(users(disk.tree(), 'with mode and time')[path]).toBe(before[path])
  })

  test('interrupted at any step, says so, and the next one finishes the same repair', async () => {
    const ids = new Set<string>()
    for (let call = 0; ; call++) {
      const disk = start()
      const stop = new AbortController()
      let calls = 0
      disk.meanwhile = () => {
        if (calls++ === call) stop.abort()
      }
      const recovery = await recover(siteOn(disk), { ...look, signal: stop.signal })
      if (calls <= call) break
      if (recovery.is === 'retry-later') expect(recovery.evidence).toMatch(/^interrupted/)
      const open = (await readRepairs(siteOn(disk))).filter((repair) => repair.end === undefined)
      disk.meanwhile = undefined
      const next = await recover(siteOn(disk), look)
      expect(next.is).toBe(recovery.is === 'repaired' ? 'consistent' : 'repaired')
      if (open.length > 0) expect(next.repairId).toBe(open[0]!.id)
      expect(await readRepairs(siteOn(disk))).toHaveLength(1)
      ids.add((await readRepairs(siteOn(disk)))[0]!.id)
    }
    expect(ids.size).toBe(1)
  })

  test('interrupted in one step, does not begin the next', async () => {
    const disk = start()
    const stop = new AbortController()
    disk.meanwhile = (verb) => {
      if (verb === 'exchange') stop.abort()
    }
    const recovery = await recover(siteOn(disk), { ...look, signal: stop.signal })
    expect(recovery).toMatchObject({
      is: 'retry-later',
      evidence: expect.stringMatching(/^interrupted; the next start/),
    })
    const [repair] = await readRepairs(siteOn(disk))
    expect(repair!.steps.length).toBeGreaterThan(1)
    for (const { path, before } of repair!.steps.slice(1))
      expect((await sight(disk, `${STATE}/${path}`)).fingerprint).toBe(before)
  })

  test('that was cut short and no longer applies is closed, and everything is looked at afresh (4)', async () => {
    const disk = start()
    const stop = new AbortController()
    disk.meanwhile = (verb) => {
      if (verb === 'exchange') stop.abort()
    }
    await recover(siteOn(disk), { ...look, signal: stop.signal })
    disk.meanwhile = undefined
    // The last step of the plan finds something else.
    const [cut] = await readRepairs(siteOn(disk))
    expect(cut!.end).toBeUndefined()
    disk.put(`${STATE}/${cut!.steps.at(-1)!.path}`, 'of another program')
    const recovery = await recover(siteOn(disk), look)
    const all = await readRepairs(siteOn(disk))
    expect(all[0]!.end).toMatchObject({
      outcome: 'abandoned',
      evidence: expect.stringContaining(cut!.steps.at(-1)!.path),
    })
    expect(recovery.is).toBe(all.length > 1 ? 'repaired' : 'consistent')
    expect([...disk.tree().values()].some(({ bytes }) => bytes.toString() === 'of another program')).toBe(
      true,
    )
  })

  test('finishes an undo that was cut short, and then repairs again', async () => {
    const disk = start()
    const input = disk.tree()
    const { repairId } = await recover(siteOn(disk), look)
    const sound = users(disk.tree(), 'content')
    const cut: CrashDisk[] = []
    const undone = disk.copy()
    undone.beforeChange = () => cut.push(undone.copy())
    await undo(siteOn(undone), repairId!, 'test')
    expect(users(undone.tree(), 'with mode and time')).toEqual(users(input, 'with mode and time'))
    for (const killed of cut) {
      await recover(siteOn(killed), look)
      expect(users(killed.tree(), 'content')).toEqual(sound)
      expect((await readRepairs(siteOn(killed))).filter((repair) => repair.end === undefined)).toEqual([])
    }
  })

  test('that does not converge stops after three rounds, and asks for a person', async () => {
    const disk = CrashDisk.of(torn.files)
    let appended = 0
    let again = 0
    // As soon as a round is over (its step noted what it keeps), something tears the transcript anew.
    disk.meanwhile = (verb, path) => {
      if (verb !== 'append to' || !path.endsWith('journal.jsonl') || appended++ % 2 === 1) return
      disk.scribble(transcript, Buffer.from(`{"torn":${++again}`))
    }
    const recovery = await recover(siteOn(disk), look)
    expect(recovery).toMatchObject({ is: 'needs-operator', command: 'supervise check' })
    expect((recovery as { evidence: string }).evidence).toMatch(/still found after 3 rounds/)
    disk.meanwhile = undefined
    const [repair] = await readRepairs(siteOn(disk))
    expect(repair).toMatchObject({ end: { outcome: 'unconfirmed', done: 3 } })
    // Each tail that was cut is kept.
    for (let n = 1; n <= 3; n++)
      expect([...disk.tree().values()].some(({ bytes }) => bytes.includes(`{"torn":${n}`))).toBe(true)
    expect((await recover(siteOn(disk), look)).is).toBe('repaired')
  })

  test('makes durable what a killed gateway left in memory only, before it takes it away (3)', async () => {
    const disk = CrashDisk.of(torn.files)
    disk.makeDirty(transcript)
    await recover(siteOn(disk), look)
    for (const loss of disk.losses()) {
      const found = disk.after(loss)
      expect(
        [...found.tree().values()].some(({ bytes }) => bytes.toString() === torn.files[transcript]),
      ).toBe(true)
    }
  })

  test('makes durable what it puts back', async () => {
    const archived = row('a transcript that was archived')
    const archive = Object.keys(archived.files).find((path) => path.includes('.deleted.'))!
    const disk = CrashDisk.of(archived.files)
    disk.makeDirty(archive)
    await recover(siteOn(disk), look)
    for (const loss of disk.losses())
      expect(disk.after(loss).tree().get(transcript)?.bytes.toString()).toBe(archived.files[archive])
  })

  test('gives what it replaces its owner and mode, and what it makes the owner of the directory', async () => {
    const disk = CrashDisk.of(torn.files)
    disk.put(transcript, torn.files[transcript]!, 0o604)
    await recover(siteOn(disk), look)
    expect(await disk.stat(transcript)).toMatchObject({ mode: 0o604, uid: 1000, gid: 1000 })
    const missing = row('the index gone')
    const other = CrashDisk.of(missing.files)
    await recover(siteOn(other), look)
    expect(await other.stat(`${STATE}/agents/main/sessions/sessions.json`)).toMatchObject({
      mode: 0o600,
      uid: 1000,
    })
  })

  test('keeps everything to the owner', async () => {
    const disk = start()
    await recover(siteOn(disk), look)
    for (const dir of ['', '/repairs'])
      expect((await disk.stat(`${STATE}/supervise${dir}`))?.mode).toBe(0o700)
    for (const [path, { mode }] of disk.tree())
      if (/journal\.jsonl$|checkpoint/.test(path)) expect([path, mode]).toEqual([path, 0o600])
  })
})

describe('a dry run', () => {
  test.each(rows)(
    'changes nothing, and says what a recovery changes (1): $name',
    async ({ files, machine }) => {
      const disk = CrashDisk.of(files)
      let changes = 0
      disk.beforeChange = () => changes++
      const dry = await dryRun(siteOn(disk, machine), look)
      expect(changes).toBe(0)
      await recover(siteOn(disk, machine), look)
      const [repair] = await readRepairs(siteOn(disk))
      expect(dry.changes.map(({ path }) => path)).toEqual(
        repair!.steps.slice(0, dry.changes.length).map(({ path }) => path),
      )
      expect(dry.changes.length).toBeGreaterThan(0)
      for (const { path, does } of dry.changes) {
        const step = repair!.steps.find((each) => each.path === path)!
        expect(does).toBe(step.change.do === 'write' && step.before === 'missing' ? 'create' : step.change.do)
      }
    },
  )

  test('names the repairs that were cut short', async () => {
    const disk = start()
    const stop = new AbortController()
    disk.meanwhile = (verb) => {
      if (verb === 'exchange') stop.abort()
    }
    const { repairId } = await recover(siteOn(disk), { ...look, signal: stop.signal })
    expect((await dryRun(siteOn(disk), look)).cutShort).toEqual([repairId])
  })
})

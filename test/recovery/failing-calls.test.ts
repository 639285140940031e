/**
 * Every call of ours to the disk fails once, with each cause: the verdict says so with its evidence, nothing is
 * lost, and the next recovery comes to the same end as if nothing had happened.  The standard run takes every
 * third call; all of them with SUPERVISE_TEST_DEPTH=2.
 *
 * Cites the invariants at the head of src/recovery/recover.ts: 3 and 6.
 */
import { afterAll, expect, test } from 'vitest'
import { readRepairs } from '../../src/recovery/journal.ts'
import { recover } from '../../src/recovery/recover.ts'
import { undo } from '../../src/recovery/undo.ts'
import { CrashDisk } from '../doubles/crash-disk.ts'
import { assertAccountedFor, assertNothingLeftOver, siteOn, users } from './bench.ts'
import { rows } from './damaged.ts'
import { look } from './survive.ts'

const canPass = ['ENOSPC', 'EIO', 'EROFS']
const needsPerson = ['EACCES']
const STRIDE = process.env['SUPERVISE_TEST_DEPTH'] === undefined ? 3 : 1
let cases = 0
afterAll(() => console.log(`${cases} failing calls`))

/** One after another over the causes, so that each call fails and each row meets every cause. */
test.each(rows)('$name', async ({ files, machine }) => {
  const sound = CrashDisk.of(files)
  await recover(siteOn(sound, machine), look)
  const wanted = users(sound.tree(), 'content')
  const codes = [...canPass, ...needsPerson]

  for (let call = Object.keys(files).length % STRIDE; ; call += STRIDE) {
    const code = codes[call % codes.length]!
    const disk = CrashDisk.of(files, { failAt: { call, code } })
    const input = disk.tree()
    const site = siteOn(disk, machine)
    const recovery = await recover(site, look)
    if (disk.calls <= call) break
    cases++
    await assertAccountedFor(input, disk)
    if (recovery.is === 'retry-later' || recovery.is === 'needs-operator') {
      expect(recovery.is, `${code} at call ${call}: ${recovery.evidence}`).toBe(
        needsPerson.includes(code) ? 'needs-operator' : 'retry-later',
      )
      // Of several that need a person the first is the verdict's; each is told.
      const told = [recovery, ...recovery.inspection.findings].map(({ evidence }) => evidence)
      expect(told.join()).toContain(code)
    } else {
      // Only what can do no harm may fail unseen: the checkpoint that is read, a temporary name that is swept.
      expect(users(disk.tree(), 'content')).toEqual(wanted)
    }

    disk.options = {}
    expect(['consistent', 'repaired']).toContain((await recover(site, look)).is)
    expect(users(disk.tree(), 'content')).toEqual(wanted)
    assertNothingLeftOver(disk.tree())
    const repairs = await readRepairs(site)
    expect(repairs.filter((repair) => repair.end === undefined)).toEqual([])
    for (const { id } of repairs.toReversed())
      expect(await undo(site, id, 'test')).toMatchObject({ is: 'undone' })
    expect(users(disk.tree(), 'with mode and time')).toEqual(users(input, 'with mode and time'))
  }
})

test('a full disk gives back at once what a half written file took', async () => {
  const { files, machine } = rows.find(({ kind }) => kind === 'transcript-torn-tail')!
  for (let call = 0; ; call++) {
    const disk = CrashDisk.of(files, { failAt: { call, code: 'ENOSPC' } })
    await recover(siteOn(disk, machine), look)
    if (disk.calls <= call) break
    expect([...disk.tree().keys()].filter((path) => /\.supervise-.*\.new$/.test(path))).toEqual([])
  }
})

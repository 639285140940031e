import { expect, test } from 'vitest'
import { recover } from '../../src/recovery/recover.ts'
import { takeGenerations } from '../../src/recovery/take-generations.ts'
import { inspect } from '../../src/recovery/inspect.ts'
import { defaultPolicy } from '../../src/recovery/site.ts'
import { undo } from '../../src/recovery/undo.ts'
import { whatChanged } from '../../src/recovery/look-at/what-changed.ts'
import { CrashDisk } from '../doubles/crash-disk.ts'
import { siteOn, STATE, users } from './bench.ts'
import { sound } from './damaged.ts'
import { look } from './survive.ts'

const config = `${STATE}/openclaw.json`
const paired = `${STATE}/devices/paired.json`
const good = `{
  gateway: {
    mode: "local",
    auth: { token: "secret-of-old" },
  },
}
`

test.each([
  [good, null],
  [good.replace('secret-of-old', 'secret-of-new'), 'line 4: changed auth, token'],
  [good.replace('  gateway', '  "x.y": "secret",\n  gateway'), 'line 2: written x.y'],
  [good.replace(/ {4}mode.*\n/, ''), 'at line 3: gone mode'],
  [
    good.replace('mode: "local"', 'mode: "local"\n    bind: "secret'),
    'lines 3 to 4: written bind; changed mode',
  ],
  ['', 'at line 1: gone gateway, mode, auth, token'],
  ['\uFEFF' + good, null],
])('%j: %s', (now, said) => expect(whatChanged(good, now)).toBe(said))

test('a configuration that does not parse is told by what changed since a gateway got ready with it, never by a value', async () => {
  const disk = CrashDisk.of({ ...sound, [config]: good })
  await takeGenerations(siteOn(disk), { what: ['config'], when: 'running', durable: true })
  disk.put(config, good.replace('"secret-of-old" },', '"secret-of-new" '))
  const [finding] = (await inspect(siteOn(disk), look)).inspection.findings
  expect(finding).toMatchObject({ kind: 'config-unreadable', command: 'supervise repair --config-rollback' })
  expect(finding!.evidence).toMatch(
    /^line \d+, column \d+: .*; since the one that the gateway got ready with at .*, line 4: changed auth, token$/,
  )
  expect(finding!.evidence).not.toContain('secret')

  const bad = disk.tree()
  const site = siteOn(disk, { policy: { ...defaultPolicy, configRollback: true } })
  const recovery = await recover(site, look)
  expect(recovery.is).toBe('repaired')
  expect(disk.tree().get(config)!.bytes.toString()).toBe(good)
  expect(disk.tree().get(`${STATE}/${recovery.kept[0]!.keptAs}`)!.bytes).toEqual(bad.get(config)!.bytes)
  await undo(site, recovery.repairId!, 'test')
  expect(users(disk.tree(), 'with mode and time')).toEqual(users(bad, 'with mode and time'))
})

test('paired devices that do not parse come back from the newest sound generation', async () => {
  const disk = CrashDisk.of({ ...sound, [paired]: '{"one":1}' })
  await recover(siteOn(disk), look)
  disk.put(paired, '{"one":1,"two":2}')
  await takeGenerations(siteOn(disk), { what: ['devices'], when: 'running', durable: true })
  disk.scribble(paired, Buffer.from('torn'))
  disk.put(paired, '{"one":1,"tw')
  const recovery = await recover(siteOn(disk), look)
  expect(recovery.found[0]!.repair).toMatch(/^restore 1 device from the generation of /)
  expect(disk.tree().get(paired)!.bytes.toString()).toBe('{"one":1}')
})

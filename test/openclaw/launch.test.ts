/** What a gateway of each era is told of its supervisor, and by what it is known which one is started. */
import { expect, test } from 'vitest'
import { eraOf, hasWorkOfItsOwn } from '../../src/openclaw/era.ts'
import { childEnvironment } from '../../src/openclaw/launch.ts'

const ofFiles = { version: '2026.7.35', schemaVersions: null }
const ofRows = { version: '2026.9.6', schemaVersions: { state: 18, agent: 23 } }

test.each([
  ['a package of files', ofFiles, 'none', 'files'],
  ['a package of rows, before its import', ofRows, 'file', 'rows'],
  ['no package, and databases', null, 'sqlite', 'rows'],
  ['no package, and an import under way', null, 'migrating', 'rows'],
  ['no package, and files: what is started may import them', null, 'file', 'unknown'],
  ['no package, and nothing yet', null, null, 'unknown'],
] as const)('%s', (_, installed, store, era) => {
  expect(eraOf(installed, store)).toBe(era)
})

test.each([
  ['an import under way', ofRows, '2026.9.6', 'migrating', true],
  ['files, and a package of rows', ofRows, null, 'file', true],
  ['another version', ofRows, '2026.8.2', 'sqlite', true],
  ['the same version', ofRows, '2026.9.6', 'sqlite', false],
  ['a first start', ofRows, null, 'none', false],
  ['no package', null, '2026.8.2', 'sqlite', false],
  ['files, and a package of files', ofFiles, '2026.7.35', 'file', false],
] as const)('work of its own at its start: %s', (_, installed, before, store, has) => {
  expect(hasWorkOfItsOwn(installed, before, store, false)).toBe(has)
})

test('work of its own at its start: a database that was mended since, and no file', () => {
  expect(hasWorkOfItsOwn(ofRows, '2026.9.6', 'sqlite', true)).toBe(true)
  expect(hasWorkOfItsOwn(ofFiles, '2026.7.35', 'file', true)).toBe(false)
})

const none = { name: null, isChosen: false }
const place = { stateDir: '/state', configPath: '/state/openclaw.json', port: 18789, profile: none }
const given = { OPENCLAW_SYSTEMD_UNIT: 'openclaw-gateway.service', NODE_OPTIONS: '--max-old-space-size=4096' }
const leaked = {
  INVOCATION_ID: 'x',
  JOURNAL_STREAM: '8:1',
  NODE_COMPILE_CACHE: '/c',
  OPENCLAW_NO_RESPAWN: '1',
  OPENCLAW_NODE_OPTIONS_READY: '1',
}

test('each is told that somebody else starts it again; only what may be of files also by the name of a unit', () => {
  for (const era of ['files', 'rows', 'unknown'] as const) {
    const env = childEnvironment({ ...given, ...leaked }, place, era, 'run')
    expect(env).toMatchObject({ OPENCLAW_SUPERVISOR_MODE: 'external', NODE_OPTIONS: given.NODE_OPTIONS })
    for (const name of Object.keys(leaked)) expect(env).not.toHaveProperty(name)
    expect(env['OPENCLAW_SYSTEMD_UNIT']).toBe(era === 'rows' ? undefined : 'openclaw-gateway.service')
    expect(childEnvironment({}, place, era, 'run')['OPENCLAW_SYSTEMD_UNIT']).toBe(
      era === 'rows' ? undefined : 'supervise.service',
    )
  }
})

test('a profile that was chosen is told on, also the default one in place of what it inherits', () => {
  const told = (profile: { name: string | null; isChosen: boolean }): string | undefined =>
    childEnvironment({ OPENCLAW_PROFILE: 'inherited' }, { ...place, profile }, 'files', 'run')[
      'OPENCLAW_PROFILE'
    ]
  expect(told(none)).toBe('inherited')
  expect(told({ name: 'work', isChosen: true })).toBe('work')
  expect(told({ name: null, isChosen: true })).toBe('default')
})

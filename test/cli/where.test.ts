/** Which state, configuration and port are meant: as OpenClaw 2026.4.26 decides it, overridden by our flags. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findState, installedPackage, type Where } from '../../src/cli/where.ts'
import { bindAddresses, gatewayPort, type Environment } from '../../src/openclaw/settings.ts'

let home = ''
beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'supervise-home-')))
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

const make = (...names: readonly string[]): string => {
  const path = join(home, ...names)
  mkdirSync(path, { recursive: true })
  return path
}
const find = (flags: Record<string, string> = {}, env: Environment = {}): Where => {
  const found = findState(new Map(Object.entries(flags)), { HOME: home, ...env })
  if (found.is !== 'found') throw new Error(found.why)
  return found.where
}

test('by default ~/.openclaw, before the older name', () => {
  const legacy = make('.clawdbot')
  expect(find().stateDir).toBe(legacy)
  const usual = make('.openclaw')
  expect(find().stateDir).toBe(usual)
  expect(find().configPath).toBe(join(usual, 'openclaw.json'))
})

test('the older configuration name counts where only it is there', () => {
  const state = make('.openclaw')
  writeFileSync(join(state, 'clawdbot.json'), '{}')
  expect(find().configPath).toBe(join(state, 'clawdbot.json'))
  writeFileSync(join(state, 'openclaw.json'), '{}')
  expect(find().configPath).toBe(join(state, 'openclaw.json'))
})

test('OPENCLAW_STATE_DIR, OPENCLAW_HOME and OPENCLAW_CONFIG_PATH, with ~', () => {
  make('.openclaw')
  const other = make('other')
  const inHome = make('elsewhere', '.openclaw')
  expect(find({}, { OPENCLAW_STATE_DIR: other }).stateDir).toBe(other)
  expect(find({}, { OPENCLAW_STATE_DIR: '~/other' }).stateDir).toBe(other)
  expect(find({}, { OPENCLAW_HOME: '~/elsewhere' }).stateDir).toBe(inHome)
  expect(find({}, { OPENCLAW_CONFIG_PATH: '~/c.json' }).configPath).toBe(join(home, 'c.json'))
  expect(find({}, { OPENCLAW_STATE_DIR: '  ' }).stateDir).toBe(join(home, '.openclaw'))
})

test('a profile has a state of its own; the flag beats the variable; `default` is none', () => {
  const usual = make('.openclaw')
  const work = make('.openclaw-work')
  const play = make('.openclaw-play')
  expect(find({}, { OPENCLAW_PROFILE: 'work' }).stateDir).toBe(work)
  expect(find({ profile: 'play' }, { OPENCLAW_PROFILE: 'work' }).stateDir).toBe(play)
  expect(find({ profile: 'default' }).stateDir).toBe(usual)
})

test('our flags beat everything', () => {
  make('.openclaw')
  const flagged = make('flagged')
  const where = find(
    { 'state-dir': flagged, config: join(home, 'c.json') },
    { OPENCLAW_STATE_DIR: '/nowhere', OPENCLAW_CONFIG_PATH: '/nowhere' },
  )
  expect(where).toMatchObject({ stateDir: flagged, configPath: join(home, 'c.json') })
})

test('a link to a state is its real path: one lock for both names', () => {
  const state = make('real')
  symlinkSync(state, join(home, 'link'))
  expect(find({ 'state-dir': join(home, 'link') }).stateDir).toBe(state)
})

test('the configuration tells port and bind, as JSON5; one that does not parse tells nothing', () => {
  const state = make('.openclaw')
  writeFileSync(
    join(state, 'openclaw.json'),
    "{ gateway: { port: 20123, bind: 'custom', customBindHost: '10.0.0.1', }, } // mine",
  )
  const { section } = find()
  expect(section).toEqual({ port: 20123, bind: 'custom', customBindHost: '10.0.0.1' })
  expect(bindAddresses([], section)).toEqual(['10.0.0.1'])
  writeFileSync(join(state, 'openclaw.json'), '{ gateway: {')
  expect(find().section).toEqual({})
})

test('the port: command line, environment, profile, configuration, default', () => {
  const config = { port: 20_003 }
  const env = { OPENCLAW_GATEWAY_PORT: '20002' }
  expect(gatewayPort(['--port', '20001'], env, 'dev', config)).toBe(20_001)
  expect(gatewayPort(['--port=20001'], env, 'dev', config)).toBe(20_001)
  expect(gatewayPort([], env, 'dev', config)).toBe(20_002)
  expect(gatewayPort([], { OPENCLAW_GATEWAY_PORT: '127.0.0.1:20004' }, null, config)).toBe(20_004)
  expect(gatewayPort([], {}, 'dev', config)).toBe(19_001)
  expect(gatewayPort([], {}, null, config)).toBe(20_003)
  expect(gatewayPort([], {}, null, {})).toBe(18_789)
})

test('not there, no directory: said so', () => {
  writeFileSync(join(home, 'file'), '')
  const found = (path: string) => findState(new Map([['state-dir', join(home, path)]]), { HOME: home })
  expect(found('none')).toMatchObject({ is: 'not-found', missing: true })
  expect(found('file')).toMatchObject({ is: 'not-found', missing: false })
  expect(found('file/below')).toMatchObject({ is: 'not-found', missing: false })
})

test('a name that cannot be is no disk that fails', () => {
  const found = findState(new Map([['state-dir', join(home, 'x'.repeat(300))]]), { HOME: home })
  expect(found).toMatchObject({ is: 'not-found', canPass: false })
  expect(found).toMatchObject({ why: expect.stringMatching(/ENAMETOOLONG.*name another one/) })
})

test('the installed OpenClaw is the package that a word of the command lies in, through links', () => {
  const folder = make('lib', 'openclaw')
  writeFileSync(join(folder, 'package.json'), '{"name":"openclaw","version":"2026.4.26"}')
  writeFileSync(join(folder, 'openclaw.mjs'), '')
  symlinkSync(join(folder, 'openclaw.mjs'), join(home, 'openclaw'))
  expect(installedPackage([process.execPath, join(home, 'openclaw'), 'gateway', 'run'])).toEqual({
    version: '2026.4.26',
    schemaVersions: null,
  })
  expect(installedPackage([process.execPath, 'gateway'])).toBeNull()
})

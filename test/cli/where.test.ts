/** Which state, configuration and port are meant: as OpenClaw 2026.4.26 decides it, overridden by our flags. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findState, gatewayPortAt, installedPackage, type Where } from '../../src/cli/where.ts'
import {
  bindAddresses,
  gatewayPort,
  type Environment,
  type PortSources,
} from '../../src/openclaw/settings.ts'

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
const find = (
  flags: Record<string, string> = {},
  env: Environment = {},
  args: readonly string[] = [],
): Where => {
  const found = findState(new Map(Object.entries(flags)), { HOME: home, ...env }, args)
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

test('a profile that is chosen has a state of its own; the variable alone chooses none; `default` is none', () => {
  const usual = make('.openclaw')
  const work = make('.openclaw-work')
  const play = make('.openclaw-play')
  expect(find({}, { OPENCLAW_PROFILE: 'work' })).toMatchObject({
    stateDir: usual,
    profile: { name: 'work', isChosen: false },
  })
  expect(find({ profile: 'play' }, { OPENCLAW_PROFILE: 'work' })).toMatchObject({
    stateDir: play,
    profile: { name: 'play', isChosen: true },
  })
  expect(find({ profile: 'default' }, { OPENCLAW_PROFILE: 'work' })).toMatchObject({
    stateDir: usual,
    profile: { name: null, isChosen: true },
  })
  expect(find({}, { OPENCLAW_PROFILE: '../work' }).profile.name).toBeNull()
  for (const args of [
    ['openclaw', '--profile', 'work', 'gateway', 'run'],
    ['node', 'openclaw.mjs', 'gateway', 'run', '--profile=work'],
  ])
    expect(find({}, {}, args)).toMatchObject({ stateDir: work, profile: { name: 'work', isChosen: true } })
})

test('--dev is a profile before the command, and behind it the gateway’s own', () => {
  const usual = make('.openclaw')
  const dev = make('.openclaw-dev')
  expect(find({}, {}, ['openclaw', '--dev', 'gateway', 'run']).stateDir).toBe(dev)
  expect(find({}, {}, ['openclaw', 'gateway', 'run', '--dev']).stateDir).toBe(usual)
})

test('a profile that is none, or another one than the gateway is told, is wrong usage', () => {
  make('.openclaw')
  const args = ['openclaw', '--profile', 'work', 'gateway', 'run']
  expect(() => find({ profile: 'play' }, {}, args)).toThrow(/--profile play contradicts .* the profile work/)
  expect(() => find({ profile: 'a/b' })).toThrow(/--profile \(or SUPERVISE_PROFILE\) is "a\/b"/)
  expect(() => find({}, {}, ['openclaw', '--profile=..', 'gateway'])).toThrow(
    /gateway's own command line is "\.\."/,
  )
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
  const stateDir = make('real')
  const named = join(home, 'link')
  symlinkSync(stateDir, named)
  expect(find({ 'state-dir': named })).toMatchObject({ stateDir, named })
})

test('`.env` beside a configuration elsewhere counts, unless the state was said', () => {
  const stateDir = make('.openclaw')
  const elsewhere = make('etc')
  writeFileSync(join(elsewhere, '.env'), 'API_KEY=x\n')
  const env = { OPENCLAW_CONFIG_PATH: join(elsewhere, 'openclaw.json') }
  expect(find({}, env).beside).toEqual({ API_KEY: 'x' })
  expect(find({ config: env.OPENCLAW_CONFIG_PATH }).beside).toEqual({ API_KEY: 'x' })
  expect(find({}, { ...env, OPENCLAW_STATE_DIR: stateDir }).beside).toEqual({})
  expect(find({ 'state-dir': stateDir }, env).beside).toEqual({})
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

describe('the port', () => {
  const none = { name: null, isChosen: false }
  const port = (some: Partial<PortSources>): number =>
    gatewayPort({ args: [], env: {}, dotEnv: {}, section: {}, profile: none, isOfRows: () => true, ...some })
  const env = { OPENCLAW_GATEWAY_PORT: '20002' }
  const dotEnv = { OPENCLAW_GATEWAY_PORT: '20003' }
  const section = { portInEnv: '20004', port: 20_005 }

  test('of the command line, environment, .env, configuration: in this order', () => {
    expect(port({ args: ['--port', '20001'], env, dotEnv, section })).toBe(20_001)
    expect(port({ args: ['--port=20001'], env, dotEnv, section })).toBe(20_001)
    expect(port({ env, dotEnv, section })).toBe(20_002)
    expect(port({ env: { OPENCLAW_GATEWAY_PORT: '127.0.0.1:20006' } })).toBe(20_006)
    expect(port({ dotEnv, section })).toBe(20_003)
    expect(port({ section })).toBe(20_004)
    expect(port({ section: { port: 20_005 } })).toBe(20_005)
    expect(port({})).toBe(18_789)
    expect(port({ dotEnv: { OPENCLAW_GATEWAY_PORT: 'x' }, section })).toBe(20_005)
  })

  // 41984 and 38556: seen of 2026.9.6, with OPENCLAW_PROFILE=work and =dev.
  test('of a profile, since 2026.8, where nothing else says one', () => {
    const of = (name: string, isChosen = false) => ({ profile: { name, isChosen } })
    expect(port(of('work'))).toBe(41_984)
    expect(port(of('dev'))).toBe(38_556)
    expect(port({ ...of('work'), section })).toBe(20_004)
    expect(port({ ...of('work'), isOfRows: () => false })).toBe(18_789)
    expect(port({ ...of('dev', true), dotEnv, section })).toBe(19_001)
    expect(port({ ...of('dev', true), env })).toBe(20_002)
    expect(port({ ...of('dev', true), isOfRows: () => false })).toBe(19_001)
  })

  test('is read from .env and from included files, as they are at that moment', () => {
    const state = make('.openclaw')
    const write = (name: string, text: string): void => writeFileSync(join(state, name), text)
    write('openclaw.json', "{ $include: './base.json5', gateway: { bind: 'lan' } }")
    write('base.json5', "{ gateway: { $include: ['parts/gateway.json5'], port: 20007 }, env: { vars: {} } }")
    make('.openclaw', 'parts')
    write('parts/gateway.json5', "{ port: 1, bind: 'loopback', customBindHost: '10.0.0.1' }")
    const where = find()
    expect(where.section).toEqual({ port: 20_007, bind: 'lan', customBindHost: '10.0.0.1' })
    expect(gatewayPortAt(where, {}, [], () => null)).toBe(20_007)
    write('.env', 'OPENCLAW_GATEWAY_PORT="20008" # mine\n')
    expect(gatewayPortAt(where, {}, [], () => null)).toBe(20_008)
  })

  test('is read from files elsewhere that OPENCLAW_INCLUDE_ROOTS allows, in the environment or in .env', () => {
    const state = make('.openclaw')
    writeFileSync(join(state, 'openclaw.json'), `{ $include: '${make('shared')}/base.json5' }`)
    writeFileSync(join(home, 'shared', 'base.json5'), '{ gateway: { port: 20011, tls: { enabled: true } } }')
    expect(find().section).toEqual({})
    expect(find({}, { OPENCLAW_INCLUDE_ROOTS: '/srv: ~/shared' }).section).toEqual({
      port: 20_011,
      tls: true,
    })
    writeFileSync(join(state, '.env'), 'OPENCLAW_INCLUDE_ROOTS=~/shared')
    expect(find().section).toEqual({ port: 20_011, tls: true })
    expect(find({}, { OPENCLAW_INCLUDE_ROOTS: '/srv' }).section).toEqual({})
  })

  test('is read through links, as people who keep their configuration elsewhere make them', () => {
    const state = make('.openclaw')
    const kept = make('dotfiles')
    writeFileSync(join(kept, 'openclaw.json'), '{ gateway: { port: 20009, tls: { enabled: true } } }')
    symlinkSync(join(kept, 'openclaw.json'), join(state, 'openclaw.json'))
    const where = find()
    expect(where.section).toEqual({ port: 20_009, tls: true })
    writeFileSync(join(kept, 'env'), 'OPENCLAW_GATEWAY_PORT=20010')
    symlinkSync(join(kept, 'env'), join(state, '.env'))
    expect(gatewayPortAt(where, {}, [], () => null)).toBe(20_010)
  })

  test('asks which OpenClaw is installed only where a profile has no other port', () => {
    make('.openclaw')
    let asked = 0
    const installed = () => {
      asked++
      return { version: '2026.7.35', schemaVersions: null }
    }
    expect(gatewayPortAt(find(), {}, [], installed)).toBe(18_789)
    expect(
      gatewayPortAt(find({}, { OPENCLAW_PROFILE: 'work' }), { OPENCLAW_GATEWAY_PORT: '1' }, [], installed),
    ).toBe(1)
    expect(asked).toBe(0)
    expect(gatewayPortAt(find({}, { OPENCLAW_PROFILE: 'work' }), {}, [], installed)).toBe(18_789)
    expect(asked).toBe(1)
  })
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

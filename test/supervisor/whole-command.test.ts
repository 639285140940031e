/** What is left out is what a bare shell of this user finds by itself, and nothing else. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { wholeCommand } from '../../src/supervisor/whole-command.ts'

let home = ''
beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'supervise-home-')))
  mkdirSync(join(home, '.openclaw'))
  vi.stubEnv('HOME', home)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(home, { recursive: true, force: true })
})
const meant = (state: string, config = `${state}/openclaw.json`) => ({ stateDir: state, configPath: config })

test('the usual state needs no word; another one, and another configuration, do', () => {
  const usual = join(home, '.openclaw')
  expect(wholeCommand('supervise undo x', meant(usual))).toBe('supervise undo x')
  expect(wholeCommand('openclaw doctor', meant(usual))).toBe('openclaw doctor')
  expect(wholeCommand('supervise undo x', meant(usual, '/etc/c.json'))).toBe(
    'supervise undo x --config /etc/c.json',
  )
  expect(wholeCommand('supervise status', meant(`${usual}-work`))).toBe(
    `supervise status --state-dir ${usual}-work`,
  )
  expect(wholeCommand('openclaw doctor', meant('/s', '/c.json'))).toBe(
    'OPENCLAW_STATE_DIR=/s OPENCLAW_CONFIG_PATH=/c.json openclaw doctor',
  )
  writeFileSync(join(usual, 'clawdbot.json'), '')
  expect(wholeCommand('supervise stop', meant(usual, `${usual}/clawdbot.json`))).toBe('supervise stop')
})

test('a name with spaces and quotes is one word; what names the state already is left; others are as they are', () => {
  expect(wholeCommand('supervise check', meant("/my 'own' state"))).toMatch(
    /^supervise check --state-dir ('|\$').*/,
  )
  const whole = 'supervise run --state-dir /s --on-loss start'
  expect(wholeCommand(whole, meant('/s'))).toBe(whole)
  expect(wholeCommand("ss -ltnp 'sport = :1'", meant('/s'))).toBe("ss -ltnp 'sport = :1'")
})

/**
 * 2026.9.6 and later import the files of the older store at their first start, and refuse, with 78 and for ever, a file
 * that has a second name. So before such a start no generation of ours may be one. Those before import nothing: that is
 * said before their start.
 */
import { lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { recover } from '../../src/recovery/recover.ts'
import { undo } from '../../src/recovery/undo.ts'
import { sessions, state } from './state.ts'

const look = { owed: 'another-boot', trigger: 'test' } as const
const index = `${sessions}/sessions.json`
const newer = { version: '2026.9.6', schemaVersions: { state: 18, agent: 23 } }

const ofFiles = { version: '2026.7.35', schemaVersions: null }
const importsNothing = { version: '2026.9.5', schemaVersions: { state: 17, agent: 21 } }

const generations = (stateDir: string): string[] => {
  const slot = join(stateDir, 'supervise/snapshots', encodeURIComponent(index))
  return readdirSync(slot).map((name) => join(slot, name))
}

test('generations that were second names become copies when the next gateway would import', async () => {
  const s = state('sound', {}, { installed: ofFiles })
  await recover(s.site, look)
  expect(lstatSync(s.at(index)).nlink).toBe(2)
  const before = s.bytes()

  const upgraded = { ...s.site, installed: newer }
  expect(await recover(upgraded, look)).toMatchObject({ is: 'consistent', trouble: [] })
  expect(lstatSync(s.at(index)).nlink).toBe(1)
  expect(s.bytes()).toEqual(before)
  const [copy, ...more] = generations(s.stateDir)
  expect(more).toEqual([])
  expect(readFileSync(copy!)).toEqual(readFileSync(s.at(index)))
  expect(await recover(upgraded, { ...look, owed: 'no' })).toMatchObject({ is: 'consistent' })
})

test('and are copies from the first, where it is known before', async () => {
  const s = state('sound', {}, { installed: newer })
  await recover(s.site, look)
  expect(generations(s.stateDir)).toHaveLength(1)
  expect(lstatSync(s.at(index)).nlink).toBe(1)
})

test('and where no package tells what is started next', async () => {
  const s = state('sound', {}, { installed: null })
  await recover(s.site, look)
  expect(generations(s.stateDir)).toHaveLength(1)
  expect(lstatSync(s.at(index)).nlink).toBe(1)
})

describe('under an OpenClaw that imports nothing at its start', () => {
  test('files are held, with the command that imports them', async () => {
    const s = state('sound', {}, { installed: importsNothing })
    const before = s.bytes()
    for (let start = 0; start < 2; start++)
      expect(await recover(s.site, look)).toMatchObject({
        is: 'needs-operator',
        repairId: null,
        evidence: expect.stringContaining('the OpenClaw 2026.9.5 that is installed'),
        command: 'openclaw doctor --fix --non-interactive',
        found: [{ kind: 'import-by-hand', severity: 'blocks', path: index }],
      })
    expect(s.bytes()).toEqual(before)
    for (const other of [newer, ofFiles, null])
      expect(await recover({ ...s.site, installed: other }, look)).toMatchObject({
        is: 'consistent',
        found: [],
      })
  })

  test('those that are damaged are repaired first: its doctor archives what it cannot read', async () => {
    const s = state('sound', {}, { installed: importsNothing })
    writeFileSync(s.at(index), '{"torn')
    const { verdict, findings } = await s.look()
    expect(verdict).toBe('repairable')
    expect(findings.map(({ kind, severity }) => `${kind} ${severity}`)).toEqual([
      'index-unreadable loses',
      'import-by-hand benign',
    ])
    const recovery = await recover(s.site, look)
    expect(recovery).toMatchObject({
      is: 'needs-operator',
      command: 'openclaw doctor --fix --non-interactive',
    })
    expect(recovery.repairId).not.toBeNull()
    expect(Object.keys(JSON.parse(readFileSync(s.at(index), 'utf8')) as object).length).toBeGreaterThan(2)
    expect(await s.look()).toMatchObject({
      verdict: 'needs-operator',
      findings: [{ kind: 'import-by-hand' }],
    })
    expect(await undo(s.site, recovery.repairId!, 'test')).toMatchObject({ is: 'undone' })
    expect(readFileSync(s.at(index), 'utf8')).toBe('{"torn')
  })
})

/**
 * 2026.8 and later import the files of the older store at their first start, and refuse, with 78 and for ever, a file
 * that has a second name. So before such a start no generation of ours may be one.
 */
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { recover } from '../../src/recovery/recover.ts'
import { sessions, state } from './state.ts'

const look = { owed: 'another-boot', trigger: 'test' } as const
const index = `${sessions}/sessions.json`
const newer = { version: '2026.9.6', schemaVersions: { state: 18, agent: 23 } }

const generations = (stateDir: string): string[] => {
  const slot = join(stateDir, 'supervise/snapshots', encodeURIComponent(index))
  return readdirSync(slot).map((name) => join(slot, name))
}

test('generations that were second names become copies when the next gateway would import', async () => {
  const s = state('sound')
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

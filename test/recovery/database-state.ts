/** A real state whose sessions are in databases, and what the tests ask of them. */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { opened, type Row as DatabaseRow } from '../../src/host/sqlite.ts'
import { workshopIn } from '../../src/host/sqlite-workshop.ts'
import { inspect } from '../../src/recovery/inspect.ts'
import type { Policy, Site } from '../../src/recovery/site.ts'
import type { Fixture } from '../fixtures/unpack.ts'
import { state, type State } from './state.ts'

export const control = 'state/openclaw.sqlite'
export const agent = 'agents/main/agent/openclaw-agent.sqlite'
export const installed = { version: '2026.9.6', schemaVersions: { state: 18, agent: 23 } }

export function databaseState(
  fixture: Fixture,
  machine: Partial<Site> = {},
  policy: Partial<Policy> = {},
): State {
  const base = state(fixture, policy, { installed, ...machine })
  const databases = workshopIn(base.at('supervise/workshop'))
  const site: Site = { ...base.site, ...(databases && { databases }) }
  return {
    ...base,
    site,
    look: async (owed = 'another-boot') => (await inspect(site, { owed })).inspection,
  }
}

/** Asked of a copy: a test must not fold a log either. */
export function ask(s: State, name: string, sql: string): DatabaseRow[] {
  const room = mkdtempSync(join(tmpdir(), 'supervise-asked-'))
  try {
    for (const end of ['', '-wal'])
      if (existsSync(s.at(name + end))) copyFileSync(s.at(name + end), join(room, `copy${end}`))
    const database = opened(join(room, 'copy'), false)
    try {
      return database.prepare(sql).all()
    } finally {
      database.close()
    }
  } finally {
    rmSync(room, { recursive: true })
  }
}

/** By the hand of a defect: written into the database itself, its log folded in. */
export function change(s: State, name: string, ...statements: string[]): void {
  const database = opened(s.at(name), false)
  try {
    for (const sql of statements) database.exec(sql)
  } finally {
    database.close()
  }
}

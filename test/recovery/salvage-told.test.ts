/** What was carried over and what was not is told where a person looks: by `repair`, in the history, in the journal. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { hasSqlite, opened } from '../../src/host/sqlite.ts'
import { compiledProgram } from '../processes/program.ts'
import { state } from './state.ts'

const program = compiledProgram()

test.runIf(hasSqlite())('rows that were not carried over are counted by repair and by history', () => {
  const s = state('2026.9.6-sound')
  const agent = 'agents/main/agent/openclaw-agent.sqlite'
  const database = opened(s.at(agent), false)
  database.exec('PRAGMA ignore_check_constraints=ON')
  database.exec('UPDATE transcript_events SET event_utf8_bytes = -1 WHERE seq = 5')
  const { n } = database.prepare('SELECT count(*) AS n FROM transcript_events WHERE seq = 5').get()!
  database.close()
  expect(n).toBeGreaterThan(0)
  const counted = `${agent}: table transcript_events: `
  const kept = `, ${String(n)} refused by its own rules and kept`

  const run = (...args: string[]): string =>
    execFileSync(process.execPath, [program(), ...args, '--state-dir', s.stateDir], {
      encoding: 'utf8',
      env: { ...process.env, OPENCLAW_STATE_DIR: '' },
    })
  const said = run('repair')
  expect(said).toContain(counted)
  expect(said).toContain(kept)
  expect(said).toMatch(/\d+ rows of \d+ tables carried over/)
  const history = run('history')
  expect(history).toContain(counted)
  expect(history).toContain(kept)
  const [{ did }] = (JSON.parse(run('history', '--json')) as { repairs: [{ did: string[] }] }).repairs
  expect(did).toContainEqual(expect.stringContaining(kept))
  const [account] = readdirSync(s.at('supervise/accounts'))
  expect(readFileSync(s.at(`supervise/accounts/${account}`), 'utf8')).toContain('"event_utf8_bytes":-1')
})

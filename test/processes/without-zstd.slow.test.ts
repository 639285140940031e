/**
 * A Node with SQLite and without zstd (22.13 to 22.14): events that are kept compressed are told to be unchecked, in the
 * database that has them, and never taken for damaged.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { nodeFromNpm } from '../../demo/from-npm.mjs'
import { unpack } from '../fixtures/unpack.ts'
import { compiledProgram } from './program.ts'

const agent = 'agents/main/agent/openclaw-agent.sqlite'
const program = compiledProgram()
let node = ''
beforeAll(async () => {
  node = await nodeFromNpm('22.14')
}, 600_000)

/** Two events of each session compressed, as one block that is stored as it is: the second does not parse. */
const compress = `
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
  const database = new DatabaseSync(process.argv[1])
  const packed = (plain) => {
    const head = Buffer.alloc(16)
    head.writeUInt32LE(0xfd2fb528, 0)
    head[4] = 0xe0
    head.writeUIntLE(plain.length, 5, 6)
    head.writeUIntLE(plain.length * 8 + 1, 13, 3)
    return Buffer.concat([head, plain])
  }
  const navigation = JSON.stringify({ version: 1, report: { kind: 'canonical' }, navigation: {}, reset: {}, model: {},
    modelBytes: 1, modelWithoutCheckpointBytes: 1, withoutCustomDataBytes: 1 })
  const events = database.prepare('SELECT rowid AS n, seq, event_json AS json FROM transcript_events WHERE seq IN (4, 5)')
  const set = database.prepare('UPDATE transcript_events SET event_json = NULL, event_zstd = ?, event_utf8_bytes = ?, ' +
    'navigation_json = ? WHERE rowid = ?')
  for (const { n, seq, json } of events.all()) {
    const plain = Buffer.from(seq === 5 ? json.slice(0, -1) : json)
    set.run(packed(plain), plain.length, navigation, n)
  }
  database.close()`

test('compressed events are told to be unchecked, and are not touched; a Node that unpacks them finds what is damaged', async () => {
  const { stateDir, remove } = unpack('2026.9.6-sound')
  try {
    execFileSync(node, ['--no-warnings', '-e', compress, join(stateDir, agent)])
    const before = readFileSync(join(stateDir, agent))
    const repair = (by: string) =>
      spawnSync(by, [program(), 'repair', '--state-dir', stateDir], { encoding: 'utf8' })

    const unchecked = repair(node)
    expect(unchecked.status).toBe(0)
    expect(unchecked.stdout).toContain(`benign  unreadable  ${agent}\n`)
    expect(unchecked.stdout).toMatch(
      /4 rows of transcript_events are compressed, and this Node \(22\.14\.\d+\) cannot unpack them: run supervise with Node 22\.16 or later/,
    )
    expect(unchecked.stdout).toContain('consistent: nothing had to be done')
    expect(readFileSync(join(stateDir, agent)).equals(before)).toBe(true)

    const checked = repair(await nodeFromNpm(24))
    expect(checked.stdout).toContain('2 rows whose content does not parse')
    expect(checked.stdout).toContain('repaired, and confirmed consistent')
  } finally {
    remove()
  }
})

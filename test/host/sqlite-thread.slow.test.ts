/** A database that is too large to be looked at between two probes: looked at, mended and copied in a thread, as built. */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { nodeFromNpm } from '../../demo/from-npm.mjs'
import { unpack } from '../fixtures/unpack.ts'
import { until } from '../processes/until.ts'

const built = new URL('../../dist/host/sqlite-workshop.js', import.meta.url).href

test('is looked at, mended and copied while the loop turns', async () => {
  const node = await nodeFromNpm(24)
  const room = mkdtempSync(join(tmpdir(), 'supervise-large-'))
  onTestFinished(() => rmSync(room, { recursive: true }))
  const program = `
    const { DatabaseSync } = await import('node:sqlite')
    const { workshopIn } = await import(${JSON.stringify(built)})
    const room = ${JSON.stringify(room)}
    const path = room + '/large.sqlite'
    const database = new DatabaseSync(path, { enableForeignKeyConstraints: false })
    database.exec('CREATE TABLE parent (id INTEGER PRIMARY KEY)')
    database.exec('CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent(id), filler TEXT)')
    database.exec('BEGIN; INSERT INTO parent VALUES (1)')
    const insert = database.prepare('INSERT INTO child VALUES (?, ?, ?)')
    for (let n = 0; n < 10000; n++) insert.run(n, n === 5000 ? 2 : 1, 'x'.repeat(4000))
    database.exec('COMMIT')
    database.close()
    const workshop = workshopIn(room + '/workshop')
    let longest = 0
    let last = performance.now()
    const beat = setInterval(() => {
      longest = Math.max(longest, performance.now() - last)
      last = performance.now()
    }, 10)
    const questions = { depth: 'full', json: [], ask: { rows: 'SELECT count(*) AS n FROM child' } }
    const seen = await workshop.look(path, questions)
    const made = await workshop.mend(path, { snapshot: null, json: [], vital: [], parents: [] })
    const after = await workshop.look(made.path, questions)
    const snapshot = await workshop.snapshot(path, room + '/snapshot.sqlite')
    clearInterval(beat)
    console.log(JSON.stringify({ orphans: seen.orphans.length, made, left: after.orphans.length, rows: after.answers.rows, snapshot, longest }))
  `
  writeFileSync(join(room, 'program.mjs'), program)
  const out = execFileSync(node, ['--no-warnings', join(room, 'program.mjs')], {
    encoding: 'utf8',
    timeout: 120_000,
  })
  const said = JSON.parse(out) as { longest: number }
  expect(said).toMatchObject({
    orphans: 1,
    made: { is: 'made' },
    left: 0,
    rows: [{ n: 9999 }],
    snapshot: null,
  })
  expect(existsSync(join(room, 'snapshot.sqlite'))).toBe(true)
  // What is left for the loop are two syncs of files that are written already.
  expect(said.longest).toBeLessThan(2_000)
})

test('leaves no copy behind where its program is told to end', async () => {
  const node = await nodeFromNpm(24)
  const { stateDir, remove } = unpack('2026.9.6-sound')
  const temporary = mkdtempSync(join(tmpdir(), 'supervise-told-'))
  onTestFinished(() => {
    remove()
    rmSync(temporary, { recursive: true, force: true })
  })
  const large = `
    const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
    const database = new DatabaseSync(process.argv[1])
    database.exec('CREATE TABLE filler (bytes)')
    database.exec('BEGIN')
    for (let n = 0; n < 150; n++) database.exec('INSERT INTO filler VALUES (randomblob(1000000))')
    database.exec('COMMIT')`
  execFileSync(node, [
    '--no-warnings',
    '-e',
    large,
    join(stateDir, 'agents/main/agent/openclaw-agent.sqlite'),
  ])
  const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
  const child = spawn(node, [main, 'check', '--state-dir', stateDir], {
    stdio: 'ignore',
    env: { PATH: process.env['PATH'], TMPDIR: temporary },
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  // A copy of the large one.
  const isAtWork = (): boolean =>
    readdirSync(temporary, { recursive: true, encoding: 'utf8' }).some(
      (name) => (statSync(join(temporary, name), { throwIfNoEntry: false })?.size ?? 0) > 100_000_000,
    )
  await until('it has its copy', isAtWork)
  child.kill('SIGINT')
  expect(await ended).toBe(130)
  expect(readdirSync(temporary)).toEqual([])
})

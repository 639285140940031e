/**
 * Databases that were there yesterday, and today nothing of the gateway's tells of them any more: what this program
 * knows by itself proves it. And what a deletion leaves, which is the same but for its register and its configuration.
 */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hasSqlite } from '../../src/host/sqlite.ts'
import { readCheckpoint } from '../../src/recovery/checkpoint.ts'
import { keepOfGoneAgents } from '../../src/recovery/gone-agents.ts'
import { inspect } from '../../src/recovery/inspect.ts'
import { dryRun, recover } from '../../src/recovery/recover.ts'
import { undo } from '../../src/recovery/undo.ts'
import { agent, ask, change, control, databaseState, installed } from './database-state.ts'
import { state, type State } from './state.ts'

const look = { owed: 'another-boot', trigger: 'test' } as const
const second = 'agents/work/agent/openclaw-agent.sqlite'
const messages = 'SELECT session_id, seq, event_json FROM transcript_events ORDER BY 1, 2'

const snapshotOf = (s: State, name: string, of: string): void => {
  const path = s.at(`supervise/snapshots/databases/${of}/1795358000000.sqlite`)
  mkdirSync(dirname(path), { recursive: true })
  copyFileSync(s.at(name), path)
}

/** With snapshots of all of it, as far as this Node can take them itself or not. */
async function confirmed(s: State, { snapshots }: { snapshots: boolean }): Promise<void> {
  expect(await recover(s.site, look)).toMatchObject({ is: 'consistent' })
  rmSync(s.at('supervise/snapshots'), { recursive: true, force: true })
  if (!snapshots) return
  snapshotOf(s, control, 'state')
  snapshotOf(s, agent, 'agent-main')
  if (existsSync(s.at(second))) snapshotOf(s, second, 'agent-work')
}

const configured = (s: State, ids: readonly string[]): void => {
  const config = JSON.parse(readFileSync(s.at('openclaw.json'), 'utf8')) as { agents: object }
  config.agents = { ...config.agents, entries: Object.fromEntries(ids.map((id) => [id, {}])) }
  writeFileSync(s.at('openclaw.json'), JSON.stringify(config))
}

/** As `openclaw agents add work` and a first turn leave it. */
function withSecondAgent(s: State): void {
  cpSync(s.at(dirname(agent)), s.at(dirname(second)), { recursive: true, preserveTimestamps: true })
  configured(s, ['main', 'work'])
  if (!hasSqlite()) return
  change(s, second, "UPDATE schema_meta SET agent_id = 'work' WHERE meta_key = 'primary'")
  change(s, control, `INSERT INTO agent_databases SELECT 'work', '${second}', 23, 1, 4096`)
}

/** As `openclaw agents delete work --force` of 2026.9.6 leaves it: its folder stays, empty. */
function deleteSecondAgent(s: State, { cutOff }: { cutOff: boolean }): void {
  rmSync(s.at(dirname(second)), { recursive: true })
  configured(s, ['main'])
  if (!hasSqlite()) return
  const note = `'work', 'an-operation', '/a', '/w', '/s', '[]', '[]', 1, ${cutOff ? 0 : 1}, 1`
  change(
    s,
    control,
    `INSERT INTO agent_deletion_journal (agent_id, operation_id, agent_dir, workspace_dir, sessions_dir, database_paths_json, cleanup_paths_json, created_at, cleanup_completed, delete_files) VALUES (${note})`,
  )
  if (!cutOff) change(s, control, "DELETE FROM agent_databases WHERE agent_id = 'work'")
}

describe('an agent that its user deleted is not missed', () => {
  const afterDeletion = async (cutOff: boolean): Promise<State> => {
    const s = databaseState('2026.9.6-sound')
    withSecondAgent(s)
    await confirmed(s, { snapshots: true })
    deleteSecondAgent(s, { cutOff })
    return s
  }

  test('though snapshots of it, and a look that saw it, are left', async () => {
    const s = await afterDeletion(false)
    const before = s.bytes()
    expect(await recover(s.site, look)).toMatchObject({ is: 'consistent', repairId: null })
    expect(s.bytes()).toEqual(before)
    expect(await recover(s.site, look)).toMatchObject({ is: 'consistent', repairId: null })
  })

  test.runIf(hasSqlite())('what there is of it is kept for a month, and counts', async () => {
    const s = await afterDeletion(false)
    const folder = 'supervise/snapshots/databases/agent-work'
    const [only] = readdirSync(s.at(folder))
    copyFileSync(s.at(control), s.at(`${folder}/1795358000001.sqlite`))
    const day = 24 * 60 * 60 * 1000
    const began = Date.now()
    const after = async (days: number) => await recover({ ...s.site, now: () => began + days * day }, look)
    const first = await after(0)
    expect(first).toMatchObject({ is: 'consistent' })
    expect(first.trouble).toEqual([expect.stringMatching(/agent-work: its agent is gone: .* is kept until /)])
    expect(readdirSync(s.at(folder)).toSorted()).toEqual([only, 'gone'])
    expect((await after(29)).trouble).toEqual([])
    const bytes = statSync(s.at(`${folder}/${only}`)).size
    const { databases } = await inspect(s.site, { owed: 'no' })
    expect(await keepOfGoneAgents(s.site, 'sqlite', databases)).toEqual({ bytes, told: [] })
    expect((await after(31)).trouble).toEqual([expect.stringContaining('its last snapshot was removed')])
    expect(readdirSync(s.at(folder))).toEqual([])
    expect((await after(32)).trouble).toEqual([])
  })

  test('nothing goes where no database was looked into: of a store of files, or by a Node that cannot', async () => {
    const two = (s: State, agentId: string): string => {
      const folder = s.at(`supervise/snapshots/databases/agent-${agentId}`)
      mkdirSync(folder, { recursive: true })
      for (const at of [1, 2]) copyFileSync(s.at('openclaw.json'), `${folder}/179535800000${at}.sqlite`)
      return folder
    }
    const files = state('sound')
    const ofMain = two(files, 'main')
    const ofFiles = { version: '2026.7.35', schemaVersions: null }
    const site = { ...files.site, installed: ofFiles }
    expect(await recover(site, look)).toMatchObject({ is: 'consistent', trouble: [] })
    expect(readdirSync(ofMain)).toHaveLength(2)

    const rows = state('2026.9.6-sound')
    const ofGone = two(rows, 'gone')
    const { databases: _, ...unseen } = rows.site
    expect(await recover(unseen, look)).toMatchObject({ is: 'consistent', trouble: [] })
    expect(readdirSync(ofGone)).toHaveLength(2)
  })

  test.runIf(hasSqlite())('and is as before where it is there again', async () => {
    const s = await afterDeletion(false)
    const work = s.at('supervise/snapshots/databases/agent-work')
    expect(await recover(s.site, look)).toMatchObject({ is: 'consistent' })
    expect(existsSync(`${work}/gone`)).toBe(true)
    mkdirSync(s.at(dirname(second)), { recursive: true })
    copyFileSync(`${work}/1795358000000.sqlite`, s.at(second))
    expect(await recover(s.site, look)).toMatchObject({ is: 'consistent' })
    expect(existsSync(`${work}/gone`)).toBe(false)
  })

  test('nor its whole folder', async () => {
    const s = await afterDeletion(false)
    rmSync(s.at('agents/work'), { recursive: true })
    expect(await recover(s.site, look)).toMatchObject({ is: 'consistent', repairId: null })
  })

  test('though the deletion was cut off before the register knew of it', async () => {
    const s = await afterDeletion(true)
    expect(await recover(s.site, look)).toMatchObject({ is: 'consistent', repairId: null })
  })

  test('nor when the register is gone as well, of which there is no snapshot', async () => {
    const s = await afterDeletion(false)
    rmSync(s.at('supervise/snapshots/databases/state'), { recursive: true })
    rmSync(s.at('state'), { recursive: true })
    const { findings } = await s.look()
    expect(findings.filter(({ severity }) => severity !== 'benign').map(({ path }) => path)).toEqual([
      control,
    ])
  })
})

describe('every database gone, and only what is ours left', () => {
  const gone: readonly [string, (s: State) => void][] = [
    [
      'the folders of both',
      (s) => ['state', 'agents'].forEach((name) => rmSync(s.at(name), { recursive: true })),
    ],
    [
      'the files, and nothing else of the folders',
      (s) =>
        [control, agent].forEach((name) =>
          ['', '-wal', '-shm'].forEach((end) => rmSync(s.at(name + end), { force: true })),
        ),
    ],
  ]

  test.each(gone)('with snapshots it is all put back, and can be taken back: %s', async (_, lose) => {
    const s = databaseState('2026.9.6-sound')
    const before = hasSqlite() ? ask(s, agent, messages) : []
    await confirmed(s, { snapshots: true })
    lose(s)
    const damaged = s.bytes()
    expect(await s.look()).toMatchObject({ store: 'sqlite', verdict: 'repairable' })
    const dry = await dryRun(s.site, { owed: 'no' })
    expect(dry.changes).toEqual([agent, control].map((path) => ({ path, does: 'create' })))

    const recovery = await recover(s.site, look)
    expect(recovery, JSON.stringify(recovery)).toMatchObject({ is: 'repaired' })
    if (hasSqlite()) expect(ask(s, agent, messages)).toEqual(before)
    expect(await recover(s.site, look)).toMatchObject({ is: 'consistent', repairId: null })

    const undone = await undo(s.site, recovery.repairId!, 'test')
    expect(undone).toMatchObject({ is: 'undone' })
    expect(s.bytes()).toEqual(damaged)
    expect(await undo(s.site, (undone as { repairId: string }).repairId, 'test')).toMatchObject({
      is: 'undone',
    })
    if (hasSqlite()) expect(ask(s, agent, messages)).toEqual(before)
  })

  test('what came to lie in a folder that was made stays there when that is taken back', async () => {
    const s = databaseState('2026.9.6-sound')
    await confirmed(s, { snapshots: true })
    rmSync(s.at('agents'), { recursive: true })
    rmSync(s.at('state'), { recursive: true })
    const { repairId } = await recover(s.site, look)
    writeFileSync(s.at('agents/main/agent/of-somebody'), 'else')
    expect(await undo(s.site, repairId!, 'test')).toMatchObject({ is: 'undone' })
    expect(readFileSync(s.at('agents/main/agent/of-somebody'), 'utf8')).toBe('else')
    expect(existsSync(s.at('state'))).toBe(false)
  })

  test('the configuration with them: not a first start', async () => {
    const s = databaseState('2026.9.6-sound')
    await confirmed(s, { snapshots: true })
    const config = readFileSync(s.at('openclaw.json'))
    for (const name of readdirSync(s.stateDir))
      if (name !== 'supervise') rmSync(s.at(name), { recursive: true })
    const recovery = await recover(s.site, look)
    expect(recovery).toMatchObject({ is: 'needs-operator', inspection: { store: 'sqlite' } })
    expect(recovery.found.map(({ kind }) => kind)).toContain('config-unreadable')
    writeFileSync(s.at('openclaw.json'), config)
    expect(await recover(s.site, look)).toMatchObject({ is: 'repaired' })
    expect(existsSync(s.at(control)) && existsSync(s.at(agent))).toBe(true)
  })

  test.each(gone)('without a snapshot it is held, and the proof is kept: %s', async (_, lose) => {
    const s = databaseState('2026.9.6-sound')
    await confirmed(s, { snapshots: false })
    lose(s)
    const before = s.bytes()
    for (let start = 0; start < 2; start++) {
      const recovery = await recover(s.site, look)
      expect(recovery, JSON.stringify(recovery)).toMatchObject({
        is: 'needs-operator',
        repairId: null,
        evidence: expect.stringContaining('at the last confirmed look'),
        command: expect.stringMatching(/^supervise repair --state-dir .* --accept-loss$/),
        found: expect.arrayContaining([
          expect.objectContaining({ kind: 'db-empty-or-missing', severity: 'loses', path: control }),
          expect.objectContaining({ kind: 'db-empty-or-missing', severity: 'loses', path: agent }),
        ]),
      })
    }
    expect(s.bytes()).toEqual(before)
  })

  test('one that was written a moment before it was looked at, too', async () => {
    const unpacked = databaseState('2026.9.6-sound')
    const writtenAt = statSync(unpacked.at(agent)).ctimeMs
    const s = { ...unpacked, site: { ...unpacked.site, now: () => writtenAt } }
    await confirmed(s, { snapshots: false })
    const checkpoint = await readCheckpoint(s.site)
    expect(checkpoint!.directories.get(dirname(agent))!.marks.size).toBe(0)
    rmSync(s.at('agents'), { recursive: true })
    rmSync(s.at('state'), { recursive: true })
    expect(await recover(s.site, look)).toMatchObject({ is: 'needs-operator' })
  })

  test('files of before, under an OpenClaw that keeps its sessions in files, are what they are', async () => {
    const s = state('sound', {}, { installed: { version: '2026.7.35', schemaVersions: null } })
    const other = databaseState('2026.9.6-sound')
    await confirmed(other, { snapshots: true })
    cpSync(other.at('supervise'), s.at('supervise'), { recursive: true })
    expect(await recover(s.site, look)).toMatchObject({ is: 'consistent', inspection: { store: 'file' } })
    for (const other of [{ installed: null }, { installed }])
      expect(await recover({ ...s.site, ...other }, look)).not.toMatchObject({
        inspection: { store: 'file' },
      })
  })
})

test('an agent whose folder is gone, while the register cannot be asked, is put back', async () => {
  const s = databaseState('2026.9.6-sound')
  withSecondAgent(s)
  await confirmed(s, { snapshots: true })
  const damage = (): void => {
    rmSync(s.at('agents/work'), { recursive: true })
    rmSync(s.at(control))
  }
  damage()
  expect((await s.look()).findings.map(({ path }) => path)).toEqual(expect.arrayContaining([second, control]))
  expect(await recover(s.site, look)).toMatchObject({ is: 'repaired' })
  expect(existsSync(s.at(second))).toBe(true)
})

describe('a loss that a person has accepted', () => {
  const accepting = (s: State): State['site'] => ({
    ...s.site,
    policy: { ...s.site.policy, acceptLoss: true },
  })
  const losses = 'supervise/accepted-losses.json'

  test('is held against no start, until the database is there again', async () => {
    const s = databaseState('2026.9.6-sound', { installed })
    await confirmed(s, { snapshots: false })
    const bytes = readFileSync(s.at(agent))
    rmSync(s.at('agents'), { recursive: true })
    expect(await recover(s.site, look)).toMatchObject({ is: 'needs-operator' })

    expect(await recover(accepting(s), look)).toMatchObject({ is: 'consistent' })
    for (let start = 0; start < 2; start++) {
      const recovery = await recover(s.site, look)
      expect(recovery).toMatchObject({ is: 'consistent' })
      if (hasSqlite())
        expect(recovery.found).toMatchObject([
          { kind: 'db-empty-or-missing', severity: 'benign', path: agent },
        ])
    }
    mkdirSync(s.at(dirname(agent)), { recursive: true })
    writeFileSync(s.at(agent), bytes)
    expect(await recover(s.site, look)).toMatchObject({ is: 'consistent' })
    expect(existsSync(s.at(losses))).toBe(false)
    rmSync(s.at('supervise/snapshots'), { recursive: true, force: true })
    rmSync(s.at('agents'), { recursive: true })
    expect(await recover(s.site, look)).toMatchObject({ is: 'needs-operator' })
  })

  test('is none where a snapshot can be put back', async () => {
    const s = databaseState('2026.9.6-sound')
    await confirmed(s, { snapshots: true })
    rmSync(s.at('agents'), { recursive: true })
    expect(await recover(accepting(s), look)).toMatchObject({ is: 'repaired' })
    expect(existsSync(s.at(agent))).toBe(true)
    expect(existsSync(s.at(losses))).toBe(false)
  })

  test.runIf(hasSqlite())(
    'is no deletion: the damaged snapshots that are left of it stay, and are told',
    async () => {
      const s = databaseState('2026.9.6-sound')
      await confirmed(s, { snapshots: true })
      const folder = 'supervise/snapshots/databases/agent-main'
      const damaged = ['1795358000000.sqlite', '1795358000001.sqlite']
      for (const name of damaged)
        writeFileSync(s.at(`${folder}/${name}`), readFileSync(s.at(agent)).subarray(0, 9000))
      rmSync(s.at('agents'), { recursive: true })
      expect(await recover(s.site, look)).toMatchObject({ is: 'needs-operator' })
      for (const days of [0, 31, 62]) {
        const site = { ...(days === 0 ? accepting(s) : s.site), now: () => s.site.now() + days * 86_400_000 }
        const { is, found, trouble } = await recover(site, look)
        expect({ is, trouble }).toEqual({ is: 'consistent', trouble: [] })
        expect(found.find(({ kind }) => kind === 'db-empty-or-missing')).toMatchObject({
          severity: 'benign',
          path: agent,
          evidence: expect.stringContaining(
            `Its loss was accepted; what is left of it, 2 damaged snapshots in ${folder}, stays`,
          ),
        })
        expect(readdirSync(s.at(folder)).toSorted()).toEqual(damaged)
      }
    },
  )

  test('takes a log that is left out of the way of the new database, kept', async () => {
    const s = databaseState('2026.9.6-killed-mid-run')
    await confirmed(s, { snapshots: false })
    const log = readFileSync(s.at(`${agent}-wal`))
    rmSync(s.at(agent))
    const recovery = await recover(accepting(s), look)
    expect(recovery).toMatchObject({ is: 'repaired' })
    expect(existsSync(s.at(`${agent}-wal`))).toBe(false)
    const kept = recovery.kept.find(({ path }) => path === `${agent}-wal`)
    expect(readFileSync(s.at(kept!.keptAs)).equals(log)).toBe(true)
    expect(await recover(s.site, look)).toMatchObject({ is: 'consistent' })
  })
})

describe.runIf(hasSqlite())('an import that is still to come', () => {
  const index = 'agents/work/sessions/sessions.json'
  const updated = { version: '2026.9.7', schemaVersions: installed.schemaVersions }
  const toCome = (): State => {
    const s = databaseState('2026.9.6-sound', { installed: updated })
    withSecondAgent(s)
    mkdirSync(s.at(dirname(index)), { recursive: true })
    writeFileSync(s.at(index), '{}')
    return s
  }

  test('of one agent excuses no other whose database is gone', async () => {
    const s = toCome()
    rmSync(s.at(dirname(agent)), { recursive: true })
    rmSync(s.at(dirname(second)), { recursive: true })
    const { store, findings } = await s.look()
    expect(store).toBe('migrating')
    expect(findings.filter(({ severity }) => severity === 'loses').map(({ path }) => path)).toEqual([agent])
  })

  test('is not told of a control plane that cannot be asked', async () => {
    const s = toCome()
    expect(await s.look()).toMatchObject({ store: 'migrating' })
    writeFileSync(s.at(control), Buffer.alloc(8192, 0xff))
    const { store, findings } = await s.look()
    expect(store).toBe('sqlite')
    expect(findings).toMatchObject([{ kind: 'db-corrupt', path: control }])
  })
})

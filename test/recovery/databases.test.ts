/**
 * Every row of the SQLite part of DAMAGE.md, made on real states of OpenClaw 2026.9.6: found as exactly that, repaired,
 * nothing left, and taken back. Under a Node without SQLite: what is found from outside, and the line that says so.
 */
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import zlib from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import { hasSqlite, whichNode, type Row as DatabaseRow } from '../../src/host/sqlite.ts'
import { inspect } from '../../src/recovery/inspect.ts'
import { snapshotAll } from '../../src/recovery/database-snapshots.ts'
import { begin, end } from '../../src/recovery/journal.ts'
import { dryRun, recover } from '../../src/recovery/recover.ts'
import type { Policy, Site } from '../../src/recovery/site.ts'
import { undo } from '../../src/recovery/undo.ts'
import type { Inspection } from '../../src/recovery/verdict.ts'
import type { Fixture } from '../fixtures/unpack.ts'
import { agent, ask, change, control, databaseState as state } from './database-state.ts'
import type { State } from './state.ts'
import { treeOf } from '../tree.ts'

const quarantine = 'state/openclaw-quarantine.sqlite'
const index = 'agents/main/sessions/sessions.json'
const look = { owed: 'another-boot', trigger: 'test' } as const

const said = ({ findings }: Inspection): string[] =>
  findings.map(({ kind, severity, path }) => `${kind} ${severity} ${path}`)

const messages = 'SELECT session_id, seq, event_json FROM transcript_events ORDER BY 1, 2'
const nodes = 'SELECT session_key, current_session_id, entry_json FROM session_nodes ORDER BY 1'

interface Damage {
  readonly name: string
  readonly needs?: 'sqlite'
  readonly fixture?: Fixture
  /** In this boot, before the damage; its snapshots are gone. */
  readonly isConfirmed?: boolean
  readonly damage: (s: State) => void
  readonly finds: readonly string[]
  /** Of what a client is shown, before the damage and after the repair. */
  readonly leads?: (s: State, before: { nodes: DatabaseRow[]; messages: DatabaseRow[] }) => void
}

const page = 4096
const logHeader = 32
const frame = 24 + page
const scribble = (s: State, name: string, at: number, bytes: number): void => {
  const all = readFileSync(s.at(name))
  writeFileSync(s.at(name), all.fill(0xff, at, at + bytes))
}
const same: NonNullable<Damage['leads']> = (s, before) => {
  expect(ask(s, agent, nodes)).toEqual(before.nodes)
  expect(ask(s, agent, messages)).toEqual(before.messages)
}
const withSnapshot = (s: State, name: string): void => {
  const folder = name === control ? 'state' : 'agent-main'
  const path = s.at(`supervise/snapshots/databases/${folder}/1795358000000.sqlite`)
  mkdirSync(dirname(path), { recursive: true })
  copyFileSync(s.at(name), path)
}
/** As 2026.9.6 keeps an event of more than 1 KiB. */
const packed = (plain: Buffer): Buffer =>
  (zlib as unknown as { zstdCompressSync(plain: Buffer): Buffer }).zstdCompressSync(plain)
const navigation =
  '{"version":1,"report":{"kind":"canonical"},"navigation":{},"reset":{},"model":{},"modelBytes":1,"modelWithoutCheckpointBytes":1,"withoutCustomDataBytes":1}'
/** The page at which a table or an index begins. */
const rootOf = (s: State, part: string, of = agent): number =>
  Number(ask(s, of, `SELECT rootpage AS n FROM sqlite_master WHERE name = '${part}'`)[0]!['n'])

const rows: readonly Damage[] = [
  {
    name: 'db-empty-or-missing: the sessions are gone, and there is a snapshot',
    damage: (s) => {
      withSnapshot(s, agent)
      rmSync(s.at(agent))
    },
    finds: [`db-empty-or-missing loses ${agent}`],
    leads: same,
  },
  {
    name: 'db-empty-or-missing: the sessions are of no length, and there is a snapshot',
    damage: (s) => {
      withSnapshot(s, agent)
      truncateSync(s.at(agent))
    },
    finds: [`db-empty-or-missing loses ${agent}`],
    leads: same,
  },
  {
    name: 'db-empty-or-missing: the control plane is gone, and there is a snapshot',
    damage: (s) => {
      withSnapshot(s, control)
      rmSync(s.at(control))
    },
    finds: [`db-empty-or-missing loses ${control}`],
    leads: same,
  },
  {
    name: 'db-corrupt: an index that is derived',
    needs: 'sqlite',
    damage: (s) => scribble(s, agent, (rootOf(s, 'sqlite_autoindex_memory_index_meta_1') - 1) * page, page),
    finds: [`db-corrupt blocks ${agent}`],
    leads: same,
  },
  {
    name: 'db-corrupt: a page of the transcripts, and a snapshot has what was on it',
    needs: 'sqlite',
    damage: (s) => {
      withSnapshot(s, agent)
      scribble(s, agent, (rootOf(s, 'transcript_events') - 1) * page, page)
    },
    finds: [`db-corrupt blocks ${agent}`],
    leads: same,
  },
  {
    name: 'db-corrupt: a header of garbage, and a snapshot',
    needs: 'sqlite',
    damage: (s) => {
      withSnapshot(s, agent)
      scribble(s, agent, 0, 100)
    },
    finds: [`db-corrupt blocks ${agent}`],
    leads: same,
  },
  {
    name: 'db-corrupt: cut in half, and a snapshot',
    needs: 'sqlite',
    damage: (s) => {
      withSnapshot(s, agent)
      truncateSync(s.at(agent), Math.floor(readFileSync(s.at(agent)).length / 2 / page) * page)
    },
    finds: [`db-corrupt blocks ${agent}`],
    leads: same,
  },
  {
    name: 'db-orphan-rows: an event of a session that is no more',
    needs: 'sqlite',
    damage: (s) =>
      change(
        s,
        agent,
        "INSERT INTO transcript_events (session_id, seq, event_json, created_at) VALUES ('nobody', 15, '{}', 1)",
      ),
    finds: [`db-orphan-rows blocks ${agent}`],
    leads: (s, before) => {
      same(s, before)
      const accounts = readdirSync(s.at('supervise/accounts'))
      const account = readFileSync(s.at(`supervise/accounts/${accounts[0]}`), 'utf8')
      expect(account).toContain('"session_id":"nobody"')
    },
  },
  {
    name: 'db-orphan-rows: a session whose window is gone is put back, with all that hung on it',
    needs: 'sqlite',
    damage: (s) => change(s, agent, 'DELETE FROM session_windows'),
    finds: [`db-orphan-rows blocks ${agent}`],
    leads: same,
  },
  {
    name: 'db-corrupt: a session deleted since',
    needs: 'sqlite',
    damage: (s) => {
      withSnapshot(s, agent)
      const other = "DELETE FROM session_nodes WHERE session_key = 'agent:main:other'"
      change(s, agent, 'PRAGMA foreign_keys=ON', other)
      scribble(s, agent, (rootOf(s, 'session_nodes') - 1) * page, page)
    },
    finds: [`db-corrupt blocks ${agent}`],
    leads: (s, before) => {
      expect(before.nodes).toHaveLength(2)
      const kept = before.nodes.filter((node) => node['session_key'] === 'agent:main:main')
      expect(ask(s, agent, nodes)).toEqual(kept)
      const windows = ask(s, agent, 'SELECT session_id FROM session_windows')
      expect(windows).toEqual(kept.map((node) => ({ session_id: node['current_session_id'] })))
    },
  },
  {
    name: 'row-bad-json: a transcript row',
    needs: 'sqlite',
    damage: (s) => change(s, agent, 'UPDATE transcript_events SET event_json = \'{"type":\' WHERE seq = 5'),
    finds: [`row-bad-json blocks ${agent}`],
    leads: (s, before) => {
      expect(ask(s, agent, nodes)).toEqual(before.nodes)
      const after = ask(s, agent, messages)
      expect(after.filter(({ seq }) => seq !== 5)).toEqual(before.messages.filter(({ seq }) => seq !== 5))
      for (const [at, { event_json, seq }] of after.entries()) {
        if (seq !== 5) continue
        const was = JSON.parse(String(before.messages[at]!['event_json'])) as { id: string; parentId: string }
        expect(JSON.parse(String(event_json))).toMatchObject({ id: was.id, parentId: was.parentId })
      }
    },
  },
  {
    name: 'row-bad-json: a compressed row',
    needs: 'sqlite',
    damage: (s) => {
      for (const { session_id, seq, event_json } of ask(s, agent, messages)) {
        if (seq !== 4 && seq !== 5) continue
        const plain = Buffer.from(seq === 5 ? String(event_json).slice(0, -1) : String(event_json))
        const set = `event_json = NULL, event_zstd = x'${packed(plain).toString('hex')}', event_utf8_bytes = ${plain.length}, navigation_json = '${navigation}'`
        change(
          s,
          agent,
          `UPDATE transcript_events SET ${set} WHERE session_id = '${String(session_id)}' AND seq = ${seq}`,
        )
      }
    },
    finds: [`row-bad-json blocks ${agent}`],
    leads: (s, before) => {
      const after = ask(
        s,
        agent,
        'SELECT *, event_zstd IS NULL AS plain FROM transcript_events ORDER BY 1, 2',
      )
      for (const [at, { event_json, seq, plain, navigation_json }] of after.entries()) {
        expect(plain).toBe(seq === 4 ? 0 : 1)
        const was = before.messages[at]!['event_json']
        if (seq === 5) {
          const { id } = JSON.parse(String(was)) as { id: string }
          expect(JSON.parse(String(event_json))).toMatchObject({ id, customType: 'supervise.replaced' })
          expect(navigation_json).toBeNull()
        } else if (seq !== 4) expect(event_json).toBe(was)
      }
    },
  },
  {
    name: 'row-bad-json: what the gateway knows of a session',
    needs: 'sqlite',
    damage: (s) =>
      change(s, agent, "UPDATE session_nodes SET entry_json = '{' WHERE session_key = 'agent:main:main'"),
    finds: [`row-bad-json blocks ${agent}`],
    leads: (s, before) => {
      expect(ask(s, agent, messages)).toEqual(before.messages)
      const [main] = ask(s, agent, nodes)
      expect(JSON.parse(String(main!['entry_json']))).toMatchObject({
        sessionId: main!['current_session_id'],
      })
    },
  },
  {
    name: 'quarantine-db-garbage',
    damage: (s) => writeFileSync(s.at(quarantine), 'garbage, and no database '.repeat(20)),
    finds: [`quarantine-db-garbage blocks ${quarantine}`],
    leads: (s, before) => {
      same(s, before)
      expect(existsSync(s.at(quarantine))).toBe(false)
    },
  },
  {
    name: 'wal-gone-or-torn: a log of garbage',
    damage: (s) => writeFileSync(s.at(`${agent}-wal`), 'garbage, and no log '.repeat(20)),
    finds: [`wal-gone-or-torn loses ${agent}-wal`],
    leads: same,
  },
  ...(
    [
      ['gone, and its index knows of commits that only it had', (s) => rmSync(s.at(`${agent}-wal`))],
      ['empty, and its index knows of commits that only it had', (s) => truncateSync(s.at(`${agent}-wal`))],
      [
        'cut off where its index knows of more',
        (s) => truncateSync(s.at(`${agent}-wal`), logHeader + frame * 3 + 100),
      ],
      [
        'torn in its middle, with commits behind that',
        (s) => {
          scribble(s, `${agent}-wal`, logHeader + frame * 2 + 24 + 100, 8)
          rmSync(s.at(`${agent}-shm`))
        },
      ],
    ] as readonly (readonly [string, (s: State) => void])[]
  ).map(([name, damage]): Damage => ({
    name: `wal-gone-or-torn: ${name}`,
    fixture: '2026.9.6-killed-mid-run',
    isConfirmed: name.startsWith('gone') || name.startsWith('empty'),
    damage,
    finds: [`wal-gone-or-torn loses ${agent}-wal`],
    leads: (s, before) => {
      expect(ask(s, agent, messages).length).toBeLessThan(before.messages.length)
    },
  })),
  ...['', '{"agent:main:main":'].map((text): Damage => ({
    name: `legacy-index-reappeared: ${text === '' ? 'empty' : 'torn'}`,
    needs: 'sqlite',
    damage: (s) => {
      mkdirSync(dirname(s.at(index)), { recursive: true })
      writeFileSync(s.at(index), text)
    },
    finds: [`legacy-index-reappeared blocks ${index}`],
    leads: same,
  })),
  {
    name: 'gateway-lock-garbage',
    damage: (s) => writeFileSync(s.at('tmp/openclaw-0/gateway.1543dd58.lock'), '{"pi'),
    finds: ['gateway-lock-garbage blocks tmp/openclaw-0/gateway.1543dd58.lock'],
    leads: same,
  },
]

const here = rows.filter(({ needs }) => needs === undefined || hasSqlite())

describe.each(['2026.9.6-sound', '2026.9.6-killed-mid-run'] as const)('%s', (fixture) => {
  test('is consistent, and looking at it changes nothing', async () => {
    const s = state(fixture)
    const before = s.bytes()
    for (const owed of ['no', 'this-boot', 'another-boot'] as const)
      expect(await s.look(owed)).toMatchObject({
        store: 'sqlite',
        schema: { state: 18, agent: 23 },
        verdict: 'consistent',
        version: hasSqlite() ? '2026.9.6' : null,
        findings: hasSqlite() ? [] : [{ kind: 'unreadable', severity: 'benign', evidence: whichNode }],
      })
    expect(s.bytes()).toEqual(before)
    expect(existsSync(s.at('supervise'))).toBe(false)
  })
})

describe('each row of the damage page', () => {
  test.each(here)('$name', async (row) => {
    const s = state(row.fixture ?? '2026.9.6-sound')
    const before = hasSqlite()
      ? { nodes: ask(s, agent, nodes), messages: ask(s, agent, messages) }
      : { nodes: [], messages: [] }
    if (row.isConfirmed) {
      await recover({ ...s.site, now: () => Date.now() + 10_000 }, look)
      rmSync(s.at('supervise/snapshots'), { recursive: true, force: true })
    }
    row.damage(s)
    const damaged = s.bytes()

    const seen = await s.look()
    expect(said(seen).filter((line) => !line.includes(' benign '))).toEqual(row.finds)
    expect(seen.verdict).toBe('repairable')
    expect((await dryRun(s.site, { owed: 'another-boot' })).changes.length).toBeGreaterThan(0)
    expect(s.bytes()).toEqual(damaged)

    const recovery = await recover(s.site, look)
    expect(recovery, JSON.stringify(recovery)).toMatchObject({ is: 'repaired' })
    expect(await s.look()).toMatchObject({ verdict: 'consistent' })
    if (hasSqlite()) row.leads?.(s, before)
    expect(recovery.kept.length).toBe(readdirSync(s.at(`supervise/repairs/${recovery.repairId}/kept`)).length)
    for (const { path, keptAs, sha256, bytes } of recovery.kept) {
      const kept = readFileSync(s.at(keptAs))
      expect([createHash('sha256').update(kept).digest('hex'), kept.length]).toEqual([sha256, bytes])
      expect(damaged[path], path).toContain(` ${sha256}`)
    }
    expect(await recover(s.site, look)).toMatchObject({ is: 'consistent', repairId: null })

    expect(await undo(s.site, recovery.repairId!, 'test')).toMatchObject({ is: 'undone' })
    expect(s.bytes()).toEqual(damaged)
  })
})

test('the journals of earlier repairs are read once, for all databases that have no log', async () => {
  const s = state('2026.9.6-sound')
  cpSync(s.at('agents/main'), s.at('agents/other'), { recursive: true })
  for (const name of [control, agent, agent.replace('main', 'other')])
    rmSync(s.at(`${name}-wal`), { force: true })
  for (let n = 0; n < 3; n++) {
    const repair = await begin(s.site, { trigger: 'test', undoes: null, found: [], steps: [] })
    await end(s.site, repair, { outcome: 'confirmed', done: 0, evidence: null })
  }
  const read: string[] = []
  const disk: Site['disk'] = {
    ...s.site.disk,
    async read(path, from, to) {
      if (path.endsWith('/journal.jsonl')) read.push(path)
      return await s.site.disk.read(path, from, to)
    },
  }
  await inspect({ ...s.site, disk }, { owed: 'another-boot' })
  expect(read).toHaveLength(3)
})

describe('a folder that a link leads to inside the state is one of the state', () => {
  const linked = (s: State, folder: string): void => {
    renameSync(s.at(folder), s.at('moved'))
    symlinkSync(s.at('moved'), s.at(folder))
  }

  test.each(['state', 'agents', 'agents/main', 'agents/main/agent'])('sound: %s', async (folder) => {
    const s = state('2026.9.6-sound')
    linked(s, folder)
    const { verdict, findings } = await s.look()
    expect(verdict, JSON.stringify(findings)).toBe('consistent')
    expect(findings.filter(({ severity }) => severity !== 'benign')).toEqual([])
  })

  test.runIf(hasSqlite()).each([
    ['state', control],
    ['agents', agent],
    ['agents/main', agent],
    ['agents/main/agent', agent],
  ])('mended, and undone: %s', async (folder, name) => {
    const s = state('2026.9.6-sound')
    linked(s, folder)
    writeFileSync(s.at(`${name}-wal`), 'garbage, and no log '.repeat(20))
    const before = s.bytes()
    const recovery = await recover(s.site, look)
    expect(recovery, JSON.stringify(recovery)).toMatchObject({ is: 'repaired' })
    expect(s.bytes()[folder]).toBe(before[folder])
    expect(await undo(s.site, recovery.repairId!, 'test')).toMatchObject({ is: 'undone' })
    expect(s.bytes()).toEqual(before)
  })
})

describe('held, with the reason and the next command', () => {
  const held = async (s: State, kind: string, path: string) => {
    const before = s.bytes()
    const recovery = await recover(s.site, look)
    expect(recovery, JSON.stringify(recovery)).toMatchObject({
      is: 'needs-operator',
      repairId: null,
      found: expect.arrayContaining([expect.objectContaining({ kind, path })]),
    })
    expect(s.bytes()).toEqual(before)
    return recovery
  }

  test.each([control, agent])(
    'a database that was there and is empty, with no snapshot: %s',
    async (name) => {
      const s = state('2026.9.6-killed-mid-run')
      truncateSync(s.at(name))
      await held(s, 'db-empty-or-missing', name)
    },
  )

  test.each([
    ['the control plane', 'state', control, 'state'],
    ['an agent', 'agents/main/agent', agent, 'agents/main/agent'],
    ['all of an agent', 'agents/main', agent, 'agents/main/agent'],
  ])(
    'a folder elsewhere, reached through a link, whose log could be set aside: %s',
    async (_, folder, name, path) => {
      const s = state('2026.9.6-sound')
      const elsewhere = realpathSync(mkdtempSync(join(tmpdir(), 'supervise-elsewhere-')))
      onTestFinished(() => rmSync(elsewhere, { recursive: true }))
      writeFileSync(s.at(`${name}-wal`), 'garbage, and no log '.repeat(20))
      cpSync(s.at(folder), elsewhere, { recursive: true })
      rmSync(s.at(folder), { recursive: true })
      symlinkSync(elsewhere, s.at(folder))
      const before = treeOf(elsewhere)
      const { found } = await held(s, 'unreadable', path)
      expect(treeOf(elsewhere)).toBe(before)
      expect(found.filter(({ severity }) => severity !== 'benign')).toHaveLength(1)
    },
  )

  test.each([
    ['an agent', 'agents/main/agent', 'agents/main/agent'],
    ['all of an agent', 'agents/main', 'agents/main/agent'],
  ])('a link into our own folder, where the folder of a database belongs: %s', async (_, folder, path) => {
    const s = state('2026.9.6-sound')
    mkdirSync(s.at('supervise'), { recursive: true })
    renameSync(s.at(folder), s.at('supervise/elsewhere'))
    symlinkSync(s.at('supervise/elsewhere'), s.at(folder))
    writeFileSync(s.at(`${agent}-wal`), 'garbage, and no log '.repeat(20))
    const before = treeOf(s.at('supervise/elsewhere'))
    await held(s, 'unreadable', path)
    expect(treeOf(s.at('supervise/elsewhere'))).toBe(before)
  })

  test.each([
    ['a link', (path: string) => symlinkSync('/nowhere', path)],
    ['a folder', (path: string) => mkdirSync(path)],
  ])('%s, where a database belongs: nobody is told that it is gone', async (_, make) => {
    const s = state('2026.9.6-sound')
    rmSync(s.at(agent))
    make(s.at(agent))
    const { found } = await held(s, 'unreadable', agent)
    expect(found.filter(({ severity }) => severity !== 'benign')).toHaveLength(1)
  })

  test.runIf(hasSqlite())('nothing that can be read, beside a log that could be set aside', async () => {
    const s = state('2026.9.6-sound')
    writeFileSync(s.at(`${agent}-wal`), 'garbage, and no log '.repeat(20))
    scribble(s, agent, 100, page - 100)
    const recovery = await held(s, 'db-corrupt', agent)
    // Each command that is told leads to the next one, and out.
    const aside = `${s.at(agent)}.damaged`
    expect(recovery).toMatchObject({ command: `mv ${s.at(agent)} ${aside}` })
    renameSync(s.at(agent), aside)
    expect(await recover(s.site, look)).toMatchObject({
      is: 'needs-operator',
      command: expect.stringContaining('--accept-loss'),
    })
    const accepting = { ...s.site, policy: { ...s.site.policy, acceptLoss: true } }
    expect(await recover(accepting, look)).toMatchObject({ is: 'repaired' })
    expect(existsSync(aside)).toBe(true)
  })

  test.runIf(hasSqlite())('an agent that the control plane has in its register', async () => {
    const s = state('2026.9.6-sound')
    rmSync(s.at(dirname(agent)), { recursive: true })
    await held(s, 'db-empty-or-missing', agent)
  })

  test.runIf(hasSqlite())(
    'an agent of its register whose database is empty, though nothing else tells',
    async () => {
      const s = state('2026.9.6-sound')
      truncateSync(s.at(agent))
      for (const beside of ['-wal', '-shm']) rmSync(s.at(`${agent}${beside}`), { force: true })
      await held(s, 'db-empty-or-missing', agent)
    },
  )

  test.runIf(hasSqlite())('one of a register that can be asked again only after its repair', async () => {
    const s = state('2026.9.6-sound')
    scribble(s, control, (rootOf(s, 'sqlite_autoindex_cron_jobs_1', control) - 1) * page, page)
    rmSync(s.at(dirname(agent)), { recursive: true })
    const damaged = s.bytes()
    expect(said(await s.look())).toEqual([`db-corrupt blocks ${control}`])
    const recovery = await recover(s.site, look)
    expect(recovery).toMatchObject({
      is: 'needs-operator',
      evidence: expect.stringContaining('the control plane has it in its register'),
      command: expect.stringContaining('--accept-loss'),
      found: [{ kind: 'db-corrupt', path: control }],
      inspection: { findings: [{ kind: 'db-empty-or-missing', path: agent }] },
    })
    // What was repaired stays so, is told, and can be taken back; the next start says the same, and repairs nothing.
    expect(await recover(s.site, look)).toMatchObject({ is: 'needs-operator', repairId: null })
    expect(await undo(s.site, recovery.repairId!, 'test')).toMatchObject({ is: 'undone' })
    expect(s.bytes()).toEqual(damaged)
  })

  test.runIf(hasSqlite())('an empty one whose log is there, though nothing else tells', async () => {
    const s = state('2026.9.6-killed-mid-run')
    change(s, control, 'DELETE FROM agent_databases')
    truncateSync(s.at(agent))
    await held(s, 'db-empty-or-missing', agent)
  })

  test('an agent that was there at the last confirmed look', async () => {
    const s = state('2026.9.6-sound')
    const later = { ...s.site, now: () => Date.now() + 10_000 }
    expect(await recover(later, look)).toMatchObject({ is: 'consistent' })
    rmSync(s.at('supervise/snapshots'), { recursive: true, force: true })
    rmSync(s.at(dirname(agent)), { recursive: true })
    await held(s, 'db-empty-or-missing', agent)
  })

  test('a schema that the installed OpenClaw cannot read', async () => {
    const s = state('2026.9.6-sound', {
      installed: { version: '2026.8.2', schemaVersions: { state: 15, agent: 19 } },
    })
    const recovery = await held(s, 'owner-or-version', agent)
    expect(JSON.stringify(recovery)).toMatch(/agent schema 23.*2026\.8\.2.*up to agent schema 19/)
  })

  test('an OpenClaw of the era of files on a state of the later one', async () => {
    const s = state('2026.9.6-sound', { installed: { version: '2026.7.35', schemaVersions: null } })
    await held(s, 'owner-or-version', agent)
  })

  test.runIf(hasSqlite())('a database of another agent', async () => {
    const s = state('2026.9.6-sound')
    change(s, agent, "UPDATE schema_meta SET agent_id = 'somebody' WHERE meta_key = 'primary'")
    await held(s, 'owner-or-version', agent)
  })

  test.runIf(hasSqlite())('sessions in files that came back, sound', async () => {
    const s = state('2026.9.6-sound')
    mkdirSync(dirname(s.at(index)), { recursive: true })
    writeFileSync(s.at(index), '{}')
    const recovery = await held(s, 'legacy-index-reappeared', index)
    expect(recovery).toMatchObject({
      command: 'openclaw doctor --fix --non-interactive',
      evidence: expect.stringContaining('migrated: the gateway refuses to start until its doctor'),
    })
  })

  test.runIf(hasSqlite())('the same, and which OpenClaw is started is not known', async () => {
    const s = state('2026.9.6-sound', { installed: null })
    change(
      s,
      control,
      "UPDATE schema_meta SET app_version = replace(app_version, '2026.9.6', '2026.9.5') WHERE meta_key = 'startup-migrations'",
    )
    mkdirSync(dirname(s.at(index)), { recursive: true })
    writeFileSync(s.at(index), '{}')
    const recovery = await held(s, 'legacy-index-reappeared', index)
    expect(recovery).toMatchObject({
      command: 'openclaw doctor --fix --non-interactive',
      evidence: expect.stringMatching(
        /: OpenClaw 2026\.9\.5 refuses to start \(.* `supervise run -- node .*`\) until/,
      ),
    })
  })

  test('a schema that this program does not know yet, and how to start all the same', async () => {
    const newer = (policy: Partial<Policy>): State => {
      const s = state('2026.9.6-sound', { installed: null }, policy)
      for (const name of [agent, `${agent}-wal`]) {
        const bytes = readFileSync(s.at(name))
        if (bytes.length > 0) bytes.writeInt32BE(24, 60)
        writeFileSync(s.at(name), bytes)
      }
      return s
    }
    const recovery = await held(newer({}), 'unknown-store', control)
    expect(recovery.inspection).toMatchObject({
      store: 'newer',
      version: hasSqlite() ? '2026.9.6' : null,
      schema: { state: 18, agent: 24 },
    })
    expect(recovery).toMatchObject({ command: expect.stringContaining('--unknown-store start') })
    expect(await recover(newer({ unknownStore: 'start' }).site, look)).toMatchObject({ is: 'consistent' })
  })

  test.runIf(!hasSqlite())('damage that only SQLite can mend, naming the Node that has it', async () => {
    const s = state('2026.9.6-sound')
    scribble(s, agent, 0, 100)
    const recovery = await held(s, 'db-corrupt', agent)
    expect(recovery).toMatchObject({
      evidence: expect.stringContaining(whichNode),
      command: `npx --yes --package=node@24 -- supervise repair --state-dir ${s.stateDir}`,
    })
  })
})

test.runIf(hasSqlite())(
  'a repair that finds no room is tried again later; one that cannot be made needs a person',
  async () => {
    const s = state('2026.9.6-sound')
    scribble(s, agent, 0, 100)
    const before = s.bytes()
    for (const [canPass, is] of [
      [true, 'retry-later'],
      [false, 'needs-operator'],
    ] as const) {
      const mend = async () => await Promise.resolve({ is: 'cannot' as const, why: 'no room', canPass })
      const site = { ...s.site, databases: { ...s.site.databases!, mend } }
      const recovery = await recover(site, look)
      expect(recovery).toMatchObject({ is, evidence: expect.stringMatching(/: no room(\.|$)/) })
    }
    expect(s.bytes()).toEqual(before)
  },
)

test('an index that may be of another boot than the log proves nothing', async () => {
  const s = state('2026.9.6-killed-mid-run')
  copyFileSync(s.at(`${control}-shm`), s.at(`${agent}-shm`))
  expect(await s.look()).toMatchObject({ verdict: 'consistent' })
  truncateSync(s.at(`${agent}-wal`))
  expect(await s.look()).toMatchObject({ verdict: 'consistent' })
  // Nor when that look was confirmed in this boot.
  expect(await recover(s.site, look)).toMatchObject({ is: 'consistent' })
  expect(await s.look()).toMatchObject({ verdict: 'consistent' })
  expect(await s.look('this-boot')).toMatchObject({ verdict: 'consistent' })
})

describe.runIf(hasSqlite())('a log that went, with its index, after a confirmed look', () => {
  const confirmed = async (): Promise<State> => {
    const s = state('2026.9.6-killed-mid-run')
    expect(await recover({ ...s.site, now: () => Date.now() + 10_000 }, look)).toMatchObject({
      is: 'consistent',
      trouble: [],
    })
    return s
  }
  const withoutLog = (s: State): void => {
    for (const end of ['-wal', '-shm']) rmSync(s.at(agent + end))
  }

  test('took commits with it: they come from the snapshot of that look', async () => {
    const s = await confirmed()
    const before = ask(s, agent, messages)
    withoutLog(s)
    expect(ask(s, agent, messages).length).toBeLessThan(before.length)
    const damaged = s.bytes()
    expect(said(await s.look())).toEqual([`wal-gone-or-torn loses ${agent}-wal`])
    const recovery = await recover(s.site, look)
    expect(recovery).toMatchObject({ is: 'repaired' })
    expect(ask(s, agent, messages)).toEqual(before)
    expect(await recover(s.site, look)).toMatchObject({ is: 'consistent', repairId: null })
    expect(await undo(s.site, recovery.repairId!, 'test')).toMatchObject({ is: 'undone' })
    expect(s.bytes()).toEqual(damaged)
  })

  test('took nothing with it where it had been folded in', async () => {
    const s = await confirmed()
    // The last to close folds it in, and takes it away.
    change(s, agent, 'SELECT count(*) FROM session_nodes')
    expect(existsSync(s.at(`${agent}-wal`))).toBe(false)
    expect(await s.look()).toMatchObject({ verdict: 'consistent', findings: [] })
  })
})

describe.runIf(hasSqlite())('snapshots', () => {
  const folder = 'supervise/snapshots/databases/agent-main'
  const taken = (s: State): string[] => readdirSync(s.at(folder)).toSorted()

  test('are taken of what was confirmed, log included, and nothing changes for it', async () => {
    const s = state('2026.9.6-killed-mid-run')
    const before = s.bytes()
    expect(await recover(s.site, look)).toMatchObject({ is: 'consistent', trouble: [] })
    expect(s.bytes()).toEqual(before)
    expect(readdirSync(s.at('supervise/snapshots/databases')).toSorted()).toEqual(['agent-main', 'state'])
    const [name] = taken(s)
    expect(ask(s, `${folder}/${name}`, messages)).toEqual(ask(s, agent, messages))
    expect(readdirSync(s.at('supervise/workshop'))).toEqual([])

    rmSync(s.at(agent))
    rmSync(s.at(`${agent}-wal`))
    const now = ask(s, `${folder}/${name}`, messages)
    expect(await recover(s.site, look)).toMatchObject({ is: 'repaired' })
    expect(ask(s, agent, messages)).toEqual(now)
  })

  test('are few, and none is taken of what did not change', async () => {
    const s = state('2026.9.6-sound')
    let later = Date.now() + 10_000
    const site = { ...s.site, now: () => later }
    await recover(site, look)
    const first = taken(s)
    await recover(site, look)
    expect(taken(s)).toEqual(first)
    for (let round = 0; round < 4; round++) {
      later += 60_000
      change(s, agent, `UPDATE memory_index_state SET revision = revision + 1`)
      utimesSync(s.at(agent), later / 1000 - 1, later / 1000 - 1)
      await recover(site, look)
    }
    expect(taken(s)).toHaveLength(3)
    expect(taken(s)).not.toContain(first[0])
  })

  /** Rounds of a life in which it changes, each confirmed. */
  async function live(s: State, rounds: number, each: string): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      const now = Date.now() + 60_000 * (taken(s).length + round + 1)
      change(s, agent, each)
      utimesSync(s.at(agent), now / 1000, now / 1000)
      const recovery = await recover({ ...s.site, now: () => now + 1 }, look)
      expect(recovery, JSON.stringify(recovery)).toMatchObject({ is: 'consistent' })
    }
  }
  const touch = 'UPDATE memory_index_state SET revision = revision + 1'
  const sessionsIn = (s: State): number[] => taken(s).map((name) => ask(s, `${folder}/${name}`, nodes).length)

  test('that have sessions are not pushed out by those that have none', async () => {
    const s = state('2026.9.6-sound')
    await recover(s.site, look)
    change(s, agent, 'PRAGMA foreign_keys=ON', 'DELETE FROM session_nodes')
    await live(s, 4, touch)
    expect(sessionsIn(s)).toEqual([2, 0, 0])
    const [told] = (await s.look()).findings
    expect(told).toMatchObject({ kind: 'db-without-sessions', severity: 'benign', path: agent })
    expect(told!.evidence).toMatch(/2 in the snapshot of .*: they were deleted from it/)
  })

  test('of a database that another took the place of are not pushed out', async () => {
    const s = state('2026.9.6-sound')
    await recover(s.site, look)
    change(s, agent, "UPDATE schema_meta SET created_at = created_at + 1 WHERE meta_key = 'primary'")
    await live(s, 4, touch)
    expect(taken(s)).toHaveLength(3)
    const born = 'SELECT created_at AS at FROM schema_meta'
    const lives = taken(s).map((name) => ask(s, `${folder}/${name}`, born)[0]!['at'])
    expect(new Set(lives).size).toBe(2)
  })

  test('bring back what was in a database that was begun anew and has no session yet', async () => {
    const s = state('2026.9.6-sound')
    await recover(s.site, look)
    const before = ask(s, agent, messages)
    const anew = [
      'PRAGMA foreign_keys=ON',
      'DELETE FROM session_nodes',
      "UPDATE schema_meta SET created_at = created_at + 1 WHERE meta_key = 'primary'",
    ]
    change(s, agent, ...anew)
    const damaged = s.bytes()
    expect(said(await s.look())).toEqual([`db-empty-or-missing loses ${agent}`])
    const recovery = await recover(s.site, look)
    expect(recovery).toMatchObject({ is: 'repaired' })
    expect(ask(s, agent, messages)).toEqual(before)
    expect(await undo(s.site, recovery.repairId!, 'test')).toMatchObject({ is: 'undone' })
    expect(s.bytes()).toEqual(damaged)

    change(s, agent, "UPDATE schema_meta SET created_at = 9e15 WHERE meta_key = 'primary'")
    expect((await s.look()).findings[0]!.evidence).toContain('whether they were deleted cannot be told')
    change(s, agent, "UPDATE schema_meta SET created_at = 1 WHERE meta_key = 'primary'")
    const later = Date.now() + 3_600_000
    change(s, control, `INSERT INTO agent_provenance VALUES ('main', 'operator', NULL, ${later})`)
    expect(said(await s.look())).toEqual([`db-without-sessions benign ${agent}`])
  })

  /** As a gateway leaves it that nobody held back from beginning anew: other sessions, the main one under its old key. */
  function beginAnew(s: State): void {
    change(
      s,
      agent,
      'PRAGMA foreign_keys=ON',
      "DELETE FROM session_nodes WHERE session_key <> 'agent:main:main'",
      "UPDATE schema_meta SET created_at = created_at + 3600000 WHERE meta_key = 'primary'",
      'PRAGMA foreign_keys=OFF',
      "UPDATE session_nodes SET current_session_id = 'a-new-one'",
      ...['session_windows', 'transcript_events', 'transcript_event_identities'].map(
        (table) => `UPDATE ${table} SET session_id = 'a-new-one'`,
      ),
      ...['trajectory_runtime_events', 'transcript_rewrite_watermarks'].map(
        (table) => `DELETE FROM ${table}`,
      ),
      ...['session_transcript_active_events', 'session_transcript_index_state'].map(
        (table) => `DELETE FROM ${table}`,
      ),
    )
  }

  test('of a database that another took the place of, with sessions by now, are told, and put beside it when asked', async () => {
    const s = state('2026.9.6-sound')
    await recover(s.site, look)
    const [name] = taken(s)
    const before = { nodes: ask(s, agent, nodes), messages: ask(s, agent, messages) }
    beginAnew(s)
    const anew = { nodes: ask(s, agent, nodes), messages: ask(s, agent, messages) }
    const damaged = s.bytes()
    const told = await recover(s.site, look)
    expect(told, JSON.stringify(told)).toMatchObject({
      is: 'consistent',
      found: [
        {
          kind: 'db-begun-anew',
          severity: 'benign',
          path: agent,
          evidence: expect.stringContaining('2 transcripts of that one are not in it'),
          repair: null,
          command: expect.stringMatching(/^supervise repair --state-dir .* --adopt$/),
        },
      ],
    })
    expect(told.found[0]!.evidence).toContain(`${folder}/${name}`)
    expect(s.bytes()).toEqual(damaged)
    // Told again, until it is asked for.
    expect(said(await s.look())).toEqual([`db-begun-anew benign ${agent}`])

    const adopting = { ...s.site, policy: { ...s.site.policy, adopt: true } }
    const recovery = await recover(adopting, look)
    expect(recovery, JSON.stringify(recovery)).toMatchObject({ is: 'repaired' })
    const main = before.nodes.find((node) => node['session_key'] === 'agent:main:main')!
    const recovered = `agent:main:recovered:${String(main['current_session_id'])}`
    expect(ask(s, agent, messages)).toEqual(
      [...before.messages, ...anew.messages].toSorted((a, b) =>
        a['session_id'] === b['session_id']
          ? Number(a['seq']) - Number(b['seq'])
          : String(a['session_id']) < String(b['session_id'])
            ? -1
            : 1,
      ),
    )
    const keys = ask(s, agent, nodes).map((node) => [node['session_key'], node['current_session_id']])
    expect(keys).toEqual([
      ['agent:main:main', 'a-new-one'],
      ...before.nodes
        .filter((node) => node !== main)
        .map((node) => [node['session_key'], node['current_session_id']]),
      [recovered, main['current_session_id']],
    ])
    expect(recovery.did).toEqual(
      expect.arrayContaining([expect.stringContaining(`agent:main:main of before is ${recovered} now`)]),
    )
    expect(recovery.did.filter((line) => line.includes('left out'))).toEqual([])
    expect(await s.look()).toMatchObject({ verdict: 'consistent', findings: [] })
    change(s, agent, 'PRAGMA foreign_keys=ON', `DELETE FROM session_nodes WHERE session_key = '${recovered}'`)
    // Deleted since: no reason to tell of it again.
    expect(await recover(adopting, look)).toMatchObject({ is: 'consistent', found: [], repairId: null })
    expect((await undo(s.site, recovery.repairId!, 'test')).is).toBe('refused')
  })

  test('of one that was begun anew are told again after what was put beside it is taken back', async () => {
    const s = state('2026.9.6-sound')
    await recover(s.site, look)
    beginAnew(s)
    const damaged = s.bytes()
    const recovery = await recover({ ...s.site, policy: { ...s.site.policy, adopt: true } }, look)
    expect(recovery).toMatchObject({ is: 'repaired' })
    expect(await undo(s.site, recovery.repairId!, 'test')).toMatchObject({ is: 'undone' })
    expect(s.bytes()).toEqual(damaged)
    expect(said(await s.look())).toEqual([`db-begun-anew benign ${agent}`])
  })

  test('of another schema are told with where they lie, and without a command that cannot work', async () => {
    const s = state('2026.9.6-sound')
    await recover(s.site, look)
    change(s, `${folder}/${taken(s)[0]}`, 'PRAGMA user_version=19')
    beginAnew(s)
    const [told] = (await inspect({ ...s.site, policy: { ...s.site.policy, adopt: true } }, { owed: 'no' }))
      .inspection.findings
    expect(told).toMatchObject({ kind: 'db-begun-anew', repair: null })
    expect(told!.evidence).toContain('has agent schema 19')
    expect(told).not.toHaveProperty('command')
  })

  const made = [
    "INSERT INTO device_pairing_paired (device_id, public_key, created_at_ms, approved_at_ms) VALUES ('a-phone', 'k', 1, 1)",
    "INSERT INTO channel_pairing_allow_entries VALUES ('telegram', 'default', '42', 1, 1)",
  ]
  const paired = 'SELECT device_id FROM device_pairing_paired ORDER BY 1'
  const bornAnew = "UPDATE schema_meta SET created_at = created_at + 1 WHERE meta_key = 'primary'"

  test('bring back what a control plane had that was begun anew, where it has nothing of it', async () => {
    const s = state('2026.9.6-sound')
    change(s, control, ...made)
    await recover(s.site, look)
    change(
      s,
      control,
      bornAnew,
      'DELETE FROM device_pairing_paired',
      'DELETE FROM channel_pairing_allow_entries',
    )
    const damaged = s.bytes()
    const recovery = await recover(s.site, look)
    expect(recovery, JSON.stringify(recovery)).toMatchObject({
      is: 'repaired',
      found: [
        {
          kind: 'db-empty-or-missing',
          severity: 'loses',
          path: control,
          evidence: expect.stringContaining('1 paired device, 1 sender let in in the snapshot'),
        },
      ],
    })
    expect(ask(s, control, paired)).toEqual([{ device_id: 'a-phone' }])
    expect(await undo(s.site, recovery.repairId!, 'test')).toMatchObject({ is: 'undone' })
    expect(s.bytes()).toEqual(damaged)
  })

  test('of a control plane that went on since are told, and what its users made is put beside it when asked', async () => {
    const s = state('2026.9.6-sound')
    change(s, control, ...made)
    await recover(s.site, look)
    const jobs = ask(s, control, 'SELECT * FROM cron_jobs ORDER BY job_id')
    change(
      s,
      control,
      bornAnew,
      "UPDATE device_pairing_paired SET device_id = 'a-laptop'",
      'DELETE FROM task_runs',
    )
    const told = await recover(s.site, look)
    expect(told).toMatchObject({ is: 'consistent', found: [{ kind: 'db-begun-anew', path: control }] })
    expect(told.found[0]!.evidence).toContain(': 1 paired device of that one are not in it')
    const recovery = await recover({ ...s.site, policy: { ...s.site.policy, adopt: true } }, look)
    expect(recovery, JSON.stringify(recovery)).toMatchObject({ is: 'repaired' })
    expect(ask(s, control, paired)).toEqual([{ device_id: 'a-laptop' }, { device_id: 'a-phone' }])
    expect(ask(s, control, 'SELECT * FROM cron_jobs ORDER BY job_id')).toEqual(jobs)
    expect(ask(s, control, 'SELECT count(*) AS n FROM task_runs')).toEqual([{ n: 0 }])
    expect(await s.look()).toMatchObject({ verdict: 'consistent', findings: [] })
  })

  test('that were damaged since are passed over for the one before', async () => {
    const s = state('2026.9.6-sound')
    await recover(s.site, look)
    await live(s, 1, touch)
    const [older, newest] = taken(s)
    scribble(s, `${folder}/${newest}`, (rootOf(s, 'transcript_events') - 1) * page, page)
    for (const end of ['', '-wal', '-shm']) rmSync(s.at(agent + end), { force: true })
    const recovery = await recover(s.site, look)
    expect(recovery).toMatchObject({ is: 'repaired' })
    const takenAt = new Date(Number(older!.split('.')[0])).toISOString()
    expect(recovery.found[0]!.repair).toContain(takenAt)

    for (const name of taken(s))
      scribble(s, `${folder}/${name}`, (rootOf(s, 'transcript_events') - 1) * page, page)
    rmSync(s.at(agent))
    expect(await recover(s.site, look)).toMatchObject({
      is: 'needs-operator',
      evidence: expect.stringContaining('There is no sound snapshot of it'),
    })
  })

  test('take no more than their room and their time, and say of which there is none', async () => {
    const s = state('2026.9.6-sound')
    const { databases } = await inspect(s.site, { owed: 'no' })
    const none = await snapshotAll(s.site, databases, 0, { ofAllBytes: 1_000_000, forMs: 0 })
    expect(none).toEqual([
      expect.stringMatching(
        /openclaw\.sqlite: \d+ bytes, and 0 are taken .* of the 1000000 that all may take$/,
      ),
      expect.stringMatching(/openclaw-agent\.sqlite: left for the next look: snapshots took \d+ ms already$/),
    ])
    expect(await snapshotAll(s.site, databases)).toEqual([])
  })

  test('that were cut off are passed over for an older one', async () => {
    const s = state('2026.9.6-sound')
    const before = { nodes: ask(s, agent, nodes), messages: ask(s, agent, messages) }
    withSnapshot(s, agent)
    const whole = readFileSync(s.at(agent))
    writeFileSync(s.at(`${folder}/1795358999999.sqlite`), whole.subarray(0, page * 3))
    rmSync(s.at(agent))
    expect(await recover(s.site, look)).toMatchObject({
      is: 'repaired',
      found: [{ kind: 'db-empty-or-missing', repair: expect.stringContaining(`(${whole.length} bytes)`) }],
    })
    same(s, before)
  })

  test('that cannot be taken hold nothing back, and are told', async () => {
    const s = state('2026.9.6-sound')
    mkdirSync(s.at('supervise/snapshots/databases'), { recursive: true })
    writeFileSync(s.at(folder), 'in the way')
    const recovery = await recover(s.site, look)
    expect(recovery).toMatchObject({ is: 'consistent', trouble: [expect.stringContaining(agent)] })
  })
})

test('what was confirmed and has not changed is not checked again', async () => {
  const s = state('2026.9.6-sound')
  const later = { ...s.site, now: () => Date.now() + 10_000 }
  const first = await recover(later, look)
  expect(first).toMatchObject({ is: 'consistent' })
  const again = (await inspect(later, { owed: 'no' })).inspection
  expect(again).toMatchObject({ verdict: 'consistent' })
  expect(again.counts.read).toBeLessThan(first.inspection.counts.read + (hasSqlite() ? 0 : 1))
})

test.runIf(hasSqlite())(
  'a database that an import had hardly begun is set aside, and made anew',
  async () => {
    const s = state('sound')
    mkdirSync(dirname(s.at(agent)), { recursive: true })
    change(s, agent, 'CREATE TABLE schema_meta (meta_key TEXT PRIMARY KEY)')
    const before = s.bytes()
    mkdirSync(s.at('session-sqlite-migration-runs'))
    expect(said(await s.look())).toEqual([`db-corrupt blocks ${agent}`])
    const recovery = await recover(s.site, look)
    expect(recovery).toMatchObject({ is: 'repaired', inspection: { store: 'migrating' } })
    expect(existsSync(s.at(agent))).toBe(false)
    expect(await undo(s.site, recovery.repairId!, 'test')).toMatchObject({ is: 'undone' })
    expect(s.bytes()).toEqual({ ...before, 'session-sqlite-migration-runs': 'directory' })
  },
)

test('one of no length, with the journal of its first write, too', async () => {
  const s = state('sound')
  mkdirSync(dirname(s.at(agent)), { recursive: true })
  mkdirSync(s.at('session-sqlite-migration-runs'))
  writeFileSync(s.at(agent), '')
  writeFileSync(s.at(`${agent}-journal`), Buffer.alloc(512))
  const before = s.bytes()
  const recovery = await recover(s.site, look)
  expect(recovery).toMatchObject({ is: 'repaired', found: [{ kind: 'db-corrupt', path: agent }] })
  expect(readdirSync(s.at(dirname(agent))).filter((name) => name.includes('sqlite'))).toEqual([])
  expect(await undo(s.site, recovery.repairId!, 'test')).toMatchObject({ is: 'undone' })
  expect(s.bytes()).toEqual(before)
})

test('a disk that is full is waited for, and nothing is begun on it', async () => {
  let free = 200 * 1024
  const s = state('2026.9.6-sound', { freeBytes: () => free })
  const before = s.bytes()
  expect(await recover(s.site, look)).toMatchObject({
    is: 'retry-later',
    found: expect.arrayContaining([
      expect.objectContaining({ kind: 'disk-full', evidence: expect.stringContaining('204800 bytes') }),
    ]),
  })
  expect(s.bytes()).toEqual(before)
  free = 1024 * 1024 * 1024
  expect(await recover(s.site, look)).toMatchObject({ is: 'consistent' })
})

test('no more than what was there lies there afterwards', async () => {
  const s = state('2026.9.6-killed-mid-run')
  // Others make copies in the system's own.
  const room = mkdtempSync(join(realpathSync(tmpdir()), 'supervise-temporary-'))
  const { TMPDIR } = process.env
  process.env['TMPDIR'] = room
  onTestFinished(() => {
    if (TMPDIR === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = TMPDIR
    rmSync(room, { recursive: true })
  })
  const ours = (): string[] => readdirSync(room).filter((name) => name.startsWith('supervise-sqlite-'))
  const before = ours()
  chmodSync(s.at(control), 0o600)
  await s.look()
  expect(ours().filter((name) => !before.includes(name))).toEqual([])
})

/** What a look sees beyond the rows of the damage table, and what it never does. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { DiskError, type Disk } from '../../src/host/disk.ts'
import { realDisk } from '../../src/host/real-disk.ts'
import { workshopIn } from '../../src/host/sqlite-workshop.ts'
import { surveyBy } from '../doubles/survey-by.ts'
import { keepCheckpoint } from '../../src/recovery/checkpoint.ts'
import { inspect } from '../../src/recovery/inspect.ts'
import { recover } from '../../src/recovery/recover.ts'
import type { Ask, Inspection } from '../../src/recovery/verdict.ts'
import { conversations, indexOf, store } from './gateway-reader.ts'
import { sessions, state, stateAt, type State } from './state.ts'

const main = '318a8613-fae2-4ed5-8528-0864a3ebe156'
const transcript = `${sessions}/${main}.jsonl`
const said = (seen: Inspection): string[] =>
  seen.findings.map((one) => `${one.kind} ${one.severity} ${one.path}`)

function emptyRoom(): string {
  const room = realpathSync(mkdtempSync(join(tmpdir(), 'supervise-state-')))
  onTestFinished(() => rmSync(room, { recursive: true, force: true }))
  return room
}

/** Every file read so far, by name. */
function watched(
  fail: (verb: 'stat' | 'list' | 'read', path: string) => string | undefined = () => undefined,
) {
  const read: string[] = []
  const real = realDisk()
  const check = (verb: 'stat' | 'list' | 'read', path: string): void => {
    const code = fail(verb, path)
    if (code !== undefined) throw new DiskError(verb, path, { code })
  }
  const disk: Disk = {
    ...real,
    stat: async (path) => (check('stat', path), await real.stat(path)),
    list: async (path) => (check('list', path), await real.list(path)),
    survey: async (dir) =>
      await surveyBy(
        dir,
        (await disk.list(dir)).map(({ name }) => name),
        async (path) => await disk.stat(path),
      ),
    read: async (path, from, to) => {
      check('read', path)
      read.push(path)
      return await real.read(path, from, to)
    },
  }
  return { disk, read }
}

describe('a real state', () => {
  test('that is sound has no findings, and nothing in it changes (recover.ts 1)', async () => {
    const s = state('sound', {}, {})
    const before = s.bytes()
    for (const owed of ['another-boot', 'this-boot', 'no'] as const)
      expect(await s.look(owed)).toMatchObject({
        store: 'file',
        verdict: 'consistent',
        findings: [],
        counts: { sessions: 4, transcripts: 4 },
      })
    expect(s.bytes()).toEqual(before)
  })

  test('that was killed mid-run has the evidence of it, and the words of a first turn to be written down', async () => {
    const seen = await state('killed-mid-run').look()
    expect(seen.verdict).toBe('repairable')
    expect(seen.findings.map(({ kind, severity, repair }) => [kind, severity, repair])).toEqual([
      ['first-turn-unwritten', 'loses', expect.stringContaining('.trajectory.jsonl')],
      ['lock-stale', 'benign', null],
      ['lock-stale', 'benign', null],
    ])
  })

  test('that was stopped mid-run has those words', async () =>
    expect(said(await state('sigterm-mid-run').look())).toEqual([
      expect.stringMatching(/^first-turn-unwritten loses /),
    ]))

  test('in which a session was just reset has nothing, before and during its first turn', async () => {
    const s = state('sound')
    const all = store(s.stateDir)
    const { sessionId, sessionFile } = all['agent:main:resetme']!
    all['agent:main:resetme'] = {
      sessionId,
      sessionFile,
      updatedAt: 1,
      systemSent: false,
      abortedLastRun: false,
      inputTokens: 0,
      outputTokens: 0,
      totalTokens: 0,
    }
    writeFileSync(indexOf(s.stateDir), JSON.stringify(all))
    const file = sessionFile as string
    const [header] = readFileSync(file, 'utf8').split('\n')
    writeFileSync(file, `${header}\n`)
    rmSync(file.replace('.jsonl', '.trajectory.jsonl'))
    rmSync(file.replace('.jsonl', '.trajectory-path.json'))
    expect((await s.look()).findings).toEqual([])
    // The gateway empties a transcript without an answer before its first run, and removes none.
    truncateSync(file, 0)
    expect((await s.look()).findings).toEqual([])
    rmSync(file)
    expect((await s.look()).findings).toEqual([])
    // What was there before the reset is the user's own intent.
    writeFileSync(
      `${file}.bak-1-2`,
      `${header!.replace(sessionId as string, main)}\n{"type":"message","id":"a","parentId":null,"message":{"role":"user"}}\n`,
    )
    expect((await s.look()).findings).toEqual([])
  })

  test('with unfamiliar names, fields and entries has nothing', async () => {
    const s = state('sound')
    const all = store(s.stateDir)
    all['agent:main:main']!['unheardOf'] = { deep: [1] }
    writeFileSync(
      indexOf(s.stateDir),
      JSON.stringify({ ...all, a: null, b: 'x', c: {}, d: { sessionId: '../x' } }),
    )
    mkdirSync(s.at('unheard-of/agents'), { recursive: true })
    writeFileSync(s.at(`${sessions}/notes.txt`), 'x')
    writeFileSync(s.at(`${sessions}/line\nbreak\u001b[31m.md`), 'x')
    appendFileSync(s.at(transcript), '{"type":"unheard-of","id":"ffffffff","parentId":"ccabe6fa","x":1}\n')
    expect((await s.look()).findings).toEqual([])
  })

  test('reached through a link, and named by it, is not outside', async () => {
    const s = state('sound')
    const alias = join(emptyRoom(), 'alias')
    symlinkSync(s.stateDir, alias)
    writeFileSync(
      indexOf(s.stateDir),
      readFileSync(indexOf(s.stateDir), 'utf8').replaceAll(s.stateDir, alias),
    )
    expect((await s.look()).findings).toEqual([])
  })
})

describe('a store', () => {
  const look = async (stateDir: string, policy = {}): Promise<Inspection> =>
    await stateAt(stateDir, policy).look()

  test('that is empty, or new, is consistent', async () => {
    const room = emptyRoom()
    expect(await look(room)).toMatchObject({ store: 'none', verdict: 'consistent', findings: [] })
    writeFileSync(join(room, 'openclaw.json'), '{}')
    mkdirSync(join(room, 'supervise'))
    expect(await look(room)).toMatchObject({ store: 'none', verdict: 'consistent', findings: [] })
    mkdirSync(join(room, 'agents'))
    expect(await look(room)).toMatchObject({ store: 'file', verdict: 'consistent', findings: [] })
  })

  test('that is not of OpenClaw is not touched', async () => {
    const room = emptyRoom()
    writeFileSync(join(room, 'thesis.tex'), 'x')
    const seen = await look(room)
    expect(seen).toMatchObject({ store: 'unknown', verdict: 'needs-operator' })
    expect(seen.findings).toMatchObject([
      { kind: 'unknown-store', severity: 'blocks', path: '.', repair: null, without: 'needs-operator' },
    ])
    expect(await look(room, { unknownStore: 'start' })).toMatchObject({ verdict: 'consistent' })
  })

  test.each([
    ['state/openclaw.sqlite', 'consistent'],
    ['agents/main/agent/openclaw-agent.sqlite', 'repairable'],
  ])(
    'of files with an empty %s was about to be imported when it was cut off: both are looked at',
    async (name, verdict) => {
      const s = state('sound')
      mkdirSync(join(s.at(name), '..'), { recursive: true })
      writeFileSync(s.at(name), '')
      expect(await s.look()).toMatchObject({ store: 'migrating', verdict })
      truncateSync(s.at(transcript), 0)
      expect(await s.look()).toMatchObject({
        store: 'migrating',
        verdict: 'repairable',
        findings: expect.arrayContaining([
          expect.objectContaining({ kind: 'transcript-bad-header', path: transcript }),
        ]),
      })
    },
  )

  test('tells the version that last wrote its configuration', async () => {
    const s = state('sound')
    writeFileSync(s.at('openclaw.json'), '{"meta":{"lastTouchedVersion":"2026.4.26"}}')
    expect((await s.look()).version).toBe('2026.4.26')
  })
})

describe('a configuration', () => {
  test('that does not parse is held, with the place', async () => {
    const s = state('sound')
    writeFileSync(s.at('openclaw.json'), '{\n  "gateway": {\n    "port" 1\n')
    expect(await s.look()).toMatchObject({
      verdict: 'needs-operator',
      findings: [
        {
          kind: 'config-unreadable',
          severity: 'blocks',
          evidence: expect.stringContaining('line 3, column 12'),
          without: 'needs-operator',
          command: 'supervise repair --config-rollback',
        },
      ],
    })
  })
  test('that is missing beside sessions is held, and rolled back when asked', async () => {
    const s = state('sound', { configRollback: true })
    rmSync(s.at('openclaw.json'))
    expect(await stateAt(s.stateDir).look()).toMatchObject({ verdict: 'needs-operator' })
    expect(await recover(s.site, { owed: 'no', trigger: 'test' })).toMatchObject({ is: 'repaired' })
    expect(readFileSync(s.at('openclaw.json'), 'utf8')).toBe(
      readFileSync(s.at('openclaw.json.last-good'), 'utf8'),
    )
  })
})

describe('a history that is lost', () => {
  test('holds when it was told to', async () => {
    const s = state('sound', { onLoss: 'hold' })
    for (const end of ['.jsonl', '.trajectory.jsonl', '.trajectory-path.json'])
      rmSync(s.at(`${sessions}/${main}${end}`))
    expect(await s.look()).toMatchObject({
      verdict: 'needs-operator',
      findings: [{ kind: 'transcript-missing', severity: 'loses', repair: null, without: 'needs-operator' }],
    })
  })
})

describe('two transcripts of one session key', () => {
  test('the newer keeps it, the other gets one of its own', async () => {
    const s = state('sound')
    const copy = '99999999-9999-4999-8999-999999999999'
    const text = readFileSync(s.at(transcript), 'utf8')
      .replaceAll(main, copy)
      .replaceAll('2026-11-22', '2026-11-21')
    writeFileSync(s.at(`${sessions}/${copy}.jsonl`), text)
    writeFileSync(
      s.at(`${sessions}/${copy}.trajectory.jsonl`),
      readFileSync(s.at(`${sessions}/${main}.trajectory.jsonl`)),
    )
    truncateSync(indexOf(s.stateDir), 0)
    const before = await recover(s.site, { owed: 'another-boot', trigger: 'test' })
    expect(before.is).toBe('repaired')
    expect(store(s.stateDir)['agent:main:main']).toMatchObject({ sessionId: main })
    expect(store(s.stateDir)[`agent:main:recovered:${copy}`]).toMatchObject({ sessionId: copy })
  })

  test('one without a trajectory gets a key of its own', async () => {
    const s = state('sound')
    rmSync(s.at(`${sessions}/${main}.trajectory.jsonl`))
    rmSync(s.at(`${sessions}/${main}.trajectory-path.json`))
    const before = conversations(s.stateDir)['agent:main:main']
    rmSync(indexOf(s.stateDir))
    await recover(s.site, { owed: 'another-boot', trigger: 'test' })
    expect(conversations(s.stateDir)[`agent:main:recovered:${main}`]).toEqual(before)
  })
})

describe('while a gateway runs', () => {
  const live = { liveGatewayPid: 10144, startTicksOf: (pid: number) => (pid === 10144 ? 593414 : undefined) }
  test('its locks are its own, and what it is writing is not torn', async () => {
    const s = state('killed-mid-run', {}, live)
    appendFileSync(s.at(transcript), '{"type":"mess')
    appendFileSync(s.at(`${sessions}/${main}.trajectory.jsonl`), '{"trace')
    writeFileSync(
      s.at(`${sessions}/sessions.json.lock`),
      JSON.stringify({ pid: 10144, createdAt: new Date().toISOString() }),
    )
    rmSync(s.at(`${sessions}/b86f20ad-60c2-49f2-b723-e1a64cbc17b5.trajectory.jsonl`))
    expect(await s.look()).toMatchObject({ verdict: 'consistent', findings: [] })
  })
})

describe('another program that lives', () => {
  const lives = { startTicksOf: (pid: number) => (pid === 7 ? 100 : undefined) }
  const lock = JSON.stringify({ pid: 7, createdAt: new Date().toISOString(), starttime: 100 })
  test('and holds a session is left to finish', async () => {
    const s = state('sound', {}, lives)
    writeFileSync(s.at(`${transcript}.lock`), lock)
    appendFileSync(s.at(transcript), '{"type":"mess')
    expect(await s.look()).toMatchObject({ verdict: 'consistent', findings: [] })
  })
  test('and holds the index is waited for', async () => {
    const s = state('sound', {}, lives)
    writeFileSync(s.at(`${sessions}/sessions.json.lock`), lock)
    expect(await s.look()).toMatchObject({
      verdict: 'retry-later',
      findings: [{ kind: 'index-lock', without: 'retry-later' }],
    })
  })
})

describe('what cannot be read', () => {
  const look = async (fail: Parameters<typeof watched>[0]): Promise<Inspection> =>
    await state('sound', {}, { disk: watched(fail).disk }).look()

  test('for lack of permission names the one command that mends it', async () => {
    const seen = await look((verb, path) =>
      verb === 'read' && path.endsWith(`${main}.jsonl`) ? 'EACCES' : undefined,
    )
    expect(seen).toMatchObject({
      verdict: 'needs-operator',
      findings: [
        {
          kind: 'unreadable',
          severity: 'blocks',
          path: transcript,
          command: expect.stringMatching(/^(chmod u\+rw|chown -R \d+:\d+) .*\.jsonl$/),
        },
      ],
    })
  })

  test('outside of the state, where a moved one still points, is no damage', async () => {
    const old = '/home/openclaw/.openclaw'
    const shut = watched((verb, path) =>
      verb === 'stat' && path.startsWith('/home/openclaw') ? 'EACCES' : undefined,
    )
    const s = state('sound', {}, { disk: shut.disk })
    const names = [`${sessions}/sessions.json`, `${sessions}/${main}.trajectory-path.json`]
    for (const name of names)
      writeFileSync(s.at(name), readFileSync(s.at(name), 'utf8').replaceAll(s.stateDir, old))
    const seen = await s.look()
    expect(seen.verdict).toBe('repairable')
    expect(new Set(seen.findings.map(({ kind }) => kind))).toEqual(new Set(['pointer-outside']))
  })

  test('because the disk fails is tried again later', async () => {
    const seen = await look((verb, path) =>
      verb === 'read' && path.endsWith(`${main}.jsonl`) ? 'EIO' : undefined,
    )
    expect(seen).toMatchObject({
      verdict: 'retry-later',
      findings: [{ kind: 'disk-failing', severity: 'blocks', path: transcript, without: 'retry-later' }],
    })
  })

  test.each(['stat', 'list', 'read'] as const)(
    'at any %s is a finding, and never passes for sound',
    async (verb) => {
      const calls: string[] = []
      await look((tried, path) => (tried === verb && calls.push(path) < 0 ? 'EIO' : undefined))
      expect(calls.length).toBeGreaterThan(3)
      for (let n = 0; n < calls.length; n++) {
        let count = 0
        const seen = await look((tried, path) =>
          tried === verb && !/\/supervise(\/|$)/.test(path) && count++ === n ? 'EIO' : undefined,
        )
        if (count > n) expect(seen.verdict, calls[n]).toBe('retry-later')
      }
    },
  )
})

describe('an attack', () => {
  test('by links is never followed', async () => {
    const s = state('sound')
    const secret = join(emptyRoom(), 'secret')
    writeFileSync(secret, '{"type":"session","id":"x"}\n{"torn')
    const others = watched()
    const site = { ...s.site, disk: others.disk }
    rmSync(s.at(transcript))
    symlinkSync(secret, s.at(transcript))
    symlinkSync(secret, s.at(`${sessions}/${main}.jsonl.lock`))
    const seen = await inspect(site, { owed: 'another-boot' })
    expect(said(seen.inspection)).toEqual([
      `unreadable blocks ${transcript}`,
      `lock-not-a-file blocks ${transcript}.lock`,
    ])
    expect(seen.inspection.verdict).toBe('needs-operator')
    expect(others.read.filter((path) => path.includes('secret') || path.endsWith(`${main}.jsonl`))).toEqual(
      [],
    )
  })

  test.each(['agents', 'agents/main', sessions])(
    'by a link in place of %s is never followed',
    async (name) => {
      const s = state('sound')
      const room = emptyRoom()
      renameSync(s.at(name), join(room, 'moved'))
      symlinkSync(join(room, 'moved'), s.at(name))
      const others = watched()
      const seen = await inspect({ ...s.site, disk: others.disk }, { owed: 'another-boot' })
      expect(seen.inspection).toMatchObject({
        verdict: 'needs-operator',
        findings: [{ kind: 'unreadable', path: name }],
      })
      expect(others.read.filter((path) => path.startsWith(room) || path.includes('.jsonl'))).toEqual([])
    },
  )

  test('by pipes and directories is never opened', async () => {
    const s = state('sound')
    for (const name of [indexOf(s.stateDir), s.at('openclaw.json'), s.at('gateway-restart-intent.json')]) {
      rmSync(name, { force: true })
      execFileSync('mkfifo', [name])
    }
    execFileSync('mkfifo', [s.at(`${sessions}/${main}.jsonl.lock`)])
    expect(said(await s.look())).toEqual([
      `lock-not-a-file blocks ${transcript}.lock`,
      `unreadable blocks ${sessions}/sessions.json`,
      'restart-intent-stale blocks gateway-restart-intent.json',
      'unreadable blocks openclaw.json',
    ])
  })

  test('by an index that names files elsewhere reads and writes none of them', async () => {
    const s = state('sound')
    const all = store(s.stateDir)
    all['agent:main:main']!['sessionFile'] = '/etc/agents/main/sessions/passwd'
    all['agent:main:other']!['sessionFile'] = '/etc/passwd'
    writeFileSync(indexOf(s.stateDir), JSON.stringify(all, null, 2))
    const others = watched()
    const recovery = await recover(
      { ...s.site, disk: others.disk },
      { owed: 'another-boot', trigger: 'test' },
    )
    expect(recovery.is).toBe('repaired')
    expect(others.read.filter((path) => !path.startsWith(s.stateDir))).toEqual([])
    expect(store(s.stateDir)['agent:main:main']!['sessionFile']).toBe(s.at(`${sessions}/passwd`))
  })

  test('by nesting, by __proto__ and by invalid UTF-8 ends nothing', async () => {
    const s = state('sound')
    const all = readFileSync(indexOf(s.stateDir), 'utf8')
    writeFileSync(
      indexOf(s.stateDir),
      all.replace(
        '{',
        `{"__proto__":{"sessionId":"x","status":"running"},"deep":${'['.repeat(100_000)}${']'.repeat(100_000)},`,
      ),
    )
    appendFileSync(
      s.at(transcript),
      Buffer.concat([
        Buffer.from('{"type":"custom","id":"ffffffff","parentId":"ccabe6fa","data":"'),
        Buffer.from([0xff, 0xfe]),
        Buffer.from('"}\n'),
      ]),
    )
    expect(['consistent', 'repairable']).toContain((await s.look()).verdict)
    appendFileSync(s.at(transcript), `{"x":${'['.repeat(100_000)}`)
    expect((await recover(s.site, { owed: 'another-boot', trigger: 'test' })).is).toBe('repaired')
    expect(readFileSync(indexOf(s.stateDir), 'utf8')).toContain('"__proto__":{"sessionId":"x"')
  })

  test('by a line of 40 MB is held in bounds, and is not damage', async () => {
    const s = state('sound')
    const line = `{"type":"message","id":"ffffffff","parentId":"ccabe6fa","timestamp":"t","message":{"role":"user","content":"${'x'.repeat(40_000_000)}"}}\n`
    appendFileSync(s.at(transcript), line)
    appendFileSync(
      s.at(transcript),
      '{"type":"message","id":"eeeeeeee","parentId":"ffffffff","timestamp":"t","message":{"role":"assistant","content":"y"}}\n',
    )
    expect((await s.look()).findings).toEqual([])
    appendFileSync(s.at(transcript), line.slice(0, 30_000_000))
    expect(said(await s.look())).toEqual([`transcript-torn-tail loses ${transcript}`])
  })
})

describe('a checkpoint (recover.ts 8)', () => {
  const old = new Date(Date.now() - 60_000)
  const aged = (s: State): State => {
    for (const name of Object.keys(s.bytes())) utimesSync(s.at(name), old, old)
    return s
  }
  /** ctime cannot be set: so the clock is. */
  const later = { now: () => Date.now() + 60_000 }
  const readBy = async (s: State, owed: Ask['owed']) => {
    const others = watched()
    const seen = await inspect({ ...s.site, disk: others.disk }, { owed })
    return {
      seen,
      read: others.read
        .filter((path) => path.startsWith(s.at('agents')))
        .map((path) => path.slice(s.stateDir.length + 1)),
    }
  }
  const confirmed = async (fixture: 'sound' | 'killed-mid-run' = 'sound'): Promise<State> => {
    const s = aged(state(fixture, {}, later))
    const seen = await inspect(s.site, { owed: 'another-boot' })
    await keepCheckpoint(s.site, seen.checkpoint)
    return s
  }

  test('spares what did not change, and keeps its counts', async () => {
    const s = await confirmed()
    const { seen, read } = await readBy(s, 'no')
    expect(read).toEqual([])
    expect(seen.inspection).toMatchObject({ verdict: 'consistent', counts: { sessions: 4, transcripts: 4 } })
    expect((await readBy(s, 'this-boot')).read).toEqual([])
    expect((await readBy(s, 'another-boot')).read.length).toBeGreaterThan(10)
  })

  test('does not spare one that changed, whatever its size and time say', async () => {
    const s = await confirmed()
    const bytes = readFileSync(s.at(transcript))
    bytes.write('x', bytes.length - 4)
    writeFileSync(s.at(transcript), bytes)
    utimesSync(s.at(transcript), old, old)
    const { seen, read } = await readBy(s, 'no')
    expect([...new Set(read)]).toEqual([`${sessions}/sessions.json`, transcript])
    expect(said(seen.inspection)).toEqual([`transcript-torn-tail loses ${transcript}`])
  })

  test('with marks that are not those that were sealed vouches for nothing in that directory', async () => {
    const s = await confirmed()
    const before = statSync(s.at(transcript)).ctimeMs
    writeFileSync(s.at(transcript), readFileSync(s.at(transcript), 'utf8').slice(0, -4))
    writeFileSync(s.at(transcript), `${readFileSync(s.at(transcript), 'utf8')}xxxx`)
    utimesSync(s.at(transcript), old, old)
    const path = s.at('supervise/checkpoint.json')
    const [body = '', , ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n')
    const now = lines.map((line) => {
      const { names, numbers } = JSON.parse(line)
      const bytes = Buffer.from(numbers, 'base64')
      const at = (names.indexOf(transcript.slice(sessions.length + 1)) * 4 + 3) * 8
      if (at >= 0) {
        expect(bytes.readDoubleLE(at)).toBe(before)
        bytes.writeDoubleLE(statSync(s.at(transcript)).ctimeMs, at)
      }
      return JSON.stringify({ names, numbers: bytes.toString('base64') })
    })
    expect(now).not.toEqual(lines)
    const stored = JSON.parse(body)
    for (const [n, [, directory]] of stored.directories.entries()) directory.bytes = now[n]!.length + 1
    const head = JSON.stringify(stored)
    const hash = createHash('sha256').update(head).digest('hex')
    writeFileSync(path, `${[head, hash, ...now].join('\n')}\n`)
    const { seen } = await readBy(s, 'no')
    expect(said(seen.inspection)).toEqual([`transcript-torn-tail loses ${transcript}`])
  })

  test('does not hide what is gone', async () => {
    const s = await confirmed()
    rmSync(s.at(transcript))
    expect(said((await readBy(s, 'no')).seen.inspection)).toEqual([`transcript-missing loses ${transcript}`])
    rmSync(s.at(`${sessions}/${main}.trajectory.jsonl`))
    expect(said((await readBy(s, 'no')).seen.inspection)).toContain(
      `trajectory-missing benign ${sessions}/${main}.trajectory-path.json`,
    )
  })

  test('keeps telling what was left alone', async () => {
    const s = aged(state('sound', {}, later))
    writeFileSync(s.at(`${sessions}/sessions.json.1.tmp`), '{')
    await keepCheckpoint(s.site, (await inspect(s.site, { owed: 'no' })).checkpoint)
    const { seen, read } = await readBy(s, 'no')
    expect(read).toEqual([])
    expect(said(seen.inspection)).toEqual([`leftover-tmp benign ${sessions}`])
    expect(said(await stateAt(s.stateDir, { tidy: true }, later).look('no'))).toEqual([
      `leftover-tmp benign ${sessions}`,
    ])
  })

  test('never spares a lock: its writer may have died since', async () => {
    const s = await confirmed('killed-mid-run')
    expect((await readBy(s, 'no')).read.filter((path) => path.endsWith('.lock'))).toHaveLength(2)
  })

  test('leaves out what could have changed unnoticed', async () => {
    const s = state('sound')
    await keepCheckpoint(s.site, (await inspect(s.site, { owed: 'no' })).checkpoint)
    expect((await readBy(s, 'no')).read.length).toBeGreaterThan(10)
  })

  test.each(['torn', 'another version', 'of another boot, with recovery owed', 'gone'])(
    'that is %s is none',
    async (what) => {
      const s = await confirmed()
      const path = s.at('supervise/checkpoint.json')
      const text = readFileSync(path, 'utf8')
      if (what === 'torn') writeFileSync(path, text.slice(0, -10))
      if (what === 'another version') writeFileSync(path, text.replace('"version":2', '"version":3'))
      if (what === 'gone') rmSync(path)
      const site = what.startsWith('of') ? { ...s.site, bootId: 'another' } : s.site
      expect((await readBy({ ...s, site }, 'this-boot')).read.length).toBeGreaterThan(10)
    },
  )
})

describe('the task databases', () => {
  test('of garbage are set aside as a set, and come back', async () => {
    const s = state('sound')
    writeFileSync(s.at('tasks/runs.sqlite'), 'not a database at all')
    // Of a write that was cut off: it would be played back into the new one.
    writeFileSync(s.at('tasks/runs.sqlite-journal'), Buffer.alloc(512))
    expect(said(await s.look())).toEqual(['tasks-unreadable loses tasks/runs.sqlite'])
    const recovery = await recover(s.site, { owed: 'another-boot', trigger: 'test' })
    expect(recovery.kept.map(({ path }) => path).sort()).toEqual([
      'tasks/runs.sqlite',
      'tasks/runs.sqlite-journal',
      'tasks/runs.sqlite-shm',
      'tasks/runs.sqlite-wal',
    ])
    expect(await s.look()).toMatchObject({ verdict: 'consistent', findings: [] })
  })

  test('are asked of a copy, which changes nothing', async () => {
    const s = state('sigterm-mid-run')
    const before = s.bytes()
    const databases = workshopIn(s.at('supervise/workshop'))
    const look = { depth: 'quick', json: [], ask: {} } as const
    expect(await databases?.look(s.at('tasks/runs.sqlite'), look)).toEqual(
      databases && {
        is: 'read',
        userVersion: 0,
        damage: [],
        orphans: [],
        badJson: [],
        unchecked: null,
        answers: {},
      },
    )
    const bytes = readFileSync(s.at('tasks/runs.sqlite'))
    writeFileSync(s.at('tasks/runs.sqlite'), bytes.fill(0xff, 4096, 40_000))
    rmSync(s.at('tasks/runs.sqlite-wal'))
    const after = { ...s.bytes() }
    const site = { ...s.site, ...(databases && { databases }) }
    const seen = (await inspect(site, { owed: 'another-boot' })).inspection
    expect(s.bytes()).toEqual(after)
    expect(Object.keys(before)).toContain('tasks/runs.sqlite-wal')
    const ofDatabases = said(seen).filter((one) => !one.startsWith('first-turn-unwritten'))
    expect(ofDatabases).toEqual(databases ? ['tasks-unreadable loses tasks/runs.sqlite'] : [])
  })
})

test('a file with a second name is looked at like any other', async () => {
  const s = state('sound')
  linkSync(s.at(transcript), join(s.stateDir, 'second-name'))
  chmodSync(s.at(transcript), 0o600)
  expect((await s.look()).findings).toEqual([])
})

test('a circle of parents that cannot be opened is held, and nothing is changed', async () => {
  const s = state('sound')
  const [header] = readFileSync(s.at(transcript), 'utf8').split('\n')
  const line = '{"message":{"role":"assistant"},"type":"message","id":"a","parentId":"a","timestamp":"t"}'
  writeFileSync(s.at(transcript), `${header}\n${line}\n`)
  const before = s.bytes()
  expect(await recover(s.site, { owed: 'another-boot', trigger: 'test' })).toMatchObject({
    is: 'needs-operator',
    evidence: expect.stringContaining('go round in a circle'),
    command: expect.stringContaining('tail '),
  })
  expect(s.bytes()).toEqual(before)
})

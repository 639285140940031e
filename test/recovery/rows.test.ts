/** Every row of DAMAGE.md, made on a real state: found as exactly that, repaired, nothing left, and taken back. */
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { inspect } from '../../src/recovery/inspect.ts'
import { recover } from '../../src/recovery/recover.ts'
import type { Policy, Site } from '../../src/recovery/site.ts'
import { undo } from '../../src/recovery/undo.ts'
import type { Fixture } from '../fixtures/unpack.ts'
import { context, conversations, fileOf, indexOf, store } from './gateway-reader.ts'
import { sessions, state, type State } from './state.ts'

const main = '318a8613-fae2-4ed5-8528-0864a3ebe156'
const other = '43843767-7668-4853-9dc5-7716f82346c0'
const telegram = '1deae697-43a1-471a-be89-56a42326ee75'
const reset = '85e99ff6-96f9-4a9e-be24-78f01becf8e9'
const first = 'b86f20ad-60c2-49f2-b723-e1a64cbc17b5'
const transcript = (id: string): string => `${sessions}/${id}.jsonl`
const deletedAt = '2026-11-23T00-00-00.000Z'

type Before = ReturnType<typeof conversations>

interface Row {
  readonly name: string
  readonly fixture?: Fixture
  readonly policy?: Partial<Policy>
  readonly machine?: (s: {
    stateDir: string
  }) => Partial<Pick<Site, 'startTicksOf' | 'gatewayLockDir' | 'now'>>
  readonly damage: (s: State) => void
  /** `kind severity path`, sorted as reported. */
  readonly finds: readonly string[]
  /** What is still reported after the repair. */
  readonly leaves?: readonly string[]
  readonly leads: (s: State, before: Before) => void
}

/** Of the fixtures: what was silent for a month is another story. */
const thatWeek = (): number => Date.parse('2026-11-26T12:00:00.000Z')

const sameConversations = (s: State, before: Before): void =>
  expect(conversations(s.stateDir)).toEqual(before)

/** The session whose first turn was cut off: what its user said comes back. */
const withFirstWords = (s: State, before: Before): void => {
  expect(before['agent:main:firstturn']).toBeNull()
  expect(conversations(s.stateDir)).toEqual({
    ...before,
    'agent:main:firstturn': [expect.stringMatching(/^user: "./)],
  })
}

const lines = (s: State, id: string): string[] => readFileSync(s.at(transcript(id)), 'utf8').split('\n')
const write = (s: State, id: string, text: string): void => writeFileSync(s.at(transcript(id)), text)
const edit = (s: State, change: (index: ReturnType<typeof store>) => void): void => {
  const index = store(s.stateDir)
  change(index)
  writeFileSync(indexOf(s.stateDir), JSON.stringify(index, null, 2))
}
const index = `${sessions}/sessions.json`
const stale = [main, first].map((id) => `lock-stale benign ${transcript(id)}.lock`)

const unwritten = `first-turn-unwritten loses ${transcript(first)}`

const rows: readonly Row[] = [
  ...(
    [
      ['empty', () => ''],
      ['truncated', (text) => text.slice(0, text.length / 2)],
      ['NUL bytes', (text) => '\0'.repeat(text.length)],
      ['garbage', () => '\u0001\u0002 no json {{{'],
      ['an array', () => '[]'],
    ] as const satisfies readonly (readonly [string, (text: string) => string])[]
  ).map(([what, make]): Row => ({
    name: `index-unreadable: ${what}, no generation left`,
    damage: (s) => writeFileSync(indexOf(s.stateDir), make(readFileSync(indexOf(s.stateDir), 'utf8'))),
    finds: [`index-unreadable loses ${index}`],
    leads: (s, before) => {
      sameConversations(s, before)
      for (const entry of Object.values(store(s.stateDir))) {
        expect(entry['sessionId']).toMatch(/^[0-9a-f-]{36}$/)
        expect(entry['updatedAt']).toBeGreaterThan(1.7e12)
      }
    },
  })),
  {
    name: 'index-unreadable: byte order mark',
    damage: (s) => writeFileSync(indexOf(s.stateDir), `\ufeff${readFileSync(indexOf(s.stateDir), 'utf8')}`),
    finds: [`index-unreadable loses ${index}`],
    leads: sameConversations,
  },
  {
    name: 'index-unreadable: a complete temporary of the gateway is newer',
    damage: (s) => {
      const all = store(s.stateDir)
      copyFileSync(indexOf(s.stateDir), `${indexOf(s.stateDir)}.11111111-2222-4333-8444-555555555555.tmp`)
      writeFileSync(
        `${indexOf(s.stateDir)}.bak.1795339000000`,
        JSON.stringify({ 'agent:main:main': all['agent:main:main'] }),
      )
      utimesSync(`${indexOf(s.stateDir)}.bak.1795339000000`, 1795339000, 1795339000)
      truncateSync(indexOf(s.stateDir), 100)
    },
    finds: [`index-unreadable loses ${index}`, `leftover-tmp benign ${sessions}`],
    leaves: [`leftover-tmp benign ${sessions}`],
    leads: (s, before) => {
      sameConversations(s, before)
      expect(store(s.stateDir)['agent:main:main']).toHaveProperty('skillsSnapshot')
    },
  },
  {
    name: 'index-unreadable: an old backup, and sessions newer than it',
    damage: (s) => {
      const all = store(s.stateDir)
      writeFileSync(
        `${indexOf(s.stateDir)}.bak.1795339000000`,
        JSON.stringify({ 'agent:main:main': all['agent:main:main'], unfamiliar: 7 }, null, 2),
      )
      truncateSync(indexOf(s.stateDir), 0)
    },
    finds: [`index-unreadable loses ${index}`],
    leads: (s, before) => {
      expect(conversations(s.stateDir)).toMatchObject(before)
      expect(store(s.stateDir)).toHaveProperty('unfamiliar', 7)
      expect(store(s.stateDir)['agent:main:main']).toHaveProperty('skillsSnapshot')
    },
  },
  {
    name: 'index-unreadable after a kill mid-run: the turn that was cut off is resumed all the same',
    fixture: 'killed-mid-run',
    damage: (s) => truncateSync(indexOf(s.stateDir), 0),
    finds: [unwritten, `index-unreadable loses ${index}`, ...stale],
    leaves: stale,
    leads: (s, before) => {
      withFirstWords(s, before)
      expect(store(s.stateDir)['agent:main:firstturn']).toMatchObject({ status: 'running' })
      expect(store(s.stateDir)['agent:main:main']).toMatchObject({ status: 'running', sessionId: main })
      expect(store(s.stateDir)['agent:main:other']).not.toHaveProperty('status')
    },
  },
  {
    name: 'index-unreadable, and a doctor run took every transcript for an orphan',
    damage: (s) => {
      truncateSync(indexOf(s.stateDir), 5000)
      for (const id of [main, other, telegram, reset])
        for (const end of ['.jsonl', '.trajectory.jsonl']) {
          const name = `${sessions}/${id}${end}`
          renameSync(s.at(name), s.at(`${name}.deleted.${deletedAt}`))
        }
    },
    finds: [
      ...[telegram, main, other, reset].map(
        (id) => `wrongly-archived loses ${transcript(id)}.deleted.${deletedAt}`,
      ),
      `index-unreadable loses ${index}`,
      ...[telegram, main, other, reset].map(
        (id) => `trajectory-missing benign ${sessions}/${id}.trajectory.jsonl`,
      ),
    ],
    leads: sameConversations,
  },
  {
    name: 'index-missing with transcripts present',
    damage: (s) => rmSync(indexOf(s.stateDir)),
    finds: [`index-missing loses ${index}`],
    leads: sameConversations,
  },
  {
    name: 'index-missing, and of one session only its trajectory is left',
    damage: (s) => {
      rmSync(indexOf(s.stateDir))
      rmSync(s.at(transcript(telegram)))
    },
    finds: [`transcript-missing loses ${transcript(telegram)}`, `index-missing loses ${index}`],
    leads: (s, before) => {
      sameConversations(s, before)
      expect(readFileSync(s.at(transcript(telegram)), 'utf8')).toContain('"customType":"supervise:rebuilt"')
    },
  },
  {
    name: 'index-missing, and nothing but trajectories is left',
    damage: (s) => {
      rmSync(indexOf(s.stateDir))
      for (const id of [main, other, telegram, reset]) rmSync(s.at(transcript(id)))
    },
    finds: [
      ...[telegram, main, other, reset].map((id) => `transcript-missing loses ${transcript(id)}`),
      `index-missing loses ${index}`,
    ],
    leads: (s, before) =>
      expect(Object.keys(conversations(s.stateDir)).sort()).toEqual(Object.keys(before).sort()),
  },
  {
    name: 'transcript-no-final-newline',
    damage: (s) => write(s, main, lines(s, main).join('\n').trimEnd()),
    finds: [`transcript-no-final-newline loses ${transcript(main)}`],
    leads: (s, before) => {
      sameConversations(s, before)
      expect(readFileSync(s.at(transcript(main)), 'utf8').at(-1)).toBe('\n')
    },
  },
  {
    name: 'transcript-torn-tail',
    damage: (s) =>
      appendFileSync(s.at(transcript(main)), '{"type":"message","id":"0f9daa7b","parentId":"ccab'),
    finds: [`transcript-torn-tail loses ${transcript(main)}`],
    leads: sameConversations,
  },
  {
    name: 'transcript-torn-tail: NUL bytes, as a power cut leaves them',
    damage: (s) => appendFileSync(s.at(transcript(main)), '\0'.repeat(5000)),
    finds: [`transcript-torn-tail loses ${transcript(main)}`],
    leads: sameConversations,
  },
  {
    name: 'transcript-bad-header: torn',
    damage: (s) =>
      write(
        s,
        main,
        lines(s, main)
          .map((line, n) => (n === 0 ? line.slice(0, 60) : line))
          .join('\n'),
      ),
    finds: [`transcript-bad-header loses ${transcript(main)}`],
    leads: (s, before) => {
      sameConversations(s, before)
      expect(JSON.parse(lines(s, main)[0]!)).toMatchObject({ type: 'session', version: 3, id: main })
    },
  },
  {
    name: 'transcript-bad-header: not there, in a session that was reset',
    damage: (s) => write(s, reset, lines(s, reset).slice(1).join('\n')),
    finds: [`transcript-bad-header loses ${transcript(reset)}`],
    leads: (s, before) => {
      sameConversations(s, before)
      expect(JSON.parse(lines(s, reset)[0]!)).toMatchObject({ id: 'c404596a-d99e-4c9a-9f37-e01033c77cb5' })
    },
  },
  {
    name: 'transcript-torn-middle: the link across it is restored',
    damage: (s) =>
      write(
        s,
        main,
        lines(s, main)
          .map((line, n) => (n === 6 ? line.slice(0, 40) : line))
          .join('\n'),
      ),
    finds: [`transcript-torn-middle loses ${transcript(main)}`],
    leads: (s, before) => {
      const was = before['agent:main:main']!
      expect(context(s.at(transcript(main)))).toEqual([...was.slice(0, 2), ...was.slice(3)])
    },
  },
  {
    name: 'transcript-torn-middle: two lines glued together come apart',
    damage: (s) => {
      const all = lines(s, main)
      write(s, main, [...all.slice(0, 5), all[5]! + all[6]!, ...all.slice(7)].join('\n'))
    },
    finds: [`transcript-torn-middle loses ${transcript(main)}`],
    leads: sameConversations,
  },
  {
    name: 'several defects of one transcript are one change',
    damage: (s) => {
      const all = lines(s, main)
      write(
        s,
        main,
        [all[0]!.slice(1), ...all.slice(1, 6), all[6]!.slice(0, 30), ...all.slice(7, -1)].join('\n') +
          '\n{"type":"mess',
      )
    },
    finds: [
      `transcript-bad-header loses ${transcript(main)}`,
      `transcript-torn-middle loses ${transcript(main)}`,
      `transcript-torn-tail loses ${transcript(main)}`,
    ],
    leads: (s, before) => {
      const was = before['agent:main:main']!
      expect(context(s.at(transcript(main)))).toEqual([...was.slice(0, 2), ...was.slice(3)])
    },
  },
  {
    name: 'transcript-missing: archived by a doctor run, and so is its trajectory',
    damage: (s) => {
      for (const name of [transcript(main), `${sessions}/${main}.trajectory.jsonl`])
        renameSync(s.at(name), s.at(`${name}.deleted.${deletedAt}`))
    },
    finds: [
      `transcript-missing loses ${transcript(main)}`,
      `trajectory-missing benign ${sessions}/${main}.trajectory.jsonl`,
    ],
    leads: sameConversations,
  },
  {
    name: 'transcript-missing: the archive itself is torn',
    damage: (s) => {
      renameSync(s.at(transcript(telegram)), s.at(`${transcript(telegram)}.deleted.${deletedAt}`))
      appendFileSync(s.at(`${transcript(telegram)}.deleted.${deletedAt}`), '{"type":')
    },
    finds: [`transcript-missing loses ${transcript(telegram)}`],
    leads: sameConversations,
  },
  {
    name: 'transcript-missing: rebuilt from its trajectory',
    damage: (s) => rmSync(s.at(transcript(main))),
    finds: [`transcript-missing loses ${transcript(main)}`],
    leads: (s, before) => {
      sameConversations(s, before)
      expect(readFileSync(s.at(transcript(main)), 'utf8')).toContain('"customType":"supervise:rebuilt"')
    },
  },
  {
    name: 'transcript-missing mid-run: rebuilt with the prompt that was cut off',
    fixture: 'killed-mid-run',
    damage: (s) => rmSync(s.at(transcript(main))),
    finds: [`transcript-missing loses ${transcript(main)}`, unwritten, ...stale],
    leaves: stale,
    leads: withFirstWords,
  },
  {
    name: 'a transcript of NUL bytes is rebuilt from its trajectory',
    damage: (s) => write(s, main, '\0'.repeat(4096)),
    finds: [`transcript-bad-header loses ${transcript(main)}`],
    leads: sameConversations,
  },
  {
    name: 'an empty transcript after a completed turn is rebuilt from its trajectory',
    damage: (s) => truncateSync(s.at(transcript(reset)), 0),
    finds: [`transcript-bad-header loses ${transcript(reset)}`],
    leads: sameConversations,
  },
  {
    name: 'words-unwritten: killed between the line of the trajectory and that of the transcript',
    fixture: 'killed-mid-run',
    damage: (s) => write(s, main, `${lines(s, main).slice(0, -2).join('\n')}\n`),
    finds: [`words-unwritten loses ${transcript(main)}`, unwritten, ...stale],
    leaves: stale,
    leads: withFirstWords,
  },
  {
    name: 'words-unwritten: their line is torn',
    fixture: 'killed-mid-run',
    damage: (s) => write(s, main, lines(s, main).join('\n').slice(0, -40)),
    finds: [`transcript-torn-tail loses ${transcript(main)}`, unwritten, ...stale],
    leaves: stale,
    leads: withFirstWords,
  },
  {
    name: 'transcript-missing: only what a compaction kept is left',
    damage: (s) => {
      for (const end of ['.jsonl', '.trajectory.jsonl', '.trajectory-path.json'])
        rmSync(s.at(`${sessions}/${other}${end}`))
    },
    finds: [`transcript-missing loses ${transcript(other)}`],
    leads: (s) => {
      expect(context(s.at(transcript(other)))).toEqual([
        'user: "[Sun 2026-11-22 09:22 UTC] Second session hello"',
        'assistant: "ECHO: Second session hello "',
      ])
    },
  },
  {
    name: 'transcript-missing: nothing holds it any more',
    damage: (s) => {
      for (const end of ['.jsonl', '.trajectory.jsonl', '.trajectory-path.json'])
        rmSync(s.at(`${sessions}/${telegram}${end}`))
    },
    finds: [`transcript-missing loses ${transcript(telegram)}`],
    leads: (s) => expect(context(s.at(transcript(telegram)))).toEqual([]),
  },
  {
    name: 'trajectory-missing: the dangling pointer is set aside',
    damage: (s) => rmSync(s.at(`${sessions}/${main}.trajectory.jsonl`)),
    finds: [`trajectory-missing benign ${sessions}/${main}.trajectory-path.json`],
    leads: sameConversations,
  },
  {
    name: 'trajectory-missing: killed between the pointer and the first line of the trajectory',
    fixture: 'killed-mid-run',
    damage: (s) => rmSync(s.at(`${sessions}/${first}.trajectory.jsonl`)),
    finds: [...stale, `trajectory-missing benign ${sessions}/${first}.trajectory-path.json`],
    leaves: stale,
    leads: sameConversations,
  },
  {
    name: 'trajectory-missing: archived while its session lives',
    damage: (s) =>
      renameSync(
        s.at(`${sessions}/${main}.trajectory.jsonl`),
        s.at(`${sessions}/${main}.trajectory.jsonl.deleted.${deletedAt}`),
      ),
    finds: [`trajectory-missing benign ${sessions}/${main}.trajectory.jsonl`],
    leads: (s) =>
      expect(readFileSync(s.at(`${sessions}/${main}.trajectory.jsonl`), 'utf8')).toContain('session.started'),
  },
  {
    name: 'trajectory-torn',
    damage: (s) =>
      appendFileSync(s.at(`${sessions}/${main}.trajectory.jsonl`), '{"traceSchema":"openclaw-tra'),
    finds: [`trajectory-torn benign ${sessions}/${main}.trajectory.jsonl`],
    leads: sameConversations,
  },
  {
    name: 'pointer-outside: a copied state that still names its old place',
    damage: (s) => {
      const old = '/home/openclaw/.openclaw'
      for (const name of [index, ...[main, other].map((id) => `${sessions}/${id}.trajectory-path.json`)])
        writeFileSync(s.at(name), readFileSync(s.at(name), 'utf8').replaceAll(s.stateDir, old))
    },
    finds: [
      ...Array.from({ length: 4 }, () => `pointer-outside loses ${index}`),
      ...[main, other].map((id) => `pointer-outside benign ${sessions}/${id}.trajectory-path.json`),
    ],
    leads: (s, before) => {
      sameConversations(s, before)
      for (const entry of Object.values(store(s.stateDir)))
        expect(dirname(fileOf(s.stateDir, entry))).toBe(s.at(sessions))
    },
  },
  {
    name: 'lock-stale is left alone',
    fixture: 'killed-mid-run',
    damage: () => undefined,
    finds: [unwritten, ...stale],
    leaves: stale,
    leads: withFirstWords,
  },
  {
    name: 'lock-misread: its pid lives again, and no start time tells',
    fixture: 'killed-mid-run',
    machine: () => ({ startTicksOf: (pid) => (pid === 10144 ? 99 : undefined) }),
    damage: (s) =>
      writeFileSync(
        s.at(`${transcript(main)}.lock`),
        JSON.stringify({ pid: 10144, createdAt: new Date().toISOString() }),
      ),
    finds: [
      unwritten,
      `lock-misread blocks ${transcript(main)}.lock`,
      `lock-stale benign ${transcript(first)}.lock`,
    ],
    leaves: [`lock-stale benign ${transcript(first)}.lock`],
    leads: (s, before) => {
      withFirstWords(s, before)
      expect(store(s.stateDir)['agent:main:main']).toMatchObject({ status: 'running', abortedLastRun: true })
    },
  },
  {
    name: 'lock-name-mismatch: the session was reset, so its lock bears another id',
    damage: (s) => {
      edit(s, (all) => {
        const { endedAt: _ended, ...entry } = all['agent:main:resetme']!
        all['agent:main:resetme'] = { ...entry, status: 'running' }
      })
      writeFileSync(
        s.at(`${transcript(reset)}.lock`),
        JSON.stringify({ pid: 10144, createdAt: '2026-11-22T09:27:18.232Z', starttime: 5 }),
      )
    },
    finds: [`lock-name-mismatch loses ${transcript(reset)}.lock`],
    leaves: [`lock-stale benign ${transcript(reset)}.lock`],
    leads: (s) => expect(store(s.stateDir)['agent:main:resetme']).toMatchObject({ abortedLastRun: true }),
  },
  {
    name: 'lock-not-a-file',
    damage: (s) => {
      mkdirSync(s.at(`${transcript(main)}.lock/deep`), { recursive: true })
      writeFileSync(s.at(`${transcript(main)}.lock/deep/file`), 'kept')
    },
    finds: [`lock-not-a-file blocks ${transcript(main)}.lock`],
    leads: sameConversations,
  },
  {
    name: 'index-lock',
    damage: (s) =>
      writeFileSync(`${indexOf(s.stateDir)}.lock`, '{"pid":10144,"createdAt":"2026-11-22T09:27:18.232Z"}'),
    finds: [`index-lock blocks ${index}.lock`],
    leads: sameConversations,
  },
  {
    name: 'devices-unreadable',
    damage: (s) => {
      mkdirSync(s.at('devices'))
      writeFileSync(s.at('devices/paired.json'), '{"device": {"id"')
    },
    finds: ['devices-unreadable blocks devices/paired.json'],
    leads: sameConversations,
  },
  {
    name: 'config-unreadable: rolled back because the operator said so',
    policy: { configRollback: true },
    damage: (s) => truncateSync(s.at('openclaw.json'), 300),
    finds: ['config-unreadable blocks openclaw.json'],
    leads: (s) =>
      expect(readFileSync(s.at('openclaw.json'), 'utf8')).toBe(
        readFileSync(s.at('openclaw.json.last-good'), 'utf8'),
      ),
  },
  {
    name: 'gateway-lock-stale',
    machine: ({ stateDir }) => ({ gatewayLockDir: `${stateDir}/tmp` }),
    damage: (s) => {
      mkdirSync(s.at('tmp'))
      const hash = createHash('sha256').update(s.site.configPath).digest('hex').slice(0, 8)
      writeFileSync(s.at(`tmp/gateway.${hash}.lock`), '')
    },
    finds: [`gateway-lock-stale blocks tmp/gateway.HASH.lock`],
    leads: sameConversations,
  },
  {
    name: 'restart-intent-stale',
    damage: (s) =>
      writeFileSync(s.at('gateway-restart-intent.json'), '{"kind":"gateway-restart","pid":7,"createdAt":1}'),
    finds: ['restart-intent-stale blocks gateway-restart-intent.json'],
    leads: sameConversations,
  },
  {
    name: 'wrongly-archived: the older history is put before the newer when asked',
    policy: { unarchive: true },
    damage: (s) => {
      const all = lines(s, main)
      for (const end of ['.jsonl', '.trajectory.jsonl']) {
        const name = `${sessions}/${main}${end}`
        copyFileSync(s.at(name), s.at(`${name}.deleted.${deletedAt}`))
      }
      const child = { ...(JSON.parse(all[6]!) as object), parentId: null }
      writeFileSync(s.at(`${transcript(main)}.deleted.${deletedAt}`), all.slice(0, 6).join('\n'))
      write(s, main, [all[0], JSON.stringify(child), ...all.slice(7)].join('\n'))
    },
    finds: ['.jsonl', '.trajectory.jsonl'].map(
      (end) => `wrongly-archived benign ${sessions}/${main}${end}.deleted.${deletedAt}`,
    ),
    leads: sameConversations,
  },
  {
    name: 'wrongly-archived: only reported otherwise',
    damage: (s) => copyFileSync(s.at(transcript(main)), s.at(`${transcript(main)}.deleted.${deletedAt}`)),
    finds: [`wrongly-archived benign ${transcript(main)}.deleted.${deletedAt}`],
    leaves: [`wrongly-archived benign ${transcript(main)}.deleted.${deletedAt}`],
    leads: sameConversations,
  },
  {
    name: 'leftover-tmp: set aside only when asked',
    policy: { tidy: true },
    damage: (s) =>
      writeFileSync(`${indexOf(s.stateDir)}.11111111-2222-4333-8444-555555555555.tmp`, '{"agent:ma'),
    finds: [`leftover-tmp benign ${sessions}`],
    leads: sameConversations,
  },
  {
    name: 'unindexed-transcripts: put back only when asked',
    policy: { adopt: true },
    damage: (s) => edit(s, (all) => delete all['agent:main:telegram:group:-100123:topic:42']),
    finds: [`unindexed-transcripts benign ${sessions}`],
    leads: sameConversations,
  },
  {
    name: 'resume all: a turn that a stop cut off is marked, too',
    fixture: 'sigterm-mid-run',
    policy: { resume: 'all' },
    damage: () => undefined,
    finds: [
      `first-turn-unwritten loses ${transcript('ee640b07-e36d-4be7-8cb3-58da7395eb84')}`,
      `lock-stale benign ${index}`,
      `lock-stale benign ${index}`,
    ],
    leads: (s) =>
      expect(store(s.stateDir)['agent:main:main']).toMatchObject({ status: 'running', abortedLastRun: true }),
  },
]

describe('each row', () => {
  test.each(rows)(
    '$name',
    async ({ fixture = 'sound', policy = {}, machine, damage, finds, leaves = [], leads }) => {
      const plain = state(fixture, policy)
      const s: State = { ...plain, ...rebuilt(plain, (one) => ({ now: thatWeek, ...machine?.(one) })) }
      const before = conversations(s.stateDir)
      damage(s)
      const damaged = s.bytes()

      const found = (await s.look()).findings
      expect(found.map(said)).toEqual(finds)
      expect(s.bytes()).toEqual(damaged)

      const recovery = await recover(s.site, { owed: 'another-boot', trigger: 'test' })
      expect(recovery).toMatchObject({ is: recovery.repairId === null ? 'consistent' : 'repaired' })
      expect(recovery.repairId === null).toBe(JSON.stringify(finds) === JSON.stringify(leaves))
      expect((await s.look()).findings.map(said)).toEqual(leaves)
      leads(s, before)

      if (recovery.repairId === null) return
      expect(await undo(s.site, recovery.repairId, 'test')).toMatchObject({ is: 'undone' })
      expect(s.bytes()).toEqual(damaged)
    },
  )
})

test.each([
  ['paired devices', 'devices/paired.json'],
  ['paired devices, with their folder', 'devices'],
])('%s, gone: the command that is told brings them back', async (_, gone) => {
  const s = state('sound')
  const look = { owed: 'another-boot', trigger: 'test' } as const
  mkdirSync(s.at('devices'), { recursive: true })
  writeFileSync(s.at('devices/paired.json'), '{"phone":{"deviceId":"phone"}}', { mode: 0o600 })
  expect((await recover(s.site, look)).is).toBe('consistent')
  const before = s.bytes()
  rmSync(s.at(gone), { recursive: true })
  const { inspection } = await recover(s.site, look)
  const [told] = inspection.findings.filter(({ kind }) => kind === 'devices-unreadable')
  execFileSync('sh', ['-c', told!.command!])
  expect(s.bytes()['devices/paired.json']).toBe(before['devices/paired.json'])
  expect((await s.look()).findings).toEqual([])
})

test('a link in the place of the paired devices is not told to be gone', async () => {
  const s = state('sound')
  mkdirSync(s.at('devices'))
  writeFileSync(s.at('devices/paired.json'), '{"phone":{"deviceId":"phone"}}')
  expect((await recover(s.site, { owed: 'another-boot', trigger: 'test' })).is).toBe('consistent')
  renameSync(s.at('devices/paired.json'), s.at('devices/other.json'))
  symlinkSync('other.json', s.at('devices/paired.json'))
  expect((await s.look()).findings.map(said)).toEqual(['unreadable blocks devices/paired.json'])
})

test.each(['agents', 'agents/main', sessions])(
  'a link into our own folder is not followed: %s',
  async (folder) => {
    const s = state('sound')
    mkdirSync(s.at('supervise'))
    renameSync(s.at(folder), s.at('supervise/elsewhere'))
    symlinkSync(s.at('supervise/elsewhere'), s.at(folder))
    appendFileSync(s.at(transcript(telegram)), '{"type":"mess')
    expect((await s.look()).findings.map(said)).toEqual([`unreadable blocks ${folder}`])
  },
)

test('in a sessions folder that a link leads to inside the state, too', async () => {
  const s = state('sound')
  renameSync(s.at(sessions), s.at('moved'))
  symlinkSync(s.at('moved'), s.at(sessions))
  appendFileSync(s.at(transcript(telegram)), '{"type":"mess')
  const damaged = s.bytes()
  const recovery = await recover(s.site, { owed: 'another-boot', trigger: 'test' })
  expect(recovery, JSON.stringify(recovery)).toMatchObject({ is: 'repaired' })
  expect(await undo(s.site, recovery.repairId!, 'test')).toMatchObject({ is: 'undone' })
  expect(s.bytes()).toEqual(damaged)
})

const said = (finding: { kind: string; severity: string; path: string }): string =>
  `${finding.kind} ${finding.severity} ${finding.path}`.replace(
    /gateway\.[0-9a-f]{8}\.lock$/,
    'gateway.HASH.lock',
  )

function rebuilt(s: State, machine: NonNullable<Row['machine']>): Pick<State, 'site' | 'look'> {
  const site = { ...s.site, ...machine(s) }
  return { site, look: async (owed = 'another-boot') => (await inspect(site, { owed })).inspection }
}

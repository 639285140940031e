/** A state of two sessions, small enough for thousands of outages, and each row of DAMAGE.md made on it. */
import { createHash } from 'node:crypto'
import type { Kind } from '../../src/recovery/finding.ts'
import type { Site } from '../../src/recovery/site.ts'
import type { Content } from '../doubles/crash-disk.ts'
import { defaultPolicy } from '../../src/recovery/site.ts'
import { STATE } from './bench.ts'

export type Files = Record<string, Content>
export interface Row {
  readonly name: string
  readonly kind: Kind
  readonly files: Files
  readonly machine?: Partial<Site>
}

const A = '11111111-1111-4111-8111-111111111111'
const B = '22222222-2222-4222-8222-222222222222'
const at = (name: string): string => `${STATE}/agents/main/sessions/${name}`
const index = at('sessions.json')
const transcriptOf = (id: string): string => at(`${id}.jsonl`)
const trajectoryOf = (id: string): string => at(`${id}.trajectory.jsonl`)
const pointerOf = (id: string): string => at(`${id}.trajectory-path.json`)

const line = (value: object): string => `${JSON.stringify(value)}\n`
const when = '2026-11-22T09:00:00.000Z'
const header = (id: string): string => line({ type: 'session', version: 3, id, timestamp: when, cwd: '/w' })
const message = (id: string, parentId: string | null, role: string, text: string): string =>
  line({
    type: 'message',
    id,
    parentId,
    timestamp: when,
    message: { role, content: [{ type: 'text', text }], stopReason: 'stop' },
  })
const turns = [
  message('aaaaaaa1', null, 'user', 'one'),
  message('aaaaaaa2', 'aaaaaaa1', 'assistant', 'two'),
  message('aaaaaaa3', 'aaaaaaa2', 'user', 'three'),
  message('aaaaaaa4', 'aaaaaaa3', 'assistant', 'four'),
]
const saidLater = message('aaaaaaa5', 'aaaaaaa4', 'user', 'five').replaceAll(when, '2026-11-22T13:14:01.000Z')
const answeredLater = message('aaaaaaa6', 'aaaaaaa5', 'assistant', 'six')
const event = (id: string, key: string, type: string, seq: number, data: object): string =>
  line({
    traceSchema: 'openclaw-trajectory',
    schemaVersion: 1,
    traceId: id,
    source: 'runtime',
    type,
    ts: when,
    seq,
    sourceSeq: seq,
    sessionId: id,
    sessionKey: key,
    runId: 'r',
    data,
  })
const trajectory = (id: string, key: string): string =>
  event(id, key, 'session.started', 1, {}) + event(id, key, 'session.ended', 2, { status: 'success' })
const begunTrajectory = (id: string, key: string): string =>
  event(id, key, 'session.started', 1, {}) + event(id, key, 'prompt.submitted', 2, { prompt: 'one' })
/** Of B: a turn that was completed. */
export const answered =
  event(B, 'agent:main:other', 'session.started', 1, {}) +
  event(B, 'agent:main:other', 'model.completed', 2, {
    messagesSnapshot: [
      { role: 'user', content: 'one', timestamp: Date.parse(when) },
      { role: 'assistant', content: [{ type: 'text', text: 'two' }], timestamp: Date.parse(when) + 1 },
    ],
  }) +
  event(B, 'agent:main:other', 'session.ended', 3, { status: 'success' })
const pointer = (id: string, to = trajectoryOf(id)): string =>
  JSON.stringify({
    traceSchema: 'openclaw-trajectory-pointer',
    schemaVersion: 1,
    sessionId: id,
    runtimeFile: to,
  })
const entry = (id: string, more: object = {}): object => ({
  sessionId: id,
  updatedAt: Date.parse(when),
  sessionFile: transcriptOf(id),
  startedAt: Date.parse(when),
  endedAt: Date.parse(when) + 1,
  status: 'done',
  ...more,
})
const entries = { 'agent:main:main': entry(A), 'agent:main:other': entry(B) }
export const indexText = JSON.stringify(entries, null, 2)

export const sound: Files = {
  [`${STATE}/openclaw.json`]: '{"gateway":{"mode":"local"}}',
  [index]: indexText,
  [transcriptOf(A)]: header(A) + turns.join(''),
  [transcriptOf(B)]: header(B) + turns.join(''),
  [trajectoryOf(A)]: trajectory(A, 'agent:main:main'),
  [trajectoryOf(B)]: trajectory(B, 'agent:main:other'),
  [pointerOf(A)]: pointer(A),
  [pointerOf(B)]: pointer(B),
}

/** Undefined takes a file away. */
function damaged(change: Record<string, Content | undefined>): Files {
  const files: Files = { ...sound }
  for (const [path, content] of Object.entries(change)) {
    if (content === undefined) delete files[path]
    else files[path] = content
  }
  return files
}

/** Fifteen seconds old: the gateway would wait for its holder. */
const lock = (pid: number): string => JSON.stringify({ pid, createdAt: '2026-11-22T13:14:00.000Z' }, null, 2)
const running = { status: 'running', endedAt: undefined }

export const rows: readonly Row[] = [
  {
    name: 'the index torn, no generation left',
    kind: 'index-unreadable',
    files: damaged({ [index]: indexText.slice(0, 40) }),
  },
  {
    name: 'the index empty, a complete temporary there',
    kind: 'index-unreadable',
    files: damaged({ [index]: '', [`${index}.33333333-3333-4333-8333-333333333333.tmp`]: indexText }),
  },
  {
    name: 'the index with a byte order mark',
    kind: 'index-unreadable',
    files: damaged({ [index]: `\ufeff${indexText}` }),
  },
  { name: 'the index gone', kind: 'index-missing', files: damaged({ [index]: undefined }) },
  {
    name: 'the index and a transcript gone, its trajectory there',
    kind: 'index-missing',
    files: damaged({ [index]: undefined, [transcriptOf(B)]: undefined, [trajectoryOf(B)]: answered }),
  },
  {
    name: 'no final newline',
    kind: 'transcript-no-final-newline',
    files: damaged({ [transcriptOf(A)]: (header(A) + turns.join('')).trimEnd() }),
  },
  {
    name: 'a torn tail',
    kind: 'transcript-torn-tail',
    files: damaged({ [transcriptOf(A)]: `${header(A)}${turns.join('')}{"type":"mess` }),
  },
  { name: 'no header', kind: 'transcript-bad-header', files: damaged({ [transcriptOf(A)]: turns.join('') }) },
  {
    name: 'a torn header',
    kind: 'transcript-bad-header',
    files: damaged({ [transcriptOf(A)]: `${header(A).slice(0, 30)}\n${turns.join('')}` }),
  },
  {
    name: 'a torn line in the middle',
    kind: 'transcript-torn-middle',
    files: damaged({ [transcriptOf(A)]: `${header(A)}${turns[0]}{"type":"mes\n${turns[2]}${turns[3]}` }),
  },
  {
    name: 'parents that go round in a circle',
    kind: 'transcript-looping',
    files: damaged({ [transcriptOf(A)]: header(A) + turns.join('').replace('null', '"aaaaaaa3"') }),
  },
  {
    name: 'a transcript without an answer',
    kind: 'transcript-unanswered',
    files: damaged({ [transcriptOf(A)]: header(A) + turns[0] }),
  },
  {
    name: 'a first answer torn',
    kind: 'transcript-unanswered',
    files: damaged({ [transcriptOf(A)]: header(A) + turns[0] + turns[1]!.slice(0, 50) }),
  },
  {
    name: 'a transcript that was archived',
    kind: 'transcript-missing',
    files: damaged({
      [transcriptOf(A)]: undefined,
      [`${transcriptOf(A)}.deleted.2026-11-22T10-00-00.000Z`]: header(A) + turns.join(''),
    }),
  },
  {
    name: 'an archived transcript with a torn tail, beside a torn index',
    kind: 'transcript-missing',
    files: damaged({
      [`${transcriptOf(A)}.deleted.2026-11-22T10-00-00.000Z`]: `${header(A)}${turns.join('')}{"ty`,
      [transcriptOf(A)]: undefined,
      [transcriptOf(B)]: (header(B) + turns.join('')).trimEnd(),
    }),
  },
  {
    name: 'a first turn that was never written down',
    kind: 'first-turn-unwritten',
    files: damaged({
      [transcriptOf(A)]: undefined,
      [index]: JSON.stringify({ ...entries, 'agent:main:main': entry(A, running) }),
      [trajectoryOf(A)]: begunTrajectory(A, 'agent:main:main'),
      [`${transcriptOf(A)}.lock`]: lock(4242),
    }),
  },
  {
    name: 'words of a later turn that stand in the trajectory only',
    kind: 'words-unwritten',
    files: damaged({
      [index]: JSON.stringify({ ...entries, 'agent:main:main': entry(A, running) }),
      [trajectoryOf(A)]: begunTrajectory(A, 'agent:main:main').replaceAll(when, '2026-11-22T13:14:00.000Z'),
      [`${transcriptOf(A)}.lock`]: lock(4242),
    }),
  },
  { name: 'a trajectory gone', kind: 'trajectory-missing', files: damaged({ [trajectoryOf(A)]: undefined }) },
  {
    name: 'a trajectory that was archived',
    kind: 'trajectory-missing',
    files: damaged({
      [trajectoryOf(A)]: undefined,
      [`${trajectoryOf(A)}.deleted.2026-11-22T10-00-00.000Z`]: trajectory(A, 'agent:main:main'),
    }),
  },
  {
    name: 'a torn trajectory',
    kind: 'trajectory-torn',
    files: damaged({ [trajectoryOf(A)]: `${trajectory(A, 'agent:main:main')}{"trace` }),
  },
  {
    name: 'a state that was moved here',
    kind: 'pointer-outside',
    files: damaged({
      [index]: indexText.replaceAll(STATE, '/old/state'),
      [pointerOf(A)]: pointer(A, trajectoryOf(A).replace(STATE, '/old/state')),
    }),
  },
  {
    name: 'a lock whose pid is alive as something else',
    kind: 'lock-misread',
    files: damaged({
      [`${transcriptOf(A)}.lock`]: lock(4242),
      [index]: JSON.stringify({ ...entries, 'agent:main:main': entry(A, running) }),
    }),
    machine: { startTicksOf: (pid) => (pid === 4242 ? 7 : undefined) },
  },
  {
    name: 'a turn that was killed before the index said that it runs',
    kind: 'turn-unmarked',
    files: damaged({
      [`${transcriptOf(A)}.lock`]: lock(4242),
      [transcriptOf(A)]: header(A) + turns.join('') + saidLater,
    }),
  },
  {
    name: 'a directory where a lock belongs',
    kind: 'lock-not-a-file',
    files: damaged({ [`${transcriptOf(A)}.lock/in it`]: 'x' }),
  },
  { name: 'the lock of the index', kind: 'index-lock', files: damaged({ [`${index}.lock`]: lock(4242) }) },
  {
    name: 'devices that do not parse',
    kind: 'devices-unreadable',
    files: damaged({ [`${STATE}/devices/paired.json`]: '{"a' }),
  },
  {
    name: 'a configuration that does not parse, rolled back when asked for',
    kind: 'config-unreadable',
    files: damaged({
      [`${STATE}/openclaw.json`]: '{"gateway":{"mo',
      [`${STATE}/openclaw.json.last-good`]: '{"gateway":{"mode":"local"}}',
    }),
    machine: { policy: { ...defaultPolicy, configRollback: true } },
  },
  {
    name: 'a restart intent',
    kind: 'restart-intent-stale',
    files: damaged({ [`${STATE}/gateway-restart-intent.json`]: '{"kind":"gateway-restart"}' }),
  },
  {
    name: 'an empty lock of the gateway, outside the state',
    kind: 'gateway-lock-stale',
    files: damaged({
      [`/tmp/openclaw-0/gateway.${createHash('sha256').update(`${STATE}/openclaw.json`).digest('hex').slice(0, 8)}.lock`]:
        '',
      ['/tmp/openclaw-0/x']: 'x',
    }),
    machine: { gatewayLockDir: '/tmp/openclaw-0' },
  },
  {
    name: 'the lock of a session that was reset',
    kind: 'lock-name-mismatch',
    files: damaged({
      [`${transcriptOf(A)}.lock`]: lock(4242),
      [index]: JSON.stringify({
        ...entries,
        'agent:main:main': { ...entry(A, running), sessionId: '44444444-4444-4444-8444-444444444444' },
      }),
    }),
  },
  {
    name: 'a poison turn',
    kind: 'poison-turn',
    files: damaged({
      [`${transcriptOf(A)}.lock`]: lock(4242),
      [index]: JSON.stringify({ ...entries, 'agent:main:main': entry(A, running) }),
      [`${STATE}/supervise/turns.json`]: JSON.stringify({
        version: 1,
        turns: [{ dir: 'agents/main/sessions', key: 'agent:main:main', sessionId: A, deaths: 3 }],
      }),
    }),
  },
  {
    name: 'an archive beside the live file, asked for',
    kind: 'wrongly-archived',
    files: damaged({
      [transcriptOf(A)]: header(A) + saidLater.replace('"aaaaaaa4"', 'null') + answeredLater,
      [`${transcriptOf(A)}.deleted.2026-11-22T10-00-00.000Z`]: header(A) + turns.join(''),
    }),
    machine: { policy: { ...defaultPolicy, unarchive: true } },
  },
  {
    name: 'debris, tidied when asked for',
    kind: 'leftover-tmp',
    files: damaged({ [`${index}.33333333-3333-4333-8333-333333333333.tmp`]: '{"torn' }),
    machine: { policy: { ...defaultPolicy, tidy: true } },
  },
  {
    name: 'a transcript that no session names, asked for',
    kind: 'unindexed-transcripts',
    files: damaged({ [index]: JSON.stringify({ 'agent:main:main': entry(A) }, null, 2) }),
    machine: { policy: { ...defaultPolicy, adopt: true } },
  },
  {
    name: 'everything at once',
    kind: 'index-unreadable',
    files: damaged({
      [index]: indexText.slice(0, 40),
      [transcriptOf(A)]: turns.join('').trimEnd(),
      [trajectoryOf(B)]: undefined,
      [`${transcriptOf(B)}.lock/in it`]: 'x',
    }),
  },
]

/** A small state with one repairable defect, and beside it what must stay as it is. */
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { treeOf } from '../tree.ts'

export const A = '11111111-1111-4111-8111-111111111111'
const when = '2026-11-22T09:00:00.000Z'
const line = (value: object): string => `${JSON.stringify(value)}\n`
const header = line({ type: 'session', version: 3, id: A, timestamp: when, cwd: '/w' })
const message = (id: string, parentId: string | null, role: string, text: string): string =>
  line({
    type: 'message',
    id,
    parentId,
    timestamp: when,
    message: { role, content: [{ type: 'text', text }] },
  })
export const transcript =
  header + message('aaaaaaa1', null, 'user', 'one') + message('aaaaaaa2', 'aaaaaaa1', 'assistant', 'two')

export interface AttackRoom {
  readonly stateDir: string
  /** Nothing in here is changed, or opened. */
  readonly outside: string
  /** In the state. */
  at(name: string): string
  session(name: string): string
  /** Undefined: it is as it was. */
  touched(): string | undefined
}

export function attackRoom(): AttackRoom {
  const room = realpathSync(mkdtempSync(join(tmpdir(), 'supervise-attack-')))
  onTestFinished(() => rmSync(room, { recursive: true, force: true }))
  const stateDir = join(room, 'state')
  const outside = join(room, 'outside')
  const sessions = join(stateDir, 'agents/main/sessions')
  mkdirSync(sessions, { recursive: true })
  writeFileSync(join(stateDir, 'openclaw.json'), '{"gateway":{"mode":"local"}}')
  writeFileSync(join(sessions, `${A}.jsonl`), `${transcript}{"type":"mess`)
  writeFileSync(join(sessions, 'sessions.json'), indexFor(sessions))
  const old = new Date('2001-02-03T04:05:06Z')
  const databases = ['openclaw.sqlite', 'openclaw-agent.sqlite', 'runs.sqlite']
  const files = [
    'sessions.json',
    `${A}.jsonl`,
    'lock',
    'status.json',
    'journal.jsonl',
    'secret',
    'paired.json',
  ]
  for (const below of ['agents/main/sessions', 'agents/main/agent', 'supervise', 'supervise/repairs']) {
    mkdirSync(join(outside, below), { recursive: true })
    for (const name of [...files, ...databases])
      writeFileSync(join(outside, below, name), `a secret of somebody else: ${name}\n`)
  }
  const before = treeOf(outside)
  utimesSync(outside, old, old)
  return {
    stateDir,
    outside,
    at: (name) => join(stateDir, name),
    session: (name) => join(sessions, name),
    touched: () => {
      const now = treeOf(outside)
      return now === before ? undefined : now
    },
  }
}

export const indexFor = (sessions: string, file = join(sessions, `${A}.jsonl`)): string =>
  JSON.stringify(
    {
      'agent:main:main': {
        sessionId: A,
        updatedAt: Date.parse(when),
        sessionFile: file,
        status: 'done',
        startedAt: 1,
        endedAt: 2,
      },
    },
    null,
    2,
  )

export const repairId = '20261122T131415Z-abcd'
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')

/** A journal as we write them, with whatever plan: of a repair that was cut short. */
export function forgeJournal(
  room: AttackRoom,
  steps: readonly unknown[],
  more: readonly object[] = [],
): void {
  const folder = room.at(`supervise/repairs/${repairId}`)
  mkdirSync(folder, { recursive: true })
  const begin = {
    is: 'begin',
    id: repairId,
    at: Date.parse(when),
    trigger: 'start',
    undoes: null,
    found: [],
    steps,
  }
  writeFileSync(
    join(folder, 'journal.jsonl'),
    [begin, ...more]
      .map((entry) => JSON.stringify(entry))
      .map((body) => `${hashOf(body).slice(0, 16)} ${body}\n`)
      .join(''),
  )
}

export const forged = {
  write: (path: string, text: string, before = 'missing'): object => ({
    path,
    before,
    after: `sha256:${hashOf(text)}`,
    change: { do: 'write', content: [{ text }], mode: 0o600 },
    because: [],
  }),
  setAside: (path: string, content: string): object => ({
    path,
    before: `sha256:${hashOf(content)}`,
    after: 'missing',
    change: { do: 'set-aside' },
    because: [],
  }),
  putBack: (path: string, from: string, content: string): object => ({
    path,
    before: 'missing',
    after: `sha256:${hashOf(content)}`,
    change: { do: 'put-back', from },
    because: [],
  }),
  copy: (path: string, from: string, content: string): object => ({
    path,
    before: 'missing',
    after: `sha256:${hashOf(content)}`,
    change: { do: 'write', content: [{ path: from, from: 0, to: content.length }], mode: 0o600 },
    because: [],
  }),
}

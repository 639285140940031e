/** What names, keys, locks, pointers and configurations mean. */
import { describe, expect, test } from 'vitest'
import { config } from '../../src/openclaw/config-file.ts'
import { idInName, sessionsName } from '../../src/openclaw/layout.ts'
import { lockHolder, lockState } from '../../src/openclaw/lock-file.ts'
import { inside, resolvePath } from '../../src/openclaw/posix-path.ts'
import { sessionFile } from '../../src/openclaw/session-file.ts'
import { agentKey, isLeftToOthers, isSessionId, recoveredKey } from '../../src/openclaw/session-key.ts'
import { isRecordedElsewhere, pointer, rebuilding, traceLine } from '../../src/openclaw/trajectory.ts'

const id = '318a8613-fae2-4ed5-8528-0864a3ebe156'

describe('a name in a sessions directory', () => {
  test.each([
    ['sessions.json', { is: 'index' }],
    ['sessions.json.lock', { is: 'index-lock' }],
    ['sessions.json.b5ae3c06-9d9c-4a3c-9a0e-1c0cbb0f4c11.tmp', { is: 'index-tmp' }],
    ['sessions.json.bak.1795339252991', { is: 'index-backup' }],
    ['sessions.json.bak.today', { is: 'other' }],
    [`${id}.jsonl`, { is: 'transcript', base: id }],
    [`${id}-topic-a%2Fb.jsonl`, { is: 'transcript', base: `${id}-topic-a%2Fb` }],
    [`${id}.trajectory.jsonl`, { is: 'trajectory', base: id }],
    [`${id}.trajectory-path.json`, { is: 'pointer', base: id }],
    [`${id}.jsonl.lock`, { is: 'lock', base: id }],
    [`${id}.checkpoint.f6e0094a-fbe7-4731-b14e-f07cc0546933.jsonl`, { is: 'compaction-copy', base: id }],
    [`${id}.jsonl.deleted.2026-11-22T09-24-48.911Z`, { is: 'archive', of: `${id}.jsonl`, why: 'deleted' }],
    [`${id}.jsonl.reset.2026-11-22T09-24-52.275Z`, { is: 'archive', of: `${id}.jsonl`, why: 'reset' }],
    [
      `${id}.trajectory.jsonl.deleted.2026-11-22T09-24-52Z`,
      { is: 'archive', of: `${id}.trajectory.jsonl`, why: 'deleted' },
    ],
    [`${id}.jsonl.bak-412-1795339252991`, { is: 'archive', of: `${id}.jsonl`, why: 'repair' }],
    [
      `${id}.jsonl.pre-doctor-branch-repair-2026-11-22T09-24-48-911Z.bak`,
      { is: 'archive', of: `${id}.jsonl`, why: 'repair', at: Date.parse('2026-11-22T09:24:48.911Z') },
    ],
    [`${id}.jsonl.pre-doctor-branch-repair-today.bak`, { is: 'other' }],
    [`${id}.jsonl.repair-412-1795339252991.tmp`, { is: 'debris' }],
    [`${id}.jsonl.deleted.yesterday`, { is: 'other' }],
    ['line\nbreak.jsonl', { is: 'transcript', base: 'line\nbreak' }],
  ])('%j', (name, what) => expect(sessionsName(name)).toMatchObject(what))

  test('of an archive tells when it was made', () =>
    expect(sessionsName(`${id}.jsonl.deleted.2026-11-22T09-24-48.911Z`)).toMatchObject({
      at: Date.parse('2026-11-22T09:24:48.911Z'),
    }))

  test.each([
    [id, id],
    [`${id}-topic-42`, id],
    [`2026-11-22T09-24-48-911Z_${id}`, id],
    ['by-hand', 'by-hand'],
  ])('%s bears the id %s', (base, wanted) => expect(idInName(base)).toBe(wanted))
})

describe('the file of an entry', () => {
  const where = { stateDir: '/s', sessionsDir: '/s/agents/main/sessions' }
  test.each([
    [undefined, 'inside', `/s/agents/main/sessions/${id}.jsonl`],
    ['', 'inside', `/s/agents/main/sessions/${id}.jsonl`],
    ['other.jsonl', 'inside', '/s/agents/main/sessions/other.jsonl'],
    ['/s/agents/main/sessions/other.jsonl', 'inside', '/s/agents/main/sessions/other.jsonl'],
    ['/s/agents/work/sessions/other.jsonl', 'inside', '/s/agents/work/sessions/other.jsonl'],
    ['../../../../etc/passwd', 'inside', `/s/agents/main/sessions/${id}.jsonl`],
    ['/etc/passwd', 'inside', `/s/agents/main/sessions/${id}.jsonl`],
    ['/old/agents/main/sessions/other.jsonl', 'outside', '/old/agents/main/sessions/other.jsonl'],
    ['/old/agents/main/sessions/deep/other.jsonl', 'inside', `/s/agents/main/sessions/${id}.jsonl`],
    [
      '/s/agents/main/sessions/../../../../old/agents/x/sessions/y.jsonl',
      'outside',
      '/old/agents/x/sessions/y.jsonl',
    ],
  ])('%j is %s, %s', (named, is, path) =>
    expect(sessionFile({ sessionId: id, sessionFile: named }, where)).toEqual({ is, path }),
  )
  test.each(['', '../x', 'a/b', '.hidden', 'x'.repeat(200)])('the id %j has none', (sessionId) =>
    expect(sessionFile({ sessionId }, where)).toEqual({ is: 'none' }),
  )
})

test('paths are text', () => {
  expect(resolvePath('/a/b', '../c/./d//e')).toBe('/a/c/d/e')
  expect(resolvePath('/a', '../../..')).toBe('/')
  expect(inside('/a', '/ab')).toBeUndefined()
  expect(inside('/a', '/a')).toBeUndefined()
  expect(inside('/', '/a')).toBe('a')
})

describe('a session key', () => {
  test('for a session that nothing tells the key of is one of an agent, and the gateway may resume it', () => {
    const key = recoveredKey('Main', id.toUpperCase())
    expect(key).toBe(`agent:main:recovered:${id}`)
    expect(agentKey(key)).toEqual({ agentId: 'main', rest: `recovered:${id}` })
    expect(isLeftToOthers(key, {})).toBe(false)
  })
  test.each([
    ['agent:main:subagent:x', {}, true],
    ['agent:main:cron:x', {}, true],
    ['acp:x', {}, true],
    ['agent:main:main', { spawnDepth: 1 }, true],
    ['agent:main:main', { subagentRole: null }, false],
    ['agent:main:main', {}, false],
  ])('%s %j left to others: %s', (key, entry, wanted) => expect(isLeftToOthers(key, entry)).toBe(wanted))
  test('ids', () => {
    expect([id, 'a', 'A.b_c-1'].every(isSessionId)).toBe(true)
    expect(
      ['', '-a', 'a b', `${id}.checkpoint.f6e0094a-fbe7-4731-b14e-f07cc0546933`, 5].some(isSessionId),
    ).toBe(false)
  })
})

describe('a lock', () => {
  const now = Date.parse('2026-11-22T10:00:00Z')
  const alive = { now, startTicksOf: (pid: number) => (pid === 7 ? 100 : undefined) }
  const lock = (holder: object): string => lockState(lockHolder(JSON.stringify(holder)), alive)
  const createdAt = '2026-11-22T09:59:00Z'
  test.each([
    [{ pid: 8, createdAt, starttime: 100 }, 'stale'],
    [{ pid: 7, createdAt, starttime: 100 }, 'held'],
    [{ pid: 7, createdAt, starttime: 99 }, 'stale'],
    [{ pid: 7, createdAt }, 'misread'],
    [{ pid: 7, createdAt: '2026-11-22T09:00:00Z' }, 'stale'],
    [{ pid: 7, createdAt: 'once' }, 'stale'],
    [{ pid: 0, createdAt }, 'stale'],
    [{ pid: '7', createdAt }, 'stale'],
    [[], 'stale'],
  ])('%j is %s', (holder, wanted) => expect(lock(holder)).toBe(wanted))

  test('torn at every byte throws nothing', () => {
    const text = JSON.stringify({ pid: 7, createdAt, starttime: 100 }, null, 2)
    for (let cut = 0; cut < text.length; cut++)
      expect(lockState(lockHolder(text.slice(0, cut)), alive)).toBe('stale')
  })
})

describe('a pointer', () => {
  const text = JSON.stringify({
    traceSchema: 'openclaw-trajectory-pointer',
    sessionId: id,
    runtimeFile: `/d/${id}.jsonl`,
  })
  test('torn at every byte names nothing', () => {
    for (let cut = 0; cut < text.length; cut++) expect(pointer(text.slice(0, cut))).toBeUndefined()
    expect(pointer(text)).toEqual({ sessionId: id, runtimeFile: `/d/${id}.jsonl` })
  })
  test('into a trajectory directory is told from one beside the transcript', () => {
    expect(isRecordedElsewhere({ sessionId: id, runtimeFile: `/d/${id}.jsonl` })).toBe(true)
    expect(isRecordedElsewhere({ sessionId: id, runtimeFile: `/d/${id}.trajectory.jsonl` })).toBe(false)
  })
})

describe('a trajectory', () => {
  const event = (type: string, data: object, sessionId = id): string =>
    JSON.stringify({
      type,
      ts: '2026-11-22T09:00:00.000Z',
      sessionId,
      sessionKey: 'agent:main:main',
      workspaceDir: '/w',
      data,
    })
  const user = (text: string, timestamp: number) => ({
    role: 'user',
    content: [{ type: 'text', text }],
    timestamp,
  })
  const answer = (text: string, timestamp: number) => ({
    role: 'assistant',
    content: [{ type: 'text', text }],
    timestamp,
  })
  const rebuilt = (lines: readonly string[]) => {
    const work = rebuilding(id, { timestamp: '2026-01-01T00:00:00.000Z', limit: 10_000 })
    for (const line of lines) work.line(line)
    return work.finish()
  }

  test('tells the key of its session', () =>
    expect(traceLine(event('session.started', {}))?.sessionKey).toBe('agent:main:main'))

  test('gives back the union of what the model saw, across a compaction, and the prompt that was cut off', () => {
    const made = rebuilt([
      event('model.completed', { messagesSnapshot: [user('a', 1), answer('b', 2)] }),
      event('model.completed', {
        messagesSnapshot: [
          { role: 'compactionSummary', summary: 'x', timestamp: 3 },
          user('c', 4),
          answer('d', 5),
        ],
      }),
      event('model.completed', { messagesSnapshot: [user('not mine', 9)] }, 'another'),
      event('prompt.submitted', { prompt: 'e' }),
    ])
    const lines = made!.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines[0]).toMatchObject({ type: 'session', version: 3, id, cwd: '/w' })
    expect(
      lines.slice(2).map((line) => (line['message'] as { content: { text: string }[] }).content[0]!.text),
    ).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(lines.slice(2).map((line) => line['parentId'])).toEqual(
      lines.slice(1, -1).map((line) => line['id']),
    )
    expect(made).toMatchObject({ turns: 2, messages: 5, tooLong: 0 })
  })

  test('of a first turn that was cut off gives its words back, one that the gateway ended does not', () => {
    const prompt = event('prompt.submitted', { prompt: 'e' })
    const words = rebuilt([prompt])
    expect(words).toMatchObject({ turns: 0, messages: 1, firstWordsAt: expect.any(Number) })
    const lines = words!.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines).toMatchObject([
      { type: 'session' },
      { type: 'custom', customType: 'supervise:rebuilt' },
      { message: { role: 'assistant', content: [] } },
      { message: { role: 'user', content: [{ type: 'text', text: 'e' }] }, parentId: lines[1]!['id'] },
    ])
    expect(rebuilt([prompt, event('session.ended', { status: 'error' })])).toBeUndefined()
    expect(rebuilt([prompt, event('model.completed', { truncated: true })])).toBeUndefined()
    expect(rebuilt(['', 'null', '{"type":"model.completed"'])).toBeUndefined()
  })

  test('counts the turns that were too long for it', () => {
    const lines = [
      event('model.completed', { messagesSnapshot: [user('a', 1), answer('b', 2)] }),
      event('model.completed', { truncated: true }),
      event('model.completed', { messagesSnapshot: [user('x'.repeat(20_000), 3)] }),
    ]
    expect(rebuilt(lines)).toMatchObject({ messages: 2, tooLong: 2 })
  })
})

describe('a configuration', () => {
  test.each([
    ['{ gateway: { mode: "local" }, // yes\n}', { is: 'sound', version: null }],
    ['{"meta":{"lastTouchedVersion":"2026.4.26"}}', { is: 'sound', version: '2026.4.26' }],
    ['{\n  "a": 1,\n  "b" 2\n}', { is: 'unreadable', line: 3, column: 7 }],
    ['', { is: 'unreadable', line: 1 }],
    ['[]', { is: 'unreadable', why: 'not an object' }],
  ])('%j', (text, wanted) => expect(config(text)).toMatchObject(wanted))
})

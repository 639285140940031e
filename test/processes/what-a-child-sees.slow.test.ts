/** What a child is given, and on which state it begins (child.ts 1; lifecycle.ts 2; architecture: promise 1). */
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { environmentOf, isAlive } from '../../src/host/process-table.ts'
import { rooms, type Room } from './room.ts'

const enter = rooms()

interface Seen {
  readonly env: Record<string, string>
  readonly cwd: string
  readonly group: number
  readonly session: number
  readonly descriptors: readonly (string | null)[]
  readonly sessions: Record<string, string>
}
const seenBy = (room: Room, pid: number): Seen =>
  JSON.parse(readFileSync(join(room.folder, `journal.${pid}.json`), 'utf8')) as Seen

/** What a service manager, a shell and a test runner leave in an environment. */
const litter = {
  WATCHDOG_USEC: '60000000',
  WATCHDOG_PID: '1',
  LISTEN_FDS: '1',
  LISTEN_PID: '1',
  INVOCATION_ID: '0123456789abcdef0123456789abcdef',
  JOURNAL_STREAM: '8:12345',
  SYSTEMD_EXEC_PID: '1',
  MANAGERPID: '1',
  NODE_COMPILE_CACHE: '/nowhere',
  NODE_CHANNEL_FD: '9',
  OPENCLAW_NO_RESPAWN: '1',
  OPENCLAW_SERVICE_MARKER: 'openclaw',
  OPENCLAW_SERVICE_KIND: 'gateway',
  SUPERVISE_GOOD_RUN: '10m',
  SUPERVISE_TEST_CACHE: '/nowhere',
}

test('its environment is built: nothing meant for another process, and its place in so many words', async () => {
  const room = await enter()
  const { NODE_CHANNEL_FD: _, ...given } = litter
  const supervisor = room.run('witness', { env: { ...given, HARMLESS: 'kept' } })
  const status = await room.reaches('ready', (s) => s.ready)
  const { env, group, session, descriptors, cwd } = seenBy(room, status.child!.pid)
  const pid = status.child!.pid
  for (const name of Object.keys(litter)) expect(env, name).not.toHaveProperty(name)
  expect(Object.keys(env).filter((name) => /^(SUPERVISE_|NOTIFY_|WATCHDOG_|LISTEN_)/.test(name))).toEqual([])
  expect(env).toMatchObject({
    HARMLESS: 'kept',
    OPENCLAW_STATE_DIR: room.stateDir,
    OPENCLAW_CONFIG_PATH: join(room.stateDir, 'openclaw.json'),
    OPENCLAW_GATEWAY_PORT: String(room.port),
    OPENCLAW_SUPERVISOR_MODE: 'external',
    OPENCLAW_SYSTEMD_UNIT: 'supervise.service',
  })
  expect({ group, session, cwd }).toEqual({ group: pid, session: pid, cwd: process.cwd() })
  expect(descriptors[0]).toBe('/dev/null')
  expect(descriptors[1]).toBe(join(room.folder, 'said/1.out'))
  expect(descriptors[2]).toBe(join(room.folder, 'said/1.err'))
  expect(descriptors[3]).toBe(join(room.stateDir, 'supervise/lock'))
  expect(environmentOf(pid)?.get('PATH')).toBe(process.env['PATH'])
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

test('damage made while it ran is repaired before the first instruction of the next one', async () => {
  const room = await enter()
  const supervisor = room.run('witness')
  const first = await room.reaches('ready', (status) => status.ready)
  const before = seenBy(room, first.child!.pid).sessions
  const sessions = join(room.stateDir, 'agents/main/sessions')
  const transcript = Object.keys(before).find((name) => /^[0-9a-f-]{36}\.jsonl$/.test(name))!
  // A write that was cut off, and an index that lost its content.
  truncateSync(join(sessions, transcript), Buffer.byteLength(before[transcript]!) - 7)
  writeFileSync(join(sessions, 'sessions.json'), '')
  process.kill(first.child!.pid, 'SIGKILL')
  const second = await room.reaches('ready again', (s) => s.ready && s.child?.number === 2)
  const after = seenBy(room, second.child!.pid).sessions
  expect(() => JSON.parse(after['sessions.json']!) as unknown).not.toThrow()
  expect(Object.keys(JSON.parse(after['sessions.json']!) as object).length).toBeGreaterThan(0)
  for (const line of after[transcript]!.split('\n').filter(Boolean))
    expect(() => JSON.parse(line) as unknown).not.toThrow()
  expect(after[transcript]!.endsWith('\n')).toBe(true)
  expect(second.lastRepairs).toHaveLength(1)
  const [repair] = second.lastRepairs
  expect(repair!.findings).toBeGreaterThanOrEqual(2)
  expect(supervisor.said()).toContain(`"repair":"${repair!.id}"`)
  const order = room.ledger().map((entry) => (entry.event === 'recovered' ? entry.verdict : entry.event))
  expect(order.slice(-4)).toEqual(['ended', 'repaired', 'started', 'ready'])
  supervisor.signal('SIGTERM')
  await supervisor.ended
  const undone = await room.supervise(['undo', repair!.id])
  expect(undone.code, undone.stderr).toBe(0)
  expect(readFileSync(join(sessions, 'sessions.json'), 'utf8')).toBe('')
  expect(readFileSync(join(sessions, transcript), 'utf8')).toBe(before[transcript]!.slice(0, -7))
})

test('nothing stops because nobody reads: closed and full pipes', async () => {
  const room = await enter()
  const supervisor = room.run('write-forever', { output: 'closed' })
  await room.reaches('ready', (status) => status.ready || (status.budgets.crashes.spent ?? 0) > 0)
  expect(isAlive(supervisor.who)).toBe(true)
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
  expect(room.inhabitants()).toEqual([])
})

test('a pipe that is full and not read does not stop the supervisor', async () => {
  const room = await enter()
  const supervisor = room.run('write-forever', { output: 'unread' })
  await room.reaches('ready', (status) => status.ready)
  supervisor.signal('SIGHUP')
  await room.reaches('another one is ready', (status) => status.ready && status.child?.number === 2)
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

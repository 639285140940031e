/** How a child ends, and what is made of it: the endings that happen most. The others: endings.slow.test.ts. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { identityOf, ownIdentity } from '../../src/host/process-table.ts'
import { rooms } from './room.ts'

const enter = rooms()

test('exit 0 after ready is a restart that the gateway asked for: outside the crash budget, inside the storm limit', async () => {
  const room = await enter()
  const supervisor = room.run('exit-0-after-ready', { flags: ['--max-restarts=2'] })
  expect(await supervisor.ended).toEqual({ code: 65, signal: null })
  const status = room.status()!
  expect(status).toMatchObject({ phase: 'held', why: 'gateway-asked', child: null, supervisor: null })
  expect(status.hold).toMatchObject({ kind: 'restart-storm', canPass: false })
  expect(status.budgets).toMatchObject({ crashes: { spent: 0 }, restarts: { spent: 3, limit: 2, left: 0 } })
  const ended = room.ledger().filter((entry) => entry.event === 'ended')
  expect(ended).toHaveLength(3)
  for (const entry of ended) expect(entry).toMatchObject({ why: 'gateway-asked', wasReady: true })
})

test('the same exit 1 twice before ready is no crash loop but damage: held with 65 after two', async () => {
  const room = await enter()
  const supervisor = room.run('exit-1')
  expect(await supervisor.ended).toEqual({ code: 65, signal: null })
  expect(room.status()!.hold).toMatchObject({
    kind: 'gateway-fails',
    evidence: 'failed twice in the same way before it was ready: exit status 1',
  })
  expect(room.journal().filter((line) => line.startsWith('started'))).toHaveLength(2)
})

test('exit 78 is held with 78 at once, and tried no second time', async () => {
  const room = await enter()
  const supervisor = room.run('exit-78')
  expect(await supervisor.ended).toEqual({ code: 78, signal: null })
  expect(room.status()!).toMatchObject({
    phase: 'held',
    hold: { kind: 'refused' },
    lastExit: { exit: { by: 'code', code: 78 } },
  })
  expect(room.journal().filter((line) => line.startsWith('started'))).toHaveLength(1)
})

test('a child that was killed is a crash and never exit 0, in the status, the ledger, and the next start', async () => {
  const room = await enter()
  const supervisor = room.run('ready-then-wait')
  const first = await room.reaches('ready', (status) => status.ready)
  expect(first.supervisor).toMatchObject(supervisor.who)
  expect(first.child).toMatchObject(identityOf(first.child!.pid)!)
  process.kill(first.child!.pid, 'SIGKILL')
  const second = await room.reaches('ready again', (s) => s.ready && s.child?.number === 2)
  expect(second.lastExit).toMatchObject({
    exit: { by: 'signal', signal: 'SIGKILL', coreDumped: false },
    why: 'crashed',
    wasReady: true,
  })
  expect(second.lastExits).toEqual([second.lastExit])
  expect(second.budgets.crashes).toEqual({ spent: 1, limit: 8, left: 7 })
  const order = room.ledger().map((entry) => entry.event)
  expect(order).toEqual([
    'supervising',
    'recovered',
    'started',
    'ready',
    'ended',
    'recovered',
    'started',
    'ready',
  ])
  supervisor.signal('SIGTERM')
  expect(await supervisor.ended).toEqual({ code: 0, signal: null })
  expect(room.ledger().findLast((entry) => entry.event === 'ended')).toMatchObject({
    why: 'stop-asked',
    wasReady: true,
  })
  expect(room.inhabitants()).toEqual([])
  const about = room.ledger().filter(({ event }) => ['recovered', 'ordered', 'left'].includes(event))
  expect(about.map(({ event, child }) => `${event} ${child}`)).toEqual([
    'recovered 0',
    'recovered 1',
    'ordered 2',
    'recovered 2',
    'left 2',
  ])
  // Both are told, the newest first, also when nobody runs.
  const told = await room.supervise(['status'])
  expect(told.stdout).toMatch(
    /^  last exit   exit status 0 \(stop-asked\), .*\n  last exit   killed by SIGKILL \(crashed\), /m,
  )
  const lines = supervisor.said().trim().split('\n')
  const numbers = lines.map((line) => JSON.parse(line) as { phase?: string; child?: number; msg: string })
  for (const line of numbers)
    expect(line, JSON.stringify(line)).toMatchObject({ phase: expect.any(String), child: expect.any(Number) })
  expect(numbers.filter(({ msg }) => msg === 'state is consistent').map(({ child }) => child)).toEqual([
    0, 1, 2,
  ])
})

test('a stop kills what ignores SIGTERM within its limit, and ends with 0 (lifecycle.ts 6)', async () => {
  const room = await enter()
  const supervisor = room.run('ignore-sigterm', { flags: ['--stop-limit=500ms'] })
  await room.reaches('ready', (status) => status.ready)
  const asked = Date.now()
  supervisor.signal('SIGTERM')
  expect(await supervisor.ended).toEqual({ code: 0, signal: null })
  expect(Date.now() - asked).toBeGreaterThanOrEqual(500)
  expect(room.status()).toMatchObject({
    phase: 'stopped',
    lastExit: { exit: { by: 'signal', signal: 'SIGKILL' }, why: 'stop-asked' },
  })
  expect(room.journal().filter((line) => line.startsWith('ignored-SIGTERM'))).toHaveLength(1)
  expect(room.inhabitants()).toEqual([])
})

test('between a crash and the next start the state is still its own', async () => {
  const room = await enter()
  const supervisor = room.run('exit-3-after-ready', { flags: ['--backoff=1h', '--backoff-max=1h'] })
  await room.reaches('it backs off', (status) => status.phase === 'backing-off')
  expect(await room.supervise(['repair'])).toMatchObject({
    code: 69,
    stderr: expect.stringContaining(`the state directory is held by pid ${supervisor.who.pid} (`),
  })
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

test('no child is born that a later supervisor could not know of: without a mark, none (architecture: recovery 8)', async () => {
  const room = await enter()
  mkdirSync(join(room.stateDir, 'supervise/owed.json/in-the-way'), { recursive: true })
  const supervisor = room.run('one-at-a-time', { flags: ['--max-crashes=1'] })
  expect((await supervisor.ended).code).toBe(75)
  const { hold } = room.status()!
  expect(hold!.evidence).toContain('cannot mark that recovery is owed')
  expect(room.journal()).toEqual([])
})

test('the mark stays until a look after the end has confirmed the state (architecture: recovery 8)', async () => {
  const room = await enter()
  const mark = join(room.stateDir, 'supervise/owed.json')
  const config = join(room.stateDir, 'openclaw.json')
  for (const text of ['{"torn', '{}']) {
    const supervisor = room.run('one-at-a-time')
    await room.reaches('ready', (s) => s.ready && s.supervisor?.pid === supervisor.who.pid)
    expect(existsSync(mark)).toBe(true)
    writeFileSync(config, text)
    supervisor.signal('SIGTERM')
    expect((await supervisor.ended).code).toBe(0)
    expect(existsSync(mark)).toBe(text !== '{}')
    writeFileSync(config, '{}')
  }
})

test('no child is born while a look could not confirm the state (lifecycle.ts 2; architecture: promise 1)', async () => {
  const room = await enter()
  const { pid, startTicks: starttime } = ownIdentity()
  const lock = join(room.stateDir, 'agents/main/sessions/sessions.json.lock')
  writeFileSync(lock, JSON.stringify({ pid, starttime, createdAt: new Date().toISOString() }))
  const supervisor = room.run('one-at-a-time', { flags: ['--max-recoveries=1'] })
  expect((await supervisor.ended).code).toBe(75)
  expect(room.status()!.hold!.evidence).toContain(`held by pid ${pid}, which lives`)
  expect(room.journal()).toEqual([])
})

/** How a child ends, and what is made of it. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { identityOf, isAlive } from '../../src/host/process-table.ts'
import { rooms, type Room } from './room.ts'
import { until } from './until.ts'

const enter = rooms()
const starts = (room: Room): number => room.journal().filter((line) => line.startsWith('started')).length

test('exit 0 after ready is followed by a start at once, without end while it asks within the limit', async () => {
  const room = await enter()
  const supervisor = room.run('exit-0-after-ready', { flags: ['--max-crashes=0', '--max-restarts=1000'] })
  const status = await room.reaches('the fourth', (s) => (s.child?.number ?? 0) >= 4)
  expect(status.budgets.crashes.spent).toBe(0)
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

test('exit 0 before ready, with no word of another owner: tried again within a bound, then held with 65', async () => {
  const room = await enter()
  const supervisor = room.run('exit-0', { flags: ['--max-crashes=2'] })
  expect((await supervisor.ended).code).toBe(65)
  expect(starts(room)).toBe(3)
  expect(room.status()).toMatchObject({
    why: 'ended-early',
    hold: {
      kind: 'gateway-fails',
      evidence:
        'the gateway failed 3 times without a good run in between; last: ended-early, exit status 0 before it was ready',
    },
    budgets: { contentions: { spent: 0 }, crashes: { spent: 3, left: 0 } },
  })
})

test('exit 3 after ready is a crash: back-off in between, held with 65 and the budget shown when it is spent', async () => {
  const room = await enter()
  const supervisor = room.run('exit-3-after-ready', { flags: ['--max-crashes=3', '--backoff=100ms'] })
  const waiting = await room.reaches('back-off', (status) => status.phase === 'backing-off')
  expect(waiting).toMatchObject({ why: 'crashed', reason: 'crashed: exit status 3', child: null })
  const waitMs = Date.parse(waiting.nextAttemptAt!) - Date.parse(waiting.since)
  expect(waitMs).toBeGreaterThanOrEqual(40)
  expect(waitMs).toBeLessThanOrEqual(45)
  expect((await supervisor.ended).code).toBe(65)
  expect(starts(room)).toBe(4)
  expect(room.status()).toMatchObject({
    hold: {
      kind: 'gateway-fails',
      evidence: 'the gateway failed 4 times without a good run in between; last: crashed, exit status 3',
    },
    budgets: { crashes: { spent: 4, limit: 3, left: 0 } },
  })
  expect(room.ledger().at(-1)).toMatchObject({ event: 'left', because: 'gateway-fails' })
})

test('a child that is killed before it is ready, again and again, ends in held as well', async () => {
  const room = await enter()
  const supervisor = room.run('die-by-signal SIGKILL', { flags: ['--max-crashes=2'] })
  expect((await supervisor.ended).code).toBe(65)
  expect(room.status()).toMatchObject({
    lastExit: { exit: { by: 'signal', signal: 'SIGKILL' }, wasReady: false },
  })
  expect(starts(room)).toBe(3)
})

test('a real-time signal, which Node calls exit 0, is told as the signal it was', async () => {
  const room = await enter()
  const supervisor = room.run('die-by-signal 40', { flags: ['--max-crashes=0'] })
  expect((await supervisor.ended).code).toBe(65)
  expect(room.status()!.lastExit!.exit).toEqual({ by: 'signal', signal: 'signal 40', coreDumped: false })
})

test('a core dump is told where the kernel makes one', async () => {
  const pattern = readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim()
  const room = await enter()
  const supervisor = room.run('', {
    flags: ['--max-crashes=0'],
    command: [
      '/bin/sh',
      '-c',
      `cd ${room.folder} && ulimit -c unlimited && exec ${process.execPath} ${new URL('children/die-by-signal.mjs', import.meta.url).pathname} SIGABRT`,
    ],
  })
  expect((await supervisor.ended).code).toBe(65)
  const { exit } = room.status()!.lastExit!
  expect(exit).toMatchObject({ by: 'signal', signal: 'SIGABRT' })
  if (pattern === 'core' || pattern.startsWith('core.') || pattern.startsWith('|'))
    expect(exit).toMatchObject({ coreDumped: true })
})

test('a child that is never ready is given up: SIGTERM first, then as a crash', async () => {
  const room = await enter()
  const supervisor = room.run('no-listener', { flags: ['--max-crashes=0', '--start-limit=400ms'] })
  expect((await supervisor.ended).code).toBe(65)
  expect(room.status()).toMatchObject({
    why: 'too-slow-to-start',
    hold: { kind: 'gateway-fails' },
    lastExit: { exit: { by: 'code', code: 0 }, wasReady: false },
  })
  expect(room.journal().filter((line) => line.startsWith('stopped'))).toHaveLength(1)
})

test('one that reports start-up work is given longer, up to the bound', async () => {
  const room = await enter()
  const begun = Date.now()
  const supervisor = room.run('never-ready', {
    flags: ['--max-crashes=0', '--start-limit=3s', '--start-bound=5s'],
  })
  expect((await supervisor.ended).code).toBe(65)
  expect(Date.now() - begun).toBeGreaterThanOrEqual(5000)
  expect(room.status()!.why).toBe('too-slow-to-start')
})

test('one that gets ready slowly, but shows that it works, is not given up', async () => {
  const room = await enter()
  const supervisor = room.run('slow-start 4000', { flags: ['--max-crashes=0', '--start-limit=3s'] })
  await room.reaches('work under way', (s) => s.readiness.evidence.includes('failing: startup-sidecars'))
  await room.reaches('ready', (status) => status.ready)
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

test('a child whose loop stands still is hung: it is killed and another one started', async () => {
  const room = await enter()
  const supervisor = room.run('hang-after-ready', { flags: ['--max-crashes=1'] })
  await room.reaches('hang seen', (status) => status.phase === 'draining' && status.why === 'hung')
  expect((await supervisor.ended).code).toBe(65)
  expect(starts(room)).toBe(2)
  const ended = room.ledger().filter((entry) => entry.event === 'ended')
  for (const entry of ended)
    expect(entry).toMatchObject({ why: 'hung', exit: { by: 'signal', signal: 'SIGKILL' }, wasReady: true })
})

test('a child that was stopped by SIGSTOP is hung: the kernel still ends it', async () => {
  const room = await enter()
  const supervisor = room.run('ready-then-wait')
  const first = await room.reaches('ready', (status) => status.ready)
  process.kill(first.child!.pid, 'SIGSTOP')
  await room.reaches('another one is ready', (status) => status.ready && status.child?.number === 2)
  expect(isAlive(first.child!)).toBe(false)
  expect(room.status()!.lastExit).toMatchObject({ why: 'hung', exit: { by: 'signal', signal: 'SIGKILL' } })
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

test("a stranger's SIGTERM to the child is no order to stop", async () => {
  const room = await enter()
  const supervisor = room.run('ready-then-wait')
  const first = await room.reaches('ready', (status) => status.ready)
  process.kill(first.child!.pid, 'SIGTERM')
  await room.reaches('another one is ready', (status) => status.ready && status.child?.number === 2)
  expect(supervisor.end()).toBeUndefined()
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

test.each([
  'leave-grandchild',
  'leave-grandchild detached',
  'leave-grandchild adopted',
  'leave-grandchild-with-port',
  'fork-away',
])(
  '%s: what it leaves behind is gone before the state is looked at, and listed in the ledger',
  async (child) => {
    const room = await enter()
    const supervisor = room.run(child, { flags: ['--max-crashes=0'] })
    const ready = child === 'fork-away' ? undefined : await room.reaches('ready', (status) => status.ready)
    if (ready) {
      await until('the grandchild is up', () => room.journal().some((line) => line.startsWith('grandchild')))
      process.kill(ready.child!.pid, 'SIGTERM')
      await room.reaches('another one is ready', (status) => status.ready && status.child?.number === 2)
      supervisor.signal('SIGTERM')
    }
    expect((await supervisor.ended).code).toBe(ready ? 0 : 65)
    const ended = room.ledger().find((entry) => entry.event === 'ended')!
    expect(ended).toMatchObject({ leftBehind: [expect.stringContaining('.mjs')] })
    expect(room.inhabitants()).toEqual([])
  },
)

test('what ignores SIGTERM and left its session is gone as well', async () => {
  const room = await enter()
  const supervisor = room.run('leave-grandchild detached stubborn')
  const first = await room.reaches('ready', (status) => status.ready)
  const line = await until('the grandchild is up', () =>
    room.journal().find((each) => each.startsWith('grandchild')),
  )
  const grandchild = identityOf(Number(line.split(' ')[1]))!
  process.kill(first.child!.pid, 'SIGKILL')
  await room.reaches(
    'recovery has begun',
    (status) => status.phase === 'recovering' || status.child?.number === 2,
  )
  expect(isAlive(grandchild)).toBe(false)
  await room.reaches('ready again', (status) => status.ready && status.child?.number === 2)
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

test('a child that writes without end is passed through, and writes nothing after its end was told', async () => {
  const room = await enter()
  const supervisor = room.run('write-forever')
  const first = await room.reaches('ready', (status) => status.ready)
  await until('it writes', () => supervisor.said().includes('x'.repeat(1000)))
  process.kill(first.child!.pid, 'SIGKILL')
  await room.reaches('recovery has begun', (status) => status.phase === 'recovering')
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
  expect(room.inhabitants()).toEqual([])
  const out = join(room.folder, 'said/1.out')
  expect(existsSync(out)).toBe(true)
  expect(statSync(out).size).toBeGreaterThan(1000)
})

test('a restart order drains the child and spends no budget', async () => {
  const room = await enter()
  const supervisor = room.run('slow-stop 400')
  await room.reaches('ready', (status) => status.ready)
  supervisor.signal('SIGHUP')
  await room.reaches('draining', (status) => status.phase === 'draining' && status.why === 'operator-asked')
  const second = await room.reaches('ready again', (status) => status.ready && status.child?.number === 2)
  expect(second.budgets).toMatchObject({ crashes: { spent: 0 }, restarts: { spent: 0 } })
  expect(second.lastExit).toMatchObject({
    why: 'operator-asked',
    exit: { by: 'code', code: 0 },
    wasReady: true,
  })
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

test('a good run gives the budgets back', async () => {
  const room = await enter()
  const supervisor = room.run('ready-then-wait', { flags: ['--good-run=600ms'] })
  const first = await room.reaches('ready', (status) => status.ready)
  process.kill(first.child!.pid, 'SIGKILL')
  const second = await room.reaches('ready again', (status) => status.ready && status.child?.number === 2)
  expect(second.budgets.crashes.spent).toBe(1)
  const readyAt = Date.parse(second.since)
  await until('it was good', () => Date.now() - readyAt > 700)
  process.kill(second.child!.pid, 'SIGKILL')
  const third = await room.reaches('ready again', (status) => status.ready && status.child?.number === 3)
  expect(third.budgets.crashes.spent).toBe(1)
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

test('held with --on-hold=wait it stays, with nothing to do, until it is told (lifecycle.ts 5)', async () => {
  const room = await enter()
  const supervisor = room.run('exit-78', { flags: ['--on-hold=wait'] })
  const held = await room.reaches('held', (status) => status.phase === 'held')
  expect(held.nextAttemptAt).toBeNull()
  const since = Date.parse(held.since)
  await until('some time has passed', () => Date.now() - since > 1500)
  expect(supervisor.end(), supervisor.said()).toBeUndefined()
  expect(room.journal().filter((line) => line.startsWith('started'))).toHaveLength(1)
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
  expect(room.status()).toMatchObject({ phase: 'stopped', hold: null })
})

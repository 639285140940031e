/**
 * The supervisor is killed in each phase and started again: one gateway, never two, never none for long; what was
 * spent stays spent (lifecycle.ts 1, 2, 8; lock.ts 1, 2; child.ts 2).
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { environmentOf, identityOf, isAlive, type Identity } from '../../src/host/process-table.ts'
import { sendSignal } from '../../src/host/send-signal.ts'
import type { Phase } from '../../src/lifecycle/lifecycle.ts'
import type { Status } from '../../src/supervisor/status.ts'
import { childFile, countGateways, rooms, type Room, type Supervisor } from './room.ts'
import { until } from './until.ts'

const enter = rooms()

interface Story {
  readonly phase: Phase | 'taking-over'
  readonly child: string
  readonly flags?: readonly string[]
  /** What there is before the one that is killed. */
  readonly earlier?: (room: Room) => Promise<unknown>
  readonly lead?: (room: Room, supervisor: Supervisor) => Promise<unknown>
  /** What `supervise status` says while nobody supervises. */
  readonly left: Status['phase']
}
const ready = (room: Room): Promise<Status> => room.reaches('ready', (status) => status.ready)

const drained = async (room: Room, supervisor: Supervisor, order: NodeJS.Signals): Promise<void> => {
  await ready(room)
  supervisor.signal(order)
  await until('it drains', () => room.journal().some((line) => line.startsWith('draining')))
}

const stories: readonly Story[] = [
  {
    phase: 'taking-over',
    child: 'one-at-a-time',
    async earlier(room) {
      const first = room.run('one-at-a-time 0 2500')
      await ready(room)
      first.signal('SIGKILL')
      await first.ended
    },
    left: 'orphaned',
  },
  { phase: 'recovering', child: 'one-at-a-time', left: 'gone' },
  {
    phase: 'backing-off',
    child: 'exit-3-after-ready',
    flags: ['--backoff=1h', '--backoff-max=1h'],
    left: 'gone',
  },
  {
    phase: 'starting',
    child: 'one-at-a-time 60000',
    lead: (room) => until('it is up', () => room.journal().some((line) => line.startsWith('listening'))),
    left: 'orphaned',
  },
  { phase: 'running', child: 'one-at-a-time', left: 'orphaned' },
  {
    phase: 'draining',
    child: 'one-at-a-time 0 2500',
    lead: (room, supervisor) => drained(room, supervisor, 'SIGHUP'),
    left: 'orphaned',
  },
  {
    phase: 'stopping',
    child: 'one-at-a-time 0 2500',
    lead: (room, supervisor) => drained(room, supervisor, 'SIGTERM'),
    left: 'orphaned',
  },
  { phase: 'held', child: 'exit-78', flags: ['--on-hold=wait'], left: 'held' },
]

/** Recovering takes a moment only: it is tried until the kill came in it. */
const killIn = async (
  room: Room,
  { phase, child, flags = [], earlier, lead, left }: Story,
): Promise<Status> => {
  for (let tries = 0; tries < 20; tries++) {
    await earlier?.(room)
    const supervisor = room.run(child, { flags: ['--stop-limit=10s', ...flags] })
    await lead?.(room, supervisor)
    await room.reaches(
      phase,
      (status) =>
        status.phase === phase &&
        status.supervisor?.pid === supervisor.who.pid &&
        // A child may be up before it is named: a take-over finds it all the same (first-instant.slow.test.ts).
        (left !== 'orphaned' || status.child !== null),
    )
    supervisor.signal('SIGKILL')
    expect((await supervisor.ended).signal, supervisor.said()).toBe('SIGKILL')
    const status = room.status()!
    if (status.phase === phase) return status
    const next = room.run(child, { flags })
    await ready(room)
    next.signal('SIGTERM')
    await next.ended
  }
  throw new Error(`never caught in ${phase}`)
}

for (const story of stories)
  test.each(['at once', 'later'] as const)(`killed while ${story.phase}, started again %s`, async (when) => {
    const room = await enter()
    const before = await killIn(room, story)
    const counted = countGateways(room)
    const told = await room.supervise(['status', '--json'])
    expect(told.code).toBe(3)
    expect(JSON.parse(told.stdout)).toMatchObject({ phase: story.left, ready: false, supervisor: null })
    if (when === 'later') {
      if (story.left === 'orphaned' && story.phase !== 'starting' && story.phase !== 'running')
        await until('the orphan has drained', () => !isAlive(before.child!))
      else await new Promise((go) => setTimeout(go, 500))
    }
    const next = room.run('one-at-a-time', { flags: ['--stop-limit=10s'] })
    const after = await room.reaches(
      'ready again',
      (status) => status.ready && status.supervisor?.pid === next.who.pid,
      15_000,
    )
    expect(after.child!.pid).not.toBe(before.child?.pid)
    if (before.child !== null) expect(isAlive(before.child)).toBe(false)
    expect(room.journal().filter((line) => line.startsWith('overlap'))).toEqual([])
    expect(after.budgets.crashes.spent).toBe(before.phase === 'held' ? 0 : before.budgets.crashes.spent)
    next.signal('SIGTERM')
    expect((await next.ended).code).toBe(0)
    expect(await counted()).toBe(1)
    expect(room.inhabitants()).toEqual([])
  })

test('a stop while it takes over: left with 0, and the orphan is still known as one', async () => {
  const room = await enter()
  const first = room.run('one-at-a-time 0 60000')
  const before = await ready(room)
  first.signal('SIGKILL')
  await first.ended
  const second = room.run('one-at-a-time')
  const status = await room.reaches('it takes over', ({ phase }) => phase === 'taking-over')
  expect(status).toMatchObject({ ready: false, child: before.child, supervisor: { pid: second.who.pid } })
  expect(JSON.parse((await room.supervise(['status', '--json'])).stdout)).toMatchObject({
    phase: 'taking-over',
  })
  second.signal('SIGTERM')
  expect((await second.ended).code).toBe(0)
  const told = await room.supervise(['status', '--json'])
  expect(JSON.parse(told.stdout)).toMatchObject({ phase: 'orphaned', supervisor: null })
  expect(isAlive(before.child!)).toBe(true)
})

test('what crashes have spent is spent for the next supervisor, and shown; a start after a hold has all of it', async () => {
  const room = await enter()
  const flags = ['--max-crashes=3', '--backoff=1h', '--backoff-max=1h']
  const first = room.run('exit-3-after-ready', { flags })
  await room.reaches('back-off', (status) => status.phase === 'backing-off')
  first.signal('SIGKILL')
  await first.ended
  const spent = room.status()!.budgets.crashes.spent
  expect(spent).toBe(2)
  const second = room.run('exit-3-after-ready', { flags: ['--max-crashes=3'] })
  expect((await second.ended).code).toBe(65)
  expect(room.status()!.budgets.crashes).toEqual({ spent: 4, limit: 3, left: 0 })
  const starts = room.journal().filter((line) => line.startsWith('started')).length
  expect(starts).toBe(4)
  const third = room.run('ready-then-wait', { flags: ['--max-crashes=3'] })
  const status = await ready(room)
  expect(status.budgets.crashes).toEqual({ spent: 0, limit: 3, left: 3 })
  third.signal('SIGTERM')
  await third.ended
})

test('--orphan=refuse leaves the orphan alone and ends with 69, naming it', async () => {
  const room = await enter()
  const first = room.run('one-at-a-time')
  const before = await ready(room)
  first.signal('SIGKILL')
  await first.ended
  const second = room.run('one-at-a-time', { flags: ['--orphan=refuse'] })
  expect((await second.ended).code).toBe(69)
  expect(second.said()).toContain(`pid ${before.child!.pid}`)
  expect(isAlive(before.child!)).toBe(true)
})

test.each([
  ['no mark at all', () => undefined],
  ['a mark that does not parse', () => '{"version":1,'],
  ['another executable', (mark: string) => mark.replace(/"exe":"[^"]*"/, '"exe":"/bin/false"')],
  ['another start time', (mark: string) => mark.replace(/"startTicks":\d+/, '"startTicks":7')],
  ['another boot', (mark: string) => mark.replaceAll(/"bootId":"[^"]*"/g, '"bootId":"x"')],
  ['pid 1', (mark: string) => mark.replace(/"pid":\d+/, '"pid":1')],
])('an orphan that cannot be verified is refused and never signalled: %s', async (_, change) => {
  const room = await enter()
  const first = room.run('one-at-a-time')
  const before = await ready(room)
  first.signal('SIGKILL')
  await first.ended
  const path = join(room.stateDir, 'supervise/owed.json')
  await until('the mark names the child', () =>
    readFileSync(path, 'utf8').includes(String(before.child!.pid)),
  )
  writeFileSync(path, change(readFileSync(path, 'utf8')) ?? '')
  const second = room.run('one-at-a-time')
  expect((await second.ended).code).toBe(69)
  expect(second.said().trim().split('\n')).toHaveLength(1)
  expect(isAlive(before.child!)).toBe(true)
  expect(room.journal().filter((line) => line.startsWith('draining'))).toEqual([])
})

test('an orphan that ignores SIGTERM is killed within the stop limit and its place taken', async () => {
  const room = await enter()
  const first = room.run('ignore-sigterm')
  const before = await ready(room)
  first.signal('SIGKILL')
  await first.ended
  const second = room.run('one-at-a-time', { flags: ['--stop-limit=400ms'] })
  await room.reaches('ready', (s) => s.ready && s.supervisor?.pid === second.who.pid)
  expect(isAlive(before.child!)).toBe(false)
  second.signal('SIGTERM')
  expect((await second.ended).code).toBe(0)
})

test.each(['detached', 'detached stubborn', 'here stubborn', 'adopted'])(
  'what an orphan leaves behind (%s) is gone before the state is looked at, and listed in the ledger',
  async (where) => {
    const room = await enter()
    const first = room.run(`leave-grandchild ${where}`)
    const { child } = await ready(room)
    const grandchild = await grandchildOf(room)
    first.signal('SIGKILL')
    await first.ended
    const second = room.run('one-at-a-time')
    await room.reaches(
      'it is looked at',
      (s) => s.supervisor?.pid === second.who.pid && s.phase !== 'taking-over',
    )
    expect(isAlive(grandchild)).toBe(false)
    await room.reaches('ready', (s) => s.ready && s.supervisor?.pid === second.who.pid)
    expect(room.ledger().find(({ event }) => event === 'took-over')).toMatchObject({
      pid: child!.pid,
      leftBehind: [expect.stringContaining('grandchild.mjs')],
    })
    second.signal('SIGTERM')
    expect((await second.ended).code).toBe(0)
  },
)

const grandchildOf = async (room: Room): Promise<Identity> => {
  const line = await until('the grandchild is up', () =>
    room.journal().find((each) => each.startsWith('grandchild')),
  )
  return identityOf(Number(line.split(' ')[1]))!
}

test.each(['adopted', 'adopted stubborn'])(
  'nobody saw the gateway end: what it left behind (%s), and others have adopted, is ended all the same',
  async (where) => {
    const room = await enter()
    const first = room.run(`leave-grandchild ${where}`)
    const { child } = await ready(room)
    const grandchild = await grandchildOf(room)
    const run = environmentOf(grandchild.pid)!.get('SUPERVISED_RUN')!
    first.signal('SIGKILL')
    await first.ended
    sendSignal(child!, 'SIGKILL')
    await until('the gateway is gone', () => !isAlive(child!))
    expect(isAlive(grandchild)).toBe(true)
    // As a tool of that gateway would start it: it bears the same run, and does not end itself.
    const second = room.run('one-at-a-time', { env: { SUPERVISED_RUN: run }, flags: ['--stop-limit=1s'] })
    await room.reaches('ready', (s) => s.ready && s.supervisor?.pid === second.who.pid)
    expect(isAlive(grandchild)).toBe(false)
    expect(room.ledger().find(({ event }) => event === 'took-over')).toMatchObject({
      pid: null,
      leftBehind: [expect.stringContaining('grandchild.mjs')],
    })
    const history = await room.supervise(['history'])
    expect(history.stdout).toContain(
      'took over from an earlier supervisor: ended 1 process that it left behind',
    )
    second.signal('SIGTERM')
    expect((await second.ended).code).toBe(0)
  },
)

test('killed between the spawn and the mark that names the child: found by its run, and its place taken', async () => {
  const room = await enter()
  const gateway = [process.execPath, childFile('one-at-a-time')]
  const mark = join(room.stateDir, 'supervise/owed.json')
  const nameless = (): boolean => readFileSync(mark, 'utf8').includes('"child":null')
  for (let times = 0; times < 3; times++) {
    const first = room.run('', { command: ['/bin/sh', '-c', 'kill -9 $PPID; exec "$@"', 'sh', ...gateway] })
    expect((await first.ended).signal).toBe('SIGKILL')
    // Where the mark was quicker, it is as if it had not been.
    if (!nameless())
      writeFileSync(mark, readFileSync(mark, 'utf8').replace(/"child":\{[^}]*\}/, '"child":null'))
    expect(nameless()).toBe(true)
    const orphan = await until('the orphan runs', () => room.inhabitants()[0])
    const next = room.run('one-at-a-time')
    await room.reaches('ready', (s) => s.ready && s.supervisor?.pid === next.who.pid)
    expect(isAlive(orphan)).toBe(false)
    expect(room.inhabitants()).toHaveLength(2)
    next.signal('SIGTERM')
    expect((await next.ended).code).toBe(0)
  }
  expect(room.journal().filter((line) => line.startsWith('overlap'))).toEqual([])
})

test('a lock that names nobody: the gateway of a supervisor that lives is no orphan', async () => {
  const room = await enter()
  const first = room.run('one-at-a-time')
  const { child } = await ready(room)
  writeFileSync(join(room.stateDir, 'supervise/lock'), '')
  const second = room.run('one-at-a-time')
  expect((await second.ended).code).toBe(69)
  expect(second.said()).toContain(`held by another supervise: pid ${first.who.pid}`)
  expect(isAlive(child!)).toBe(true)
  first.signal('SIGTERM')
  expect((await first.ended).code).toBe(0)
})

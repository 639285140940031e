/** Ready means ready: by whose listener, by which answer, and for how long. Ports are told truly (architecture: promise 4). */
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { isAlive } from '../../src/host/process-table.ts'
import { rooms } from './room.ts'
import { until } from './until.ts'

const enter = rooms()
const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})
const hold = async (port: number, address: string): Promise<void> => {
  const server = createServer((socket) => socket.destroy())
  servers.push(server)
  server.listen(port, address)
  await once(server, 'listening')
}

test('a stranger on the port: held with 69 before any child, the holder named', async () => {
  const room = await enter()
  await hold(room.port, '127.0.0.1')
  const supervisor = room.run('ready-then-wait')
  expect((await supervisor.ended).code).toBe(69)
  const { hold: held } = room.status()!
  expect(held).toMatchObject({ kind: 'obstructed', canPass: true })
  expect(held!.evidence).toMatch(`port ${room.port} on 127.0.0.1 is held by pid ${process.pid} (`)
  expect(held!.command).toBe(`ss -ltnp 'sport = :${room.port}'`)
  expect(room.journal()).toEqual([])
})

test('with --on-hold=wait it is started as soon as the stranger is gone', async () => {
  const room = await enter()
  await hold(room.port, '127.0.0.1')
  const supervisor = room.run('ready-then-wait', { flags: ['--on-hold=wait'] })
  const held = await room.reaches('held', (status) => status.phase === 'held')
  expect(held.nextAttemptAt).not.toBeNull()
  for (const server of servers.splice(0)) server.close()
  await room.reaches('ready', (status) => status.ready)
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

test('a stranger on ::1 only: started, with a warning', async () => {
  const room = await enter()
  await hold(room.port, '::1')
  const supervisor = room.run('ready-then-wait')
  await room.reaches('ready', (status) => status.ready)
  expect(supervisor.said()).toMatch(
    new RegExp(`"level":"warn".*port ${room.port} on ::1 is held by pid ${process.pid} .*IPv4 only`),
  )
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

test('connections that linger in TIME_WAIT are in nobody’s way', async () => {
  const room = await enter()
  for (let times = 0; times < 2; times++) {
    const supervisor = room.run('ready-then-wait')
    await room.reaches('ready', (s) => s.ready && s.supervisor?.pid === supervisor.who.pid)
    await fetch(`http://127.0.0.1:${room.port}/healthz`, { headers: { connection: 'close' } })
    supervisor.signal('SIGTERM')
    expect((await supervisor.ended).code).toBe(0)
  }
})

test('a page of HTML with 200 is no readiness', async () => {
  const room = await enter()
  const supervisor = room.run('html-everywhere')
  await room.reaches('the answer was seen', (status) =>
    status.readiness.evidence.includes('/readyz answered 200 without a readiness body'),
  )
  const told = await room.supervise(['status', '--json'])
  expect(told.code).toBe(1)
  expect(JSON.parse(told.stdout)).toMatchObject({ phase: 'starting', ready: false })
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

test('a listener outside the tree of the child is not the child’s, whatever it answers', async () => {
  const room = await enter()
  // Its own gateway comes up beside it, and takes the port before it does.
  const supervisor = room.run('no-listener')
  await until('the child is up', () => room.journal().some((line) => line.startsWith('started')))
  const other = await enter()
  const stranger = other.run(`ready-then-wait --port ${room.port}`, { flags: [`--port=${room.port}`] })
  await other.reaches('the stranger is ready', (status) => status.ready)
  const answer = await fetch(`http://127.0.0.1:${room.port}/readyz`)
  expect(answer.status).toBe(200)
  const status = await room.reaches('looked at', (s) => s.readiness.since !== null)
  expect(status).toMatchObject({
    phase: 'starting',
    ready: false,
    readiness: { evidence: `pid ${status.child!.pid} does not listen on port ${room.port}` },
  })
  for (const each of [supervisor, stranger]) each.signal('SIGTERM')
  expect([(await supervisor.ended).code, (await stranger.ended).code]).toEqual([0, 0])
})

test('a ready gateway that says otherwise later is not ready, and is not restarted for it', async () => {
  const room = await enter()
  const supervisor = room.run('ready-for-a-while 300')
  const first = await room.reaches('ready', (status) => status.ready)
  expect((await room.supervise(['status'])).code).toSatisfy((code) => code === 0 || code === 1)
  await room.reaches('not ready any more', (status) => !status.ready && status.phase === 'running')
  const told = await room.supervise(['status'])
  expect(told.code).toBe(1)
  expect(told.stdout).toContain('failing: channels')
  expect(isAlive(first.child!)).toBe(true)
  expect(room.status()!.child!.pid).toBe(first.child!.pid)
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

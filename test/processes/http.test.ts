/** `--http`: what is answered, to whom, and that nobody who asks can slow the supervisor down. */
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { sendSignal } from '../../src/host/send-signal.ts'
import { expectValid } from '../supervisor/schema.ts'
import { freePort, rooms } from './room.ts'
import { until } from './until.ts'

const enter = rooms()
const sockets = new Set<Socket>()
afterEach(() => {
  for (const socket of sockets) socket.destroy()
  sockets.clear()
})

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}
const ask = (port: number, path: string, method = 'GET', body = ''): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port, path, method, agent: false, timeout: 10_000 },
      (response) => {
        let text = ''
        response.on('data', (chunk) => (text += String(chunk)))
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            type: response.headers['content-type'] ?? '',
            body: text,
          }),
        )
        response.on('error', reject)
      },
    )
    asked.on('timeout', () => asked.destroy(new Error('no answer')))
    asked.on('error', reject)
    asked.end(body)
  })
const json = async (port: number, path: string): Promise<Record<string, unknown> & { status: number }> => {
  const { status, body } = await ask(port, path)
  return { ...(JSON.parse(body) as Record<string, unknown>), status }
}
/** By name and labels, as the text has them. */
const metricsAt = async (port: number): Promise<Map<string, number>> => {
  const { status, type, body } = await ask(port, '/metrics')
  expect({ status, type }).toEqual({ status: 200, type: 'text/plain; version=0.0.4' })
  for (const line of body.split('\n'))
    expect(line).toMatch(/^$|^# (?:HELP|TYPE) \w+ |^\w+(?:\{[^}]*\})? [\d.e+-]+$/)
  return new Map(
    body
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )
}

test('each path tells what is known, and metrics count what has happened', async () => {
  const room = await enter()
  const port = await freePort()
  writeFileSync(join(room.stateDir, 'agents/main/sessions/sessions.json.lock'), '{}')
  const supervisor = room.run('one-at-a-time', { flags: [`--http=127.0.0.1:${port}`] })
  const first = await room.reaches('ready', (status) => status.ready)
  expect(await json(port, '/livez?from=a-prober')).toMatchObject({ status: 200, live: true })
  expect(await json(port, '/readyz')).toMatchObject({ status: 200, ready: true, phase: 'running' })
  const status = JSON.parse((await ask(port, '/status')).body) as { child: unknown }
  expectValid(status)
  expect(status.child).toEqual(first.child)
  expect(await ask(port, '/status', 'HEAD')).toMatchObject({ status: 200, body: '' })
  expect(await json(port, '/')).toMatchObject({ status: 404, error: 'no such path' })

  sendSignal(first.child!, 'SIGKILL')
  await room.reaches('ready again', (now) => now.ready && now.child?.number === 2)
  const metrics = await metricsAt(port)
  const phases = [...metrics].filter(([name]) => name.startsWith('supervise_phase{'))
  expect(phases.filter(([, value]) => value === 1)).toEqual([['supervise_phase{phase="running"}', 1]])
  expect(phases.length).toBe(9)
  expect(Object.fromEntries(metrics)).toMatchObject({
    supervise_gateway_ready: 1,
    supervise_gateway_starts_total: 2,
    supervise_gateway_ready_seconds_count: 2,
    'supervise_gateway_ends_total{cause="crashed"}': 1,
    'supervise_recovery_seconds_count{verdict="repaired"}': 1,
    'supervise_recovery_seconds_count{verdict="consistent"}': 1,
    'supervise_findings_total{kind="index-lock"}': 1,
    'supervise_repaired_total{kind="index-lock"}': 1,
    'supervise_budget_left{budget="crashes"}': 7,
    'supervise_budget_left{budget="restarts"}': 20,
  })
  expect(metrics.get('supervise_gateway_ready_seconds_sum')).toBeGreaterThan(0)
  expect(metrics.get('supervise_recovery_seconds_sum{verdict="repaired"}')).toBeGreaterThan(0)
  expect(metrics.get('supervise_probe_seconds_count{probe="readiness"}')).toBeGreaterThan(0)
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

test('held: live and not ready, with the reason; another start does not fight for the port', async () => {
  const room = await enter()
  const port = await freePort()
  const flags = [`--http=127.0.0.1:${port}`, '--on-hold=wait']
  const supervisor = room.run('exit-78', { flags })
  await room.reaches('held', (status) => status.phase === 'held')
  expect(await json(port, '/livez')).toMatchObject({ status: 200, live: true })
  expect(await json(port, '/readyz')).toMatchObject({ status: 503, ready: false, phase: 'held' })
  expect(Object.fromEntries(await metricsAt(port))).toMatchObject({
    'supervise_phase{phase="held"}': 1,
    supervise_gateway_ready: 0,
    'supervise_holds_total{kind="refused"}': 1,
    'supervise_gateway_ends_total{cause="refused"}': 1,
  })
  const second = room.run('exit-78', { flags })
  expect((await second.ended).code).toBe(69)
  expect(second.said()).toContain(`held by another supervise: pid ${supervisor.who.pid} (`)
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

test('bad requests, slow clients and floods: the gateway is kept all the same', async () => {
  const room = await enter()
  const port = await freePort()
  const supervisor = room.run('one-at-a-time', { flags: [`--http=127.0.0.1:${port}`] })
  await room.reaches('ready', (status) => status.ready)
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])
    expect(
      await ask(port, '/status', method, method === 'POST' ? 'x'.repeat(100) : ''),
      method,
    ).toMatchObject({
      status: 405,
      body: '{"error":"GET or HEAD only"}\n',
    })
  for (const path of ['/../etc/passwd', '/%00', '//', '/status/', `/${'x'.repeat(4000)}`])
    expect((await ask(port, path)).status, path).toBe(404)

  const talk = async (text: string | Buffer): Promise<string> => {
    const socket = connect(port, '127.0.0.1')
    sockets.add(socket)
    let answer = ''
    socket.on('data', (chunk) => (answer += String(chunk)))
    socket.on('error', () => {})
    socket.write(text)
    if (!socket.destroyed) await once(socket, 'close')
    return answer
  }
  expect(await talk('\u0000\u0001\u0002 nonsense\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /)
  expect(await talk('GET /livez HTTP/9.9\r\n\r\n')).toMatch(/^HTTP\/1\.1 (?:400|505) /)
  expect(await talk(`GET /livez HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`)).toMatch(
    /^HTTP\/1\.1 431 /,
  )

  // More slow ones than it bears at once, and behind them a flood.
  for (let count = 0; count < 100; count++) {
    const socket = connect(port, '127.0.0.1')
    sockets.add(socket)
    socket.on('error', () => {})
    socket.write('GET /livez HTTP/1.1\r\nhost: x\r\n')
  }
  const flooding = { on: true, asked: 0 }
  const flood = Array.from({ length: 8 }, async () => {
    for (; flooding.on && flooding.asked < 100_000; flooding.asked++)
      await ask(port, '/metrics').catch(() => undefined)
  })
  for (let number = 2; number <= 4; number++) {
    supervisor.signal('SIGHUP')
    await room.reaches('the next one is ready', (status) => status.ready && status.child?.number === number)
  }
  flooding.on = false
  await Promise.all(flood)
  expect(flooding.asked).toBeGreaterThan(0)
  // The slow ones are shut out after a while, without anybody's help.
  const isShutOut = (): boolean => [...sockets].every((socket) => socket.destroyed)
  await until('nobody is left', isShutOut, 20_000)
  expect(await json(port, '/readyz')).toMatchObject({ status: 200, ready: true })
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

test('a port that somebody has: one line that names who, status 75, and no gateway', async () => {
  const room = await enter()
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const supervisor = room.run('one-at-a-time', { flags: [`--http=127.0.0.1:${port}`] })
  expect((await supervisor.ended).code).toBe(75)
  const lines = supervisor.said().trimEnd().split('\n')
  expect(lines).toHaveLength(1)
  expect(JSON.parse(lines[0]!)).toMatchObject({
    msg: expect.stringMatching(
      `cannot listen for --http on 127.0.0.1, port ${port}: port ${port} on 127.0.0.1 is held by pid ${process.pid} \\(.*, user `,
    ) as string,
    command: `ss -ltnp 'sport = :${port}'`,
  })
  server.close()
  const nowhere = room.run('one-at-a-time', { flags: ['--http=192.0.2.1:9464', '--http-expose'] })
  expect((await nowhere.ended).code).toBe(65)
  expect(nowhere.said()).toContain('cannot listen for --http on 192.0.2.1, port 9464: EADDRNOTAVAIL')
  expect(room.journal()).toEqual([])
  expect(() => readFileSync(join(room.stateDir, 'supervise/status.json'))).toThrow('ENOENT')
})

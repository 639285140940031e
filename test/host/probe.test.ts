import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { probe } from '../../src/host/probe.ts'
import { cert, key } from '../processes/children/certificate.mjs'

const open: Server[] = []
const sockets = new Set<Socket>()
afterEach(() => {
  for (const socket of sockets) socket.destroy()
  for (const server of open.splice(0)) server.close()
})
const at = async (server: Server, host = '127.0.0.1') => {
  open.push(server)
  server.on('connection', (socket) => sockets.add(socket))
  server.listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { port, url: `http://${host.includes(':') ? `[${host}]` : host}:${port}/readyz` }
}
const http = (listener: RequestListener, host?: string) => at(createHttpServer(listener), host)
const raw = (talk: (socket: Socket) => void) =>
  at(
    createServer((socket) => {
      socket.on('error', () => {})
      talk(socket)
    }),
  )

test.each(['127.0.0.1', '::1'])('an answer of %s, with its JSON', async (host) => {
  const { url } = await http(
    (_, response) => response.writeHead(503).end('{"ready":false,"failing":["x"]}'),
    host,
  )
  expect(await probe(url, 5000)).toMatchObject({
    is: 'answered',
    status: 503,
    json: { ready: false, failing: ['x'] },
  })
})

test('over TLS, with a certificate that nobody vouches for', async () => {
  const { url } = await at(createHttpsServer({ cert, key }, (_, response) => response.end('{"ok":true}')))
  const { url: plain } = await http((_, response) => response.end('{}'))
  expect(await probe(url.replace('http:', 'https:'), 5000)).toMatchObject({
    is: 'answered',
    json: { ok: true },
  })
  expect(await probe(url, 5000)).toMatchObject({ is: 'no-answer' })
  expect(await probe(plain.replace('http:', 'https:'), 5000)).toMatchObject({ is: 'no-answer' })
})

test('a page of HTML is an answer without JSON, whatever its status', async () => {
  const { url } = await http((_, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
  )
  expect(await probe(url, 5000)).toMatchObject({ is: 'answered', status: 200, json: undefined })
})

test('how long it took', async () => {
  const { url } = await http((_, response) => setTimeout(() => response.end('1'), 50))
  const answer = await probe(url, 5000)
  expect(answer.is === 'answered' && answer.ms).toBeGreaterThan(45)
  expect(answer.is === 'answered' && answer.ms).toBeLessThan(5000)
})

test('a redirect is not followed', async () => {
  let questions = 0
  const { url } = await http((_, response) => {
    questions++
    response.writeHead(302, { location: '/elsewhere' }).end()
  })
  expect(await probe(url, 5000)).toMatchObject({ is: 'answered', status: 302 })
  expect(questions).toBe(1)
})

test('no connection is kept: each question has its own', async () => {
  const ports = new Set<number | undefined>()
  let closed = 0
  const { url } = await http((request, response) => {
    ports.add(request.socket.remotePort)
    request.socket.on('close', () => closed++)
    expect(request.headers.connection).toBe('close')
    response.end('{}')
  })
  for (let round = 0; round < 3; round++) expect(await probe(url, 5000)).toMatchObject({ is: 'answered' })
  expect(ports.size).toBe(3)
  await expect.poll(() => closed).toBe(3)
})

test('nobody listens', async () => {
  const { url } = await http(() => {})
  open.pop()?.close()
  expect(await probe(url, 5000)).toEqual({ is: 'no-answer', why: 'nobody listens' })
})

test('silence has an end: before the answer, in its head, in its body', async () => {
  const begin = 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n'
  for (const said of ['', 'HTTP/1.1 2', begin, `${begin}\r\n{"a`]) {
    const { url } = await raw((socket) => socket.write(said))
    expect(await probe(url, 100)).toEqual({ is: 'no-answer', why: 'no answer within 100 ms' })
  }
})

test('nor is a trickle waited for', async () => {
  const { url } = await raw((socket) => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n')
    const drip = setInterval(() => socket.write(' '), 10)
    socket.on('close', () => clearInterval(drip))
  })
  expect(await probe(url, 100)).toEqual({ is: 'no-answer', why: 'no answer within 100 ms' })
})

test('a body without end is not read', async () => {
  const { url } = await http((_, response) => {
    const pour = (): boolean =>
      response.write('x'.repeat(60_000), () => response.destroyed || setImmediate(pour))
    pour()
  })
  expect(await probe(url, 5000)).toEqual({ is: 'no-answer', why: 'an answer of more than 65536 bytes' })
})

test.each([
  ['not HTTP', 'SSH-2.0-OpenSSH\r\n', /^HPE_/],
  ['cut in its head', 'HTTP/1.1 200 OK\r\nconte', /^(ECONNRESET|HPE_)/],
  ['cut in its body', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{"a', /cut in the middle|ECONNRESET/],
  ['nothing at all', '', /^ECONNRESET$/],
])('%s', async (_, said, why) => {
  const { url } = await raw((socket) => socket.end(said))
  expect(await probe(url, 5000)).toEqual({ is: 'no-answer', why: expect.stringMatching(why) })
})

test('an address that is none is a defect of the asker', async () => {
  await expect(probe('http://127.0.0.1:99999/', 100)).rejects.toThrow('Invalid URL')
})

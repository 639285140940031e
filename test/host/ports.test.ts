import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type ListenOptions, type Server } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeAll, describe as suite, expect, test } from 'vitest'
import {
  covers,
  listenersOnPort,
  listeningAmong,
  ownersOf,
  parseSockets,
  socketsOnPort,
} from '../../src/host/listeners.ts'
import { lookAtPort, type PortSight } from '../../src/host/ports.ts'
import { until } from '../systemd/wait.ts'
import { compiledHost, runModule } from './compiled.ts'
import { childFile, endAfterTest, notedPids, temporaryFolder } from './started.ts'

const open = new Set<Server>()
afterEach(async () => {
  for (const server of open) await closed(server)
})
const closed = async (server: Server) => {
  open.delete(server)
  server.close()
  await once(server, 'close')
}
const listening = async (options: ListenOptions) => {
  const server = createServer()
  server.listen({ port: 0, ...options })
  open.add(server)
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}
const freePort = async () => {
  const { server, port } = await listening({ host: '127.0.0.1' })
  await closed(server)
  return port
}
const by = (sights: readonly PortSight[], address: string) =>
  sights.find((sight) => sight.address === address)
const self = { pid: process.pid }

suite('may the gateway listen', () => {
  test('free at both families and at the configured bind', async () => {
    const port = await freePort()
    expect(await lookAtPort(port, ['0.0.0.0', '127.0.0.1'])).toEqual([
      { address: '127.0.0.1', is: 'free' },
      { address: '::1', is: 'free' },
      { address: '0.0.0.0', is: 'free' },
    ])
    expect(listenersOnPort(port)).toEqual([])
  })

  test('one family held and the other free', async () => {
    const { port } = await listening({ host: '::1' })
    const sights = await lookAtPort(port)
    expect(by(sights, '127.0.0.1')).toEqual({ address: '127.0.0.1', is: 'free' })
    expect(by(sights, '::1')).toMatchObject({ is: 'held', at: '::1', by: [self] })
  })

  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['::', '::'],
  ])('somebody at %s holds 127.0.0.1', async (host, at) => {
    const { port } = await listening({ host })
    expect(by(await lookAtPort(port), '127.0.0.1')).toMatchObject({ is: 'held', at, by: [self] })
  })

  test('somebody at :: who limited it to IPv6 leaves 127.0.0.1 free', async () => {
    const { port } = await listening({ host: '::', ipv6Only: true })
    const sights = await lookAtPort(port)
    expect(by(sights, '127.0.0.1')).toMatchObject({ is: 'free' })
    expect(by(sights, '::1')).toMatchObject({ is: 'held', at: '::', by: [self] })
  })

  test('somebody at 127.0.0.1 is in the way of the any-addresses', async () => {
    const { port } = await listening({ host: '127.0.0.1' })
    const sights = await lookAtPort(port, ['0.0.0.0', '::'])
    expect(by(sights, '::1')).toMatchObject({ is: 'free' })
    expect(by(sights, '0.0.0.0')).toMatchObject({ is: 'held', at: '127.0.0.1' })
    expect(by(sights, '::')).toMatchObject({ is: 'held', at: '127.0.0.1' })
  })

  test('an IPv4 address written as IPv6', async () => {
    const { port } = await listening({ host: '::ffff:127.0.0.1' })
    expect(by(await lookAtPort(port), '127.0.0.1')).toMatchObject({ is: 'held', at: '::ffff:127.0.0.1' })
  })

  test('connections in TIME_WAIT are in nobody’s way', async () => {
    const { server, port } = await listening({ host: '127.0.0.1' })
    const client = connect(port, '127.0.0.1')
    const [accepted] = await once(server, 'connection')
    client.resume()
    // Who closes first keeps the TIME_WAIT.
    accepted.end()
    await once(client, 'close')
    await closed(server)
    const isLingering = () => socketsOnPort(port).some(({ state }) => state === 'time-wait')
    await until('TIME_WAIT', async () => isLingering())
    expect(by(await lookAtPort(port), '127.0.0.1')).toEqual({ address: '127.0.0.1', is: 'free' })
    expect(isLingering()).toBe(true)
    const again = await listening({ host: '127.0.0.1', port })
    expect(again.port).toBe(port)
  })

  test('an address of another machine', async () => {
    expect(by(await lookAtPort(await freePort(), ['192.0.2.1']), '192.0.2.1')).toMatchObject({
      is: 'no-such-address',
    })
  })

  test('the holder is named: pid, start, command, user', async () => {
    const port = await freePort()
    const env = { OPENCLAW_GATEWAY_PORT: String(port) }
    const holder = spawn(process.execPath, [childFile('ready-then-wait')], { env, stdio: 'ignore' })
    const identity = endAfterTest(holder.pid)
    await until('its listener', async () => listenersOnPort(port).length > 0)
    const sight = by(await lookAtPort(port), '127.0.0.1')
    expect(sight).toMatchObject({ is: 'held', by: [identity] })
    expect(sight?.is === 'held' && sight.by[0]?.command).toContain('ready-then-wait.mjs')
    expect(sight?.is === 'held' && sight.by[0]?.user).toBeTruthy()
  })

  test('a grandchild that kept the socket is named, too', async () => {
    const port = await freePort()
    const journal = join(temporaryFolder(), 'journal')
    const env = { OPENCLAW_GATEWAY_PORT: String(port), CHILD_JOURNAL: journal }
    const child = spawn(process.execPath, [childFile('leave-grandchild-with-port')], { env, stdio: 'ignore' })
    endAfterTest(child.pid)
    const [grandchild] = await until('the grandchild', async () => {
      const pids = notedPids(journal, 'grandchild')
      return pids.length > 0 && pids
    })
    const sight = by(await lookAtPort(port), '127.0.0.1')
    expect(sight?.is === 'held' && sight.by.map(({ pid }) => pid)).toEqual([child.pid, grandchild])
    child.kill('SIGTERM')
    await once(child, 'exit')
    expect(by(await lookAtPort(port), '127.0.0.1')).toMatchObject({ is: 'held', by: [{ pid: grandchild }] })
  })
})

suite.runIf(process.getuid?.() === 0)('as somebody without permission', () => {
  const host = compiledHost()
  beforeAll(() => {
    // Readable for everybody, wherever this repository lies.
    for (const name of ['detect-port', 'address']) {
      const from = fileURLToPath(new URL(`../../node_modules/${name}`, import.meta.url))
      cpSync(from, join(dirname(host('ports.js')), 'node_modules', name), { recursive: true })
    }
  })
  const look = (port: number) =>
    runModule(
      `const { lookAtPort } = await import(${JSON.stringify(host('ports.js'))})
       console.log(JSON.stringify(await lookAtPort(${port})))`,
      { uid: 65534 },
    )

  test('a holder that may not be looked into: its user at least', async () => {
    const { port } = await listening({ host: '127.0.0.1' })
    expect(look(port)).toEqual([
      { address: '127.0.0.1', is: 'held-unseen', user: 'root' },
      { address: '::1', is: 'free' },
    ])
  })

  test('a port that ordinary users may not have', () => {
    const firstFree = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'))
    const is = firstFree > 7 ? 'not-permitted' : 'free'
    expect(look(7)).toEqual([
      { address: '127.0.0.1', is },
      { address: '::1', is },
    ])
  })
})

suite('does the listener belong to these processes', () => {
  test('to us, and to nobody else', async () => {
    const { port } = await listening({ host: '127.0.0.1' })
    expect(listeningAmong([process.pid], port)).toEqual({ pids: [process.pid], host: '127.0.0.1' })
    expect(listeningAmong([process.ppid], port)).toBeUndefined()
    expect(listeningAmong([], port)).toBeUndefined()
    expect([...ownersOf(listenersOnPort(port)).values()]).toEqual([[process.pid]])
  })

  test.each([
    ['0.0.0.0', '127.0.0.1'],
    ['127.0.0.2', '127.0.0.2'],
    ['::1', '[::1]'],
  ])('at %s, it is asked at %s', async (host, asked) => {
    const { port } = await listening({ host })
    expect(listeningAmong([process.pid], port)?.host).toBe(asked)
  })

  test('a connection is not a listener', async () => {
    const { server, port } = await listening({ host: '127.0.0.1' })
    const client = connect(port, '127.0.0.1')
    const [accepted] = await once(server, 'connection')
    const own = client.localPort ?? 0
    expect(listeningAmong([process.pid], own)).toBeUndefined()
    expect(listenersOnPort(own)).toEqual([])
    client.destroy()
    accepted.destroy()
  })
})

suite('the tables of the kernel', () => {
  const tcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:4965 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0000000000000000 100 0 0 10 0
   1: 0100007F:4965 0100007F:C350 06 00000000:00000000 03:00000BB8 00000000     0        0 0 3 0000000000000000
   2: 0100007F:C350 0100007F:4965 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000000000000000 20 4 30 10 -1
   3: 00000000:1F49 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0000000000000000 100 0 0 10 0
`
  test('a listener, its user and inode; what lingers; nothing of another port', () => {
    expect(parseSockets(tcp, 'ipv4', 18789)).toEqual([
      { family: 'ipv4', address: '127.0.0.1', port: 18789, state: 'listen', inode: 4711, uid: 1000 },
      { family: 'ipv4', address: '127.0.0.1', port: 18789, state: 'time-wait', inode: 0, uid: 0 },
    ])
    expect(parseSockets(tcp, 'ipv4', 8009)).toMatchObject([{ address: '0.0.0.0', inode: 4713 }])
    expect(parseSockets('', 'ipv4', 18789)).toEqual([])
  })

  test.each([
    ['00000000000000000000000000000000', '::'],
    ['00000000000000000000000001000000', '::1'],
    ['0000000000000000FFFF00000100007F', '::ffff:127.0.0.1'],
    ['B80D0120000000000000000001000000', '2001:db8::1'],
    ['000080FE00000000FF0010AAFE020000', 'fe80::aa10:ff:0:2fe'],
    ['B80D0120000001000000000001000000', '2001:db8:1::1'],
    ['B80D0120010000000000010001000000', '2001:db8:0:1:1::1'],
  ])('%s is %s', (hex, address) => {
    expect(parseSockets(`h\n 0: ${hex}:0050 0:0 0A a b c 0 0 9`, 'ipv6', 80)).toMatchObject([{ address }])
  })

  test.each([
    ['127.0.0.1', '127.0.0.1', true],
    ['0.0.0.0', '127.0.0.1', true],
    ['::', '127.0.0.1', true],
    ['::', '::1', true],
    ['::ffff:127.0.0.1', '127.0.0.1', true],
    ['::ffff:0.0.0.0', '10.0.0.1', true],
    ['127.0.0.1', '0.0.0.0', true],
    ['::1', '::', true],
    ['127.0.0.1', '::', true],
    ['127.0.0.1', '::1', false],
    ['::1', '127.0.0.1', false],
    ['0.0.0.0', '::1', false],
    ['10.0.0.1', '127.0.0.1', false],
    ['fe80::1', '::1', false],
  ])('%s covers %s: %s', (held, asked, answer) => {
    expect(covers(held, asked)).toBe(answer)
  })
})

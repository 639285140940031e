/** What stands on the port is told truly, at both families: who it is, or that nobody does. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { nameOfProcess } from '../../src/host/process-table.ts'
import { listenersOnPort } from '../../src/host/listeners.ts'
import { lookForObstruction, type PortReport } from '../../src/supervisor/port-sight.ts'
import { compiledHost, runModule } from '../host/compiled.ts'
import { endAfterTest } from '../host/started.ts'
import { until } from '../processes/until.ts'

const host = compiledHost()
const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})
const listening = async (address: string): Promise<number> => {
  const server = createServer()
  server.listen(0, address)
  servers.push(server)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
const freePort = async (): Promise<number> => {
  const port = await listening('127.0.0.1')
  const server = servers.pop()!
  server.close()
  await once(server, 'close')
  return port
}
const self = String.raw`pid ${process.pid} \(.*node.*, user [\w-]+(?:, unit \S+)?\)`

test('free at both families and at the configured bind: nothing is said', async () => {
  expect(await lookForObstruction(await freePort(), ['0.0.0.0'])).toEqual({ obstruction: null, warnings: [] })
})

test.each(['127.0.0.1', '0.0.0.0', '::', '::ffff:127.0.0.1'])(
  'a stranger at %s is in the way of IPv4: named, with the command that shows it',
  async (address) => {
    const port = await listening(address)
    const { obstruction } = await lookForObstruction(port, [])
    expect(obstruction?.evidence).toMatch(new RegExp(`^port ${port} on 127.0.0.1 is held by ${self}$`))
    expect(obstruction?.command).toBe(`ss -ltnp 'sport = :${port}'`)
  },
)

test('a stranger at ::1 only is a warning', async () => {
  const port = await listening('::1')
  const { obstruction, warnings } = await lookForObstruction(port, [])
  expect(obstruction).toBeNull()
  expect(warnings).toEqual([
    expect.stringMatching(
      new RegExp(
        `^port ${port} on ::1 is held by ${self}; the gateway will serve IPv4 only, and clients of \\[::1\\] reach the other one$`,
      ),
    ),
  ])
})

test('another gateway is told as one, with its state', async () => {
  const port = await freePort()
  const script = `process.title = 'openclaw-gateway'
    require('node:net').createServer().listen(Number(process.argv[1]), '127.0.0.1')`
  const env = { OPENCLAW_STATE_DIR: '/srv/other' }
  const { pid } = endAfterTest(
    spawn(process.execPath, ['-e', script, String(port)], { stdio: 'ignore', env }).pid,
  )
  await until('it listens', () => listenersOnPort(port).length > 0)
  expect(nameOfProcess(pid)).toBe('openclaw-gatewa')
  const { obstruction } = await lookForObstruction(port, [])
  expect(obstruction?.evidence).toMatch(
    new RegExp(
      `^port ${port} on 127.0.0.1 is held by another OpenClaw gateway, on "/srv/other": pid ${pid} \\(openclaw-gateway, user `,
    ),
  )
})

test('an address that is none of this machine’s is never said to be in use', async () => {
  const { obstruction } = await lookForObstruction(await freePort(), ['192.0.2.1'])
  expect(obstruction).toEqual({
    evidence: '192.0.2.1 is no address of this machine',
    command: 'ip address show',
  })
})

describe.runIf(process.getuid?.() === 0)('as a user who may not look', () => {
  beforeAll(() => {
    // Readable for everybody, wherever this repository lies.
    for (const name of ['detect-port', 'address']) {
      const from = fileURLToPath(new URL(`../../node_modules/${name}`, import.meta.url))
      cpSync(from, join(dirname(host('ports.js')), 'node_modules', name), { recursive: true })
    }
  })
  const look = (port: number): PortReport =>
    runModule(
      `const { lookForObstruction } = await import(${JSON.stringify(host('../supervisor/port-sight.js'))})
       console.log(JSON.stringify(await lookForObstruction(${port}, [])))`,
      { uid: 65534 },
    ) as PortReport

  test('somebody else’s: whose, at least, and how to see more', async () => {
    const port = await listening('127.0.0.1')
    expect(look(port).obstruction).toEqual({
      evidence: `port ${port} on 127.0.0.1 is held by a process of user root that may not be looked at from here`,
      command: `sudo ss -ltnp 'sport = :${port}'`,
    })
  })
})

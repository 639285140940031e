/** A real gateway, started to ready, told about, restarted on order, and stopped. */
import { createServer } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openLab, type Lab, type Started } from './harness/lab.ts'
import type { Seen } from './harness/census.ts'
import { stillLives } from './harness/census.ts'

let lab: Lab
let supervisor: Started
let gateway: Seen

beforeAll(async () => {
  lab = await openLab('2026.4.26')
  supervisor = lab.start('supervise')
  gateway = await lab.readyUnderSupervision()
})
afterAll(() => lab?.close())

test('status tells the version, the process, and by what readiness was seen', async () => {
  const { code, stdout } = await lab.supervise('status', '--json')
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    phase: 'running',
    ready: true,
    readiness: {
      evidence: expect.stringContaining(`pid ${gateway.pid} owns the listener on port ${lab.place.port}`),
    },
    child: { pid: gateway.pid, version: '2026.4.26' },
    supervisor: { pid: supervisor.pid },
    hold: null,
  })
})

test('a turn works under supervision', async () => {
  await lab.turn('my number is 4711')
  expect((await lab.history()).map(({ role }) => role)).toEqual(['user', 'assistant'])
})

test('check works while the gateway runs, and says that it does', async () => {
  const { code, stdout } = await lab.supervise('check', '--json')
  expect(JSON.parse(stdout)).toMatchObject({ store: 'file', verdict: 'consistent', gatewayRunning: true })
  expect(code).toBe(0)
})

test('a repair is refused while the gateway lives', async () => {
  const { code, stderr } = await lab.supervise('repair')
  expect(code).not.toBe(0)
  expect(stderr).toMatch(/\d/)
  expect(stillLives(gateway)).toBe(true)
})

test('restart replaces the gateway by another one, and counts no crash', async () => {
  expect(await lab.supervise('restart')).toMatchObject({ code: 0 })
  const next = await lab.readyUnderSupervision(60_000, gateway)
  expect(stillLives(gateway)).toBe(false)
  gateway = next
  expect((await lab.status()).budgets.crashes.spent).toBe(0)
})

test('SIGTERM ends it with 0, and leaves no gateway and no listener', async () => {
  process.kill(supervisor.pid, 'SIGTERM')
  expect(await supervisor.ended).toEqual({ code: 0, signal: null })
  expect(lab.gateways()).toEqual([])
  for (const host of ['127.0.0.1', '::1']) expect(await canListen(host, lab.place.port)).toBe(true)
  const { code, stdout } = await lab.supervise('status', '--json')
  expect(JSON.parse(stdout)).toMatchObject({ phase: 'stopped', ready: false, child: null, supervisor: null })
  expect(code).toBe(3)
})

const canListen = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, host, () => server.close(() => resolve(true)))
  })

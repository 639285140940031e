import { once } from 'node:events'
import { copyFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { until } from '../systemd/wait.ts'
import { attempt, IMAGE, openRuntime, repository, type Container, type Runtime } from './podman.ts'

let runtime: Runtime
beforeAll(async () => {
  runtime = await openRuntime()
}, 600_000)
afterAll(() => runtime.remove())

const childPath = (name: string) =>
  fileURLToPath(new URL(`../processes/children/${name}.mjs`, import.meta.url))
const gateway = (name: string, ...args: readonly string[]) => [
  'run',
  '--',
  'node',
  `/children/${name}.mjs`,
  ...args,
]

const statusOf = async (container: Container) =>
  JSON.parse((await container.run('supervise', 'status', '--json')).stdout) as Record<string, unknown>
const ready = (container: Container) =>
  until('healthy', async () => (await container.healthcheck()).status === 0 && container)
/** The last field of /proc/PID/stat that matters here is the third: Z for a zombie. */
const LIST = `for (const pid of fs.readdirSync('/proc').filter(Number)) try {
  const [, name, state, parent] = /^\\d+ \\((.*)\\) (.) (\\d+)/.exec(fs.readFileSync('/proc/' + pid + '/stat', 'utf8'))
  console.log(JSON.stringify({ pid: Number(pid), name, state, parent: Number(parent), words: fs.readFileSync('/proc/' + pid + '/cmdline', 'utf8').split('\\0').slice(0, -1) }))
} catch {}`
interface Row {
  readonly pid: number
  readonly state: string
  readonly parent: number
  readonly words: readonly string[]
}
const processes = async (container: Container) => {
  const { stdout } = await container.run('node', '--eval', LIST)
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Row)
  return rows.filter(({ words }) => words[2] !== LIST)
}
const gateways = async (container: Container) =>
  (await processes(container)).filter(({ words }) => words[1]?.startsWith('/children/'))

test('it is unprivileged on a read-only root, and healthy when the gateway is ready', async () => {
  const container = await runtime.start(await runtime.newHome(), ...gateway('slow-start', '3000'))
  expect((await container.healthcheck()).status).not.toBe(0)
  await ready(container)

  const rows = await processes(container)
  const init = rows.find(({ pid }) => pid === 1)
  const supervise = rows.find(({ parent }) => parent === 1)
  const words = ['run', '--', 'node', '/children/slow-start.mjs', '3000']
  expect(init).toMatchObject({ pid: 1, words: ['/bin/sh', '/opt/supervise/init', ...words] })
  expect(supervise).toMatchObject({ parent: 1, words: ['node', '/usr/local/bin/supervise', ...words] })
  expect((await container.run('cat', '/proc/1/status')).stdout).toMatch(
    /^Uid:\t1000\t1000[^]*^CapBnd:\t0+$[^]*^NoNewPrivs:\t1$/m,
  )
  expect((await container.run('touch', '/opt/x')).stderr).toMatch(/Read-only/)
  expect(await gateways(container)).toHaveLength(1)
  await container.podman('rm', '--force', '--time', '0')
})

test('a gateway that is not ready makes a container that is not healthy', async () => {
  const container = await runtime.start(await runtime.newHome(), ...gateway('never-ready'))
  await until('starting', async () => (await statusOf(container))['phase'] === 'starting')
  expect((await container.healthcheck()).status).not.toBe(0)
  await container.podman('rm', '--force', '--time', '0')
})

test('a stop drains the gateway and ends with 0', async () => {
  const container = await runtime.start(await runtime.newHome(), ...gateway('slow-stop', '2000'))
  await ready(container)
  await container.podman('stop', '--time', '60')
  expect(await container.state()).toMatchObject({ Status: 'exited', ExitCode: 0 })
})

test('a stop in the first instants is not lost', async () => {
  for (let times = 0; times < 5; times++) {
    const container = await runtime.start(await runtime.newHome(), ...gateway('ready-then-wait'))
    const begun = performance.now()
    await container.podman('stop', '--time', '120')
    // Lost, it would have taken the grace, and the kill at its end.
    expect(performance.now() - begun).toBeLessThan(60_000)
    expect([0, 143]).toContain((await container.state()).ExitCode)
    await container.podman('rm', '--force', '--time', '0')
  }
})

test('restart and stop, ordered from inside', async () => {
  const container = await runtime.start(await runtime.newHome(), ...gateway('ready-then-wait'))
  await ready(container)
  expect(await container.run('supervise', 'restart')).toMatchObject({ status: 0 })
  expect(await statusOf(container)).toMatchObject({ ready: true, child: { number: 2 } })
  // Its own words are cut off with the container.
  await container.run('supervise', 'stop')
  await until('stopped', async () => (await container.state()).Status === 'exited')
  expect(await container.state()).toMatchObject({ ExitCode: 0 })
})

test('after a kill the same container starts again, with one gateway', async () => {
  const container = await runtime.start(await runtime.newHome(), ...gateway('ready-then-wait'))
  await ready(container)
  await container.podman('kill', '--signal', 'KILL')
  await until('dead', async () => (await container.state()).Status === 'exited')
  await container.podman('start')
  await ready(container)
  expect(await gateways(container)).toHaveLength(1)
  expect((await container.run('supervise', 'history')).stdout).toMatch(/began[^]*began/)
  await container.podman('rm', '--force', '--time', '0')
})

test('held, it stays, is not healthy, says why, and goes on when a person has mended it', async () => {
  const home = await runtime.newHome()
  await copyFile(childPath('endpoints'), `${home}/endpoints.mjs`)
  await copyFile(childPath('exit-78'), `${home}/gateway.mjs`)
  const container = await runtime.start(home, 'run', '--', 'node', '/home/node/gateway.mjs')
  await until('held', async () => (await statusOf(container))['phase'] === 'held')
  expect((await container.healthcheck()).status).not.toBe(0)
  expect(await statusOf(container)).toMatchObject({ hold: { kind: 'refused' }, child: null })
  expect((await container.state()).Status).toBe('running')

  await copyFile(childPath('ready-then-wait'), `${home}/gateway.mjs`)
  expect(await container.run('supervise', 'retry')).toMatchObject({ status: 0 })
  await ready(container)
  await container.podman('rm', '--force', '--time', '0')
})

test('a second container on the same home is refused with 69, and the first goes on', async () => {
  const home = await runtime.newHome()
  const container = await runtime.start(home, ...gateway('ready-then-wait'))
  await ready(container)
  const second = await runtime.runToEnd(home, ...gateway('ready-then-wait'))
  expect(second).toMatchObject({ status: 69, stderr: expect.stringMatching(/state directory/) as string })
  expect((await container.healthcheck()).status).toBe(0)
  await container.podman('rm', '--force', '--time', '0')
})

test('what loses its parent is adopted and reaped', async () => {
  const container = await runtime.start(await runtime.newHome(), ...gateway('ready-then-wait'))
  await ready(container)
  for (let i = 0; i < 20; i++) await container.run('sh', '-c', 'sh -c "sleep 0.2; exit 3" & exit 0')
  await until('no zombie', async () => (await processes(container)).every(({ state }) => state !== 'Z'))
  await until('alone', async () => (await processes(container)).length === 3)
  expect((await container.healthcheck()).status).toBe(0)
  await container.podman('rm', '--force', '--time', '0')
})

test.each([
  [64, ['run', '--port', '99999']],
  [78, ['run', '--on-hold', 'leave', '--', 'node', '/children/exit-78.mjs']],
  [65, ['run', '--on-hold', 'leave', '--', 'node', '/children/exit-1.mjs']],
] as const)('the status %i of supervise is the status of the container', async (status, command) => {
  expect(await runtime.runToEnd(await runtime.newHome(), ...command)).toMatchObject({ status })
})

test('supervise may be PID 1 itself', async () => {
  const home = await runtime.newHome()
  const container = await runtime.startWith(
    ['--entrypoint', 'supervise'],
    home,
    ...gateway('ready-then-wait'),
  )
  await ready(container)
  const init = (await processes(container)).find(({ pid }) => pid === 1)
  expect(init?.words.slice(0, 3)).toEqual(['node', '/usr/local/bin/supervise', 'run'])
  for (let i = 0; i < 20; i++) await container.run('sh', '-c', 'sh -c "sleep 0.2; exit 3" & exit 0')
  await until('alone', async () => (await processes(container)).length === 2)
  await container.podman('stop', '--time', '60')
  expect(await container.state()).toMatchObject({ Status: 'exited', ExitCode: 0 })
})

test('the Pod of the StatefulSet runs, is ready by its own probe, and drains when it is stopped', async () => {
  const manifest = join(repository, 'units/container/kubernetes/statefulset.yaml')
  const set = ['set', 'image', '--local', '--filename', manifest, `*=localhost/${IMAGE}`, '--output=json']
  const { template } = (
    JSON.parse((await attempt('kubectl', set)).stdout) as { spec: { template: { spec: PodSpec } } }
  ).spec
  const [gateway] = template.spec.containers
  if (gateway === undefined) throw new Error('a Pod without a container')
  // As a new volume is: empty.
  const home = await runtime.newVolume()
  const container = await runtime.play(
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'openclaw' },
      spec: {
        ...template.spec,
        // No network of its own without a cluster's; a port of the machine that is free now.
        hostNetwork: true,
        initContainers: template.spec.initContainers.map((one) => ({ ...one, imagePullPolicy: 'Never' })),
        containers: [
          {
            ...gateway,
            imagePullPolicy: 'Never',
            args: [
              'run',
              '--port',
              String(await freePort()),
              '--',
              'node',
              '/children/slow-stop.mjs',
              '1000',
            ],
            envFrom: [],
            ports: [],
            volumeMounts: [...gateway.volumeMounts, { name: 'children', mountPath: '/children' }],
          },
        ],
        volumes: [
          ...template.spec.volumes,
          { name: 'home', hostPath: { path: home } },
          {
            name: 'children',
            hostPath: { path: fileURLToPath(new URL('../processes/children', import.meta.url)) },
          },
        ],
      },
    },
    'openclaw-gateway',
  )
  const probe = gateway.readinessProbe.exec.command
  await until('ready', async () => (await container.run(...probe)).status === 0)
  expect((await container.run('touch', '/opt/x')).stderr).toMatch(/Read-only/)
  await container.podman('stop', '--time', '60')
  expect(await container.state()).toMatchObject({ Status: 'exited', ExitCode: 0 })
})

interface PodSpec {
  readonly volumes: readonly object[]
  readonly initContainers: readonly object[]
  readonly containers: readonly {
    readonly volumeMounts: readonly object[]
    readonly readinessProbe: { readonly exec: { readonly command: readonly string[] } }
  }[]
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

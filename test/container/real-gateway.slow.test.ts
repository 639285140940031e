/** The real gateway of 2026.9.6 in the image: unprivileged, on a read-only root, under supervise. */
import { dirname } from 'node:path'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { openclawFromNpm } from '../../demo/from-npm.mjs'
import { until } from '../systemd/wait.ts'
import { openRuntime, type Container, type Runtime } from './podman.ts'

let runtime: Runtime
let options: readonly string[]
let command: readonly string[]
beforeAll(async () => {
  const { root, env } = await openclawFromNpm('2026.9.6')
  // As it was installed, beside what it depends on.
  const modules = dirname(root)
  const inside = (path: string): string => path.replace(modules, '/opt/node_modules')
  const variables = Object.entries(env).flatMap(([name, path]) => ['--env', `${name}=${inside(path)}`])
  options = ['--volume', `${modules}:/opt/node_modules:ro`, ...variables]
  command = ['run', '--', 'node', '/opt/node_modules/openclaw/openclaw.mjs', 'gateway', 'run']
  runtime = await openRuntime()
}, 900_000)
afterAll(() => runtime?.remove())

interface Told {
  readonly child: { readonly number: number; readonly version: string | null }
  readonly lastExit: { readonly exit: object } | null
  readonly state: { readonly store: string; readonly verdict: string }
}
const told = async (container: Container): Promise<Told> =>
  JSON.parse((await container.run('supervise', 'status', '--json')).stdout) as Told
const healthy = (container: Container): Promise<unknown> =>
  until('healthy', async () => (await container.healthcheck()).status === 0, 240_000)

test('it gets ready, outlives a kill of the container with its state, and is drained by a stop', async () => {
  const token = 'of-this-test'
  const home = await runtime.newHome({
    gateway: { mode: 'local', bind: 'loopback', auth: { mode: 'token', token } },
  })
  const container = await runtime.startWith(options, home, ...command)
  await healthy(container)
  expect(await told(container)).toMatchObject({ child: { number: 1, version: '2026.9.6' } })

  await container.podman('kill', '--signal', 'KILL')
  await until('dead', async () => (await container.state()).Status === 'exited')
  await container.podman('start')
  await healthy(container)
  expect(await told(container)).toMatchObject({ state: { store: 'sqlite', verdict: 'consistent' } })

  await container.podman('stop', '--time', '120')
  expect(await container.state()).toMatchObject({ Status: 'exited', ExitCode: 0 })
})

/**
 * A place for one real gateway: state, home and temporary files of its own, nothing of the person who runs the
 * test, no network beyond loopback.
 *
 * Starts take four seconds and not ninety because plugins are off and only core ones are found (demo/from-npm.mjs).
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Installed } from '../../../demo/from-npm.mjs'

export interface Place {
  readonly root: string
  readonly stateDir: string
  readonly port: number
  readonly token: string
  readonly env: Readonly<Record<string, string>>
  remove(): Promise<void>
}

export async function makePlace(
  openclaw: Installed,
  modelUrl: string,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<Place> {
  const root = await mkdtemp(join(tmpdir(), 'supervise-real-'))
  const stateDir = join(root, 'state')
  for (const dir of ['state', 'home', 'tmp', 'workspace']) await mkdir(join(root, dir), { mode: 0o700 })
  const port = await freePort()
  const token = 'token-of-a-test'
  const config = { ...configuration(root, port, token, modelUrl), ...changes }
  await writeFile(join(stateDir, 'openclaw.json'), `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 })
  return {
    root,
    stateDir,
    port,
    token,
    env: {
      PATH: process.env['PATH'] ?? '/usr/bin:/bin',
      HOME: join(root, 'home'),
      TMPDIR: join(root, 'tmp'),
      LANG: 'C.UTF-8',
      OPENCLAW_STATE_DIR: stateDir,
      ...openclaw.env,
      OPENCLAW_NO_AUTO_UPDATE: '1',
      // No channel is configured here, and some stories kill three gateways in five minutes.
      SUPERVISE_QUIET_MAX: '0s',
      // Should anything still think of npm: fail at once, do not wait for a network.
      npm_config_offline: 'true',
    },
    remove: () => rm(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }),
  }
}

function configuration(root: string, port: number, token: string, modelUrl: string): Record<string, unknown> {
  const cost = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }
  const limits = { contextWindow: 128_000, maxTokens: 4096 }
  const echo = { id: 'echo', name: 'Echo', reasoning: false, input: ['text'], cost, ...limits }
  const provider = { baseUrl: modelUrl, apiKey: 'no-secret', api: 'openai-completions', models: [echo] }
  return {
    gateway: { mode: 'local', bind: 'loopback', port, auth: { mode: 'token', token } },
    logging: { file: join(root, 'gateway.log') },
    discovery: { mdns: { mode: 'off' } },
    update: { checkOnStart: false },
    agents: {
      defaults: {
        workspace: join(root, 'workspace'),
        skipBootstrap: true,
        model: { primary: 'fake/echo' },
        heartbeat: { every: '0m' },
      },
    },
    models: { mode: 'merge', providers: { fake: provider } },
    plugins: { enabled: false },
    // Else a test that runs over four in the morning finds its sessions begun anew.
    session: { reset: { mode: 'idle', idleMinutes: 100_000 } },
  }
}

/** Free on both loopback families a moment ago. */
async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const first = await listen('127.0.0.1', 0)
    if (first === undefined) continue
    const second = await listen('::1', first.port)
    await first.close()
    await second?.close()
    if (second !== undefined) return first.port
  }
  throw new Error('no port is free on both 127.0.0.1 and ::1')
}

const listen = (host: string, port: number): Promise<{ port: number; close(): Promise<void> } | undefined> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen(port, host, () => {
      const address = server.address()
      const close = (): Promise<void> => new Promise((done) => void server.close(() => done()))
      resolve(typeof address === 'object' && address !== null ? { port: address.port, close } : undefined)
    })
  })

/**
 * A real gateway under test: its place, a model it talks to, and what a user would see of it.
 *
 *   const lab = await openLab('2026.4.26')
 *   const gateway = lab.start()               // as a person would, or
 *   const gateway = lab.start('supervise')    // under the program under test
 *   await lab.ready()
 *   await lab.turn('hello')
 *
 * close() leaves nothing behind, whatever the test did.
 */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { nodeFromNpm, openclawFromNpm } from '../../../demo/from-npm.mjs'
import { startModel, textOf } from '../../../demo/model.mjs'
import { everyoneOn, gatewaysOn, identityOf, signal, stillLives, type Seen } from './census.ts'
import { makePlace } from './gateway.ts'
import { connect, type Rpc } from './rpc.ts'
import { until } from './until.ts'

export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Started {
  readonly pid: number
  /** Everything it said so far, on both streams. */
  said(): string
  readonly ended: Promise<Ending>
}

export interface Said {
  readonly role: string
  readonly text: string
}

export type Lab = Awaited<ReturnType<typeof openLab>>

const program = fileURLToPath(new URL('../../../dist/main.js', import.meta.url))

/** Node 22 is what 2026.4 asks for (engines: >=22.14). */
export async function openLab(
  version: string,
  nodeMajor = 22,
  changes: Readonly<Record<string, unknown>> = {},
) {
  const openclaw = await openclawFromNpm(version)
  const node = await nodeFromNpm(nodeMajor)
  const model = await startModel()
  const place = await makePlace(openclaw, model.url, changes)
  const started: Seen[] = []
  const env = { ...place.env }

  const start = (
    under: 'nobody' | 'supervise' = 'nobody',
    extra: Readonly<Record<string, string>> = {},
  ): Started => {
    const gateway = [node, openclaw.entry, 'gateway', 'run']
    const command = under === 'nobody' ? gateway : [process.execPath, program, 'run', '--', ...gateway]
    const child = spawn(command[0] ?? '', command.slice(1), {
      cwd: place.root,
      env: { ...env, ...extra },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
    const ended = new Promise<Ending>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code, by) => resolve({ code, signal: by }))
    })
    const seen = child.pid === undefined ? undefined : identityOf(child.pid)
    if (seen === undefined) throw new Error(`cannot start ${command.join(' ')}: ${said}`)
    started.push(seen)
    return { pid: seen.pid, said: () => said, ended }
  }

  /** One command of the program under test, on this place. */
  const supervise = async (
    ...args: string[]
  ): Promise<{ code: number | null; stdout: string; stderr: string }> => {
    const child = spawn(process.execPath, [program, ...args], { cwd: place.root, env, timeout: 60_000 })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
    return { code, stdout, stderr }
  }

  const probe = async (path: string): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${place.port}${path}`, { signal: AbortSignal.timeout(5000) })
    return answer.json()
  }

  /** Ready by its own word, and one process: returns it. */
  const ready = (limitMs = 60_000, not?: Seen): Promise<Seen> =>
    until('the gateway is ready', limitMs, async () => {
      const [one, ...more] = gatewaysOn(place.stateDir)
      if (one === undefined || more.length > 0 || one.pid === not?.pid) return undefined
      return ((await probe('/readyz')) as { ready?: boolean }).ready === true && one
    })

  const rpc = async <T>(use: (rpc: Rpc) => Promise<T>): Promise<T> => {
    const connection = await connect(openclaw.entry, place.port, place.token)
    try {
      return await use(connection)
    } finally {
      connection.close()
    }
  }

  return {
    openclaw,
    node,
    model,
    place,
    start,
    supervise,
    probe,
    ready,
    rpc,
    gateways: () => gatewaysOn(place.stateDir),

    /** Sends a message and waits for the end of the turn. */
    turn: (message: string, sessionKey = 'agent:main:main', limitMs = 60_000) =>
      rpc((to) =>
        to.call('agent', { message, sessionKey, deliver: false, idempotencyKey: randomUUID() }, limitMs),
      ),

    /** Sends a message and leaves; resolves when the model was asked. */
    async beginTurn(message: string, sessionKey = 'agent:main:main') {
      const connection = await connect(openclaw.entry, place.port, place.token)
      const over = connection
        .call('agent', { message, sessionKey, deliver: false, idempotencyKey: randomUUID() }, 120_000)
        .then(
          () => {},
          () => {},
        )
      await model.request(({ prompt }) => prompt.includes(message), 60_000, JSON.stringify(message))
      return { over, leave: () => connection.close() }
    },

    /** What a client is shown. */
    history: (sessionKey = 'agent:main:main'): Promise<readonly Said[]> =>
      rpc(async (to) => {
        const { messages } = await to.call('chat.history', { sessionKey, limit: 1000 })
        return (messages as { role: string; content: unknown }[]).map(({ role, content }) => ({
          role,
          text: textOf(content),
        }))
      }),

    sessions: (): Promise<readonly string[]> =>
      rpc(async (to) => {
        const { sessions } = await to.call('sessions.list', {})
        return (sessions as { key: string }[]).map(({ key }) => key).sort()
      }),

    async close() {
      for (const seen of started) if (stillLives(seen)) signal(seen, 'SIGKILL')
      await until('everything that was started is gone', 10_000, () => {
        const left = everyoneOn(place.stateDir)
        for (const seen of left) if (stillLives(seen)) signal(seen, 'SIGKILL')
        return left.length === 0
      })
      await model.close()
      await place.remove()
    },
  }
}

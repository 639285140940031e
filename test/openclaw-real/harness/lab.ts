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
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeFor, nodeFromNpm, openclawFromNpm } from '../../../demo/from-npm.mjs'
import { startModel, type Model } from '../../../demo/model.mjs'
import { connect, over, type Rpc } from '../../../demo/rpc.mjs'
import { everyoneOn, gatewaysOn, identityOf, signal, stillLives, typed, type Seen } from './census.ts'
import type { Status } from '../../../src/supervisor/status.ts'
import { makePlace, type Place } from './gateway.ts'
import { Hopeless, until } from './until.ts'

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

export type Lab = Awaited<ReturnType<typeof openLab>>

/** Of an entry of the gateway's index, what tests look at. */
export interface Entry {
  readonly sessionId: string
  readonly updatedAt: number
  readonly status?: string
  readonly abortedLastRun?: boolean
}

export const main = 'agent:main:main'

const program = fileURLToPath(new URL('../../../dist/main.js', import.meta.url))

/** Without a major: the Node that this version asks for. */
export async function openLab(
  version: string,
  nodeMajor?: number,
  changes: Readonly<Record<string, unknown>> = {},
  /** Which Node runs the program under test; SQLite comes with 22.16 and later. */
  runner: 'running' | 'same as the gateway' = 'running',
  /** Another version takes over what is there. */
  after?: { readonly place: Place; readonly model: Model },
) {
  const openclaw = await openclawFromNpm(version)
  const node = await (nodeMajor === undefined ? nodeFor(openclaw) : nodeFromNpm(nodeMajor))
  const ours = runner === 'running' ? process.execPath : node
  const model = after?.model ?? (await startModel())
  const place =
    after === undefined
      ? await makePlace(openclaw, model.url, changes)
      : { ...after.place, env: { ...after.place.env, ...openclaw.env } }
  const started: Seen[] = []
  let latest: { readonly said: () => string; over: Ending | undefined } | undefined
  const env = { ...place.env }

  const start = (
    under: 'nobody' | 'supervise' = 'nobody',
    extra: Readonly<Record<string, string>> = {},
    entry = openclaw.entry,
  ): Started => {
    const gateway = [node, entry, 'gateway', 'run']
    const command = under === 'nobody' ? gateway : [ours, program, 'run', '--', ...gateway]
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
      // Not `close`: a gateway that outlives its supervisor keeps these pipes open.
      child.once('exit', (code, by) => resolve({ code, signal: by }))
    })
    const seen = child.pid === undefined ? undefined : identityOf(child.pid)
    if (seen === undefined) throw new Error(`cannot start ${command.join(' ')}: ${said}`)
    started.push(seen)
    const now: NonNullable<typeof latest> = { said: () => said, over: undefined }
    latest = now
    void ended.then(
      (ending) => (now.over = ending),
      () => {},
    )
    return { pid: seen.pid, said: now.said, ended }
  }

  const command = async (
    argv: readonly string[],
    limitMs: number,
    extra: Readonly<Record<string, string>> = {},
  ): Promise<{ code: number | null; stdout: string; stderr: string }> => {
    const child = spawn(argv[0] ?? '', argv.slice(1), {
      cwd: place.root,
      env: { ...env, ...extra },
      timeout: limitMs,
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
    return { code, stdout, stderr }
  }

  /** One command of the program under test, on this place. */
  const supervise = (...args: string[]): ReturnType<typeof command> =>
    command([ours, program, ...args], 60_000)

  const probe = async (path: string): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${place.port}${path}`, { signal: AbortSignal.timeout(5000) })
    return answer.json()
  }

  /** What the program under test says is true now. */
  const status = async (): Promise<Status> =>
    JSON.parse((await supervise('status', '--json')).stdout) as Status

  /** Ready by its own word, and one process: returns it. */
  const ready = (limitMs = 60_000, not?: Seen): Promise<Seen> =>
    until('the gateway is ready', limitMs, async () => {
      if (latest?.over !== undefined)
        throw new Hopeless(`it ended with ${JSON.stringify(latest.over)}:\n${latest.said().slice(-2000)}`)
      const [one, ...more] = gatewaysOn(place.stateDir)
      if (one === undefined || more.length > 0 || one.pid === not?.pid) return undefined
      return ((await probe('/readyz')) as { ready?: boolean }).ready === true && one
    })

  /** As `ready`, and the program under test has seen it, too. */
  const readyUnderSupervision = async (limitMs?: number, not?: Seen): Promise<Seen> => {
    const seen = await ready(limitMs, not)
    await until(
      'supervise says that it is ready',
      10_000,
      async () => (await status()).child?.pid === seen.pid && (await status()).ready,
    )
    return seen
  }

  const rpc = <T>(use: (rpc: Rpc) => Promise<T>): Promise<T> =>
    over(connect(openclaw.entry, place.port, place.token), use)

  const sessionsDir = join(place.stateDir, 'agents/main/sessions')
  const entry = (sessionKey = main): Entry | undefined =>
    (JSON.parse(readFileSync(join(sessionsDir, 'sessions.json'), 'utf8')) as Record<string, Entry>)[
      sessionKey
    ]

  return {
    openclaw,
    sessionsDir,
    entry,
    node,
    model,
    place,
    start,
    supervise,
    /** One command of this OpenClaw, as an operator would type it. */
    cli: (...args: string[]) => command([node, openclaw.entry, ...args], 300_000, { [typed]: '1' }),
    status,
    probe,
    ready,
    readyUnderSupervision,
    rpc,
    gateways: () => gatewaysOn(place.stateDir),

    /** Sends a message and waits for the end of the turn. */
    turn: (message: string, sessionKey = main) => rpc((to) => to.turn(sessionKey, message)),

    /**
     * The same, as often as it takes: while the gateway resumes a cut-off turn, 2026.8 and later answer a message to
     * that session with "changed while starting work. Retry".
     */
    turnAtLast: (message: string, sessionKey = main) =>
      until(`the turn ${JSON.stringify(message)}`, 120_000, async () => {
        await rpc((to) => to.turn(sessionKey, message))
        return true
      }),

    /**
     * Sends a message and leaves; resolves when the model was asked and the index says that the turn runs. (In
     * this order: 2026.4.26 writes the index a little later, and does not resume a turn that was killed between.)
     */
    async beginTurn(message: string, sessionKey = main): Promise<void> {
      const connection = await connect(openclaw.entry, place.port, place.token)
      void connection.turn(sessionKey, message, 120_000).then(connection.close, connection.close)
      await model.request(({ prompt }) => prompt.includes(message), 60_000, JSON.stringify(message))
      await until(
        `the index says that ${sessionKey} runs`,
        30_000,
        () => entry(sessionKey)?.status === 'running',
      )
    },

    /** What a client is shown. */
    history: (sessionKey = main) => rpc((to) => to.history(sessionKey)),
    sessions: () => rpc((to) => to.sessions()),

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

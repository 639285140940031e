// @ts-check
/** What the story is told with: narration, the program under its feet, processes by identity, bounded waiting. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** @typedef {{ pid: number, startTicks: number }} Identity */

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url))

/** @param {string} line */
export function say(line) {
  console.log(line)
}

/** @param {string} title */
export function step(title) {
  console.log(`\n== ${title}`)
}

/** @param {unknown} condition @param {string} what */
export function expect(condition, what) {
  if (!condition) throw new Error(what)
}

/**
 * The program, run on one state directory. `close` ends whatever it started and still lives.
 *
 * @param {{ root: string, stateDir: string, env: Record<string, string> }} place
 */
export function openStage({ root, stateDir, env: own }) {
  /** @type {Identity[]} */
  const known = []
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(OPENCLAW|SUPERVISE)_|^FORCE_COLOR$/.test(name),
  )
  const places = { HOME: root, TMPDIR: root, OPENCLAW_STATE_DIR: stateDir, NO_COLOR: '1' }
  const env = { ...Object.fromEntries(inherited), ...places, ...own }

  /** @param {number} pid */
  const remember = (pid) => {
    const startTicks = ticksOf(pid)
    if (startTicks !== undefined) known.push({ pid, startTicks })
  }

  /**
   * @param {string[]} args
   * @param {(line: string) => void} hear
   * @returns {{ said: () => string, ended: Promise<{ code: number | null }> }}
   */
  const start = (args, hear) => {
    const child = spawn(process.execPath, [program, ...args], {
      env,
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
        said += text
        for (const line of text.split('\n')) if (line !== '') hear(line)
      })
    if (child.pid !== undefined) remember(child.pid)
    const ended = new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code) => resolve({ code }))
    })
    return { said: () => said, ended }
  }

  return {
    remember,

    /** Runs on while the story goes on. @param {string[]} args */
    inBackground: (args) => {
      say(`$ supervise ${args.join(' ')} &`)
      return start(args, (line) => say(`    ${readable(line)}`))
    },

    /** One command: its words are shown, and its exit status must be the expected one. @param {string[]} args @param {number} status */
    async run(args, status) {
      say(`$ supervise ${args.join(' ')}`)
      const { said, ended } = start(args, (line) => say(`    ${line}`))
      const { code } = await within(ended, 60_000, `supervise ${args[0]} ends`)
      if (code !== 0) say(`    (exit status ${code})`)
      expect(code === status, `supervise ${args[0]} ends with ${status} (it was ${code})`)
      return said()
    },

    /** One command for the story itself: its JSON. @param {string[]} args @returns {Promise<any>} */
    async ask(args) {
      const { said, ended } = start([...args, '--json'], () => {})
      await within(ended, 60_000, `supervise ${args[0]} ends`)
      return JSON.parse(said())
    },

    close() {
      for (const one of known.toReversed())
        if (ticksOf(one.pid) === one.startTicks) process.kill(one.pid, 'SIGKILL')
    },
  }
}

/** The supervisor's own log is JSON on a pipe. @param {string} line */
function readable(line) {
  if (!line.startsWith('{"level"')) return line
  try {
    const { level, time, msg, ...rest } = JSON.parse(line)
    const details = Object.entries(rest).map(
      ([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`,
    )
    return `[supervise] ${msg}  (${details.join(' ')})`
  } catch {
    return line
  }
}

/**
 * @template T
 * @param {string} what
 * @param {number} limitMs
 * @param {() => T | Promise<T>} look
 * @returns {Promise<NonNullable<Exclude<T, false>>>}
 */
export async function until(what, limitMs, look) {
  const deadline = Date.now() + limitMs
  let failure = ''
  for (;;) {
    try {
      const seen = await look()
      if (seen) return /** @type {NonNullable<Exclude<T, false>>} */ (seen)
    } catch (error) {
      failure = `; last: ${String(error)}`
    }
    if (Date.now() > deadline) throw new Error(`${what}: not within ${limitMs / 1000} s${failure}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @param {number} limitMs
 * @param {string} what
 * @returns {Promise<T>}
 */
export async function within(promise, limitMs, what) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer
  /** @type {Promise<never>} */
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${limitMs / 1000} s`)), limitMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** With the pid, the identity of a process; undefined when there is none. @param {number} pid */
export function ticksOf(pid) {
  if (!existsSync(`/proc/${pid}/stat`)) return undefined
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : Number(fields[19])
  } catch {
    return undefined
  }
}

/** Every file of the gateway's, with the hash of its content. @param {string} stateDir */
export function fingerprint(stateDir) {
  const files = readdirSync(stateDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.startsWith(join(stateDir, 'supervise')))
  return files
    .sort()
    .map((path) => `${createHash('sha256').update(readFileSync(path)).digest('hex')}  ${path}`)
    .join('\n')
}

/** @returns {Promise<number>} */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

/** @param {number} port @returns {Promise<boolean>} */
export function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/**
 * The real program on the real file system, killed at each system call that changes something, and failing at
 * each with EIO, ENOSPC and EROFS, by strace's injection: `repair`, `repair --adopt`, `undo`, and `run` up to its
 * gateway.  After each: nothing is lost, a second run without injection comes to the same end, and undo restores
 * everything bit for bit.
 *
 * The standard run gives each call of `repair` one of the three errors and takes every eighth of those that only
 * read, and takes a few calls of the others, spread over their whole course; SUPERVISE_TEST_DEPTH=2 gives each call
 * of all of them every error.
 *
 * Cites the invariants at the head of src/recovery/recover.ts: 2, 3, 4 and 6; and promise 2 of the architecture.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { realDisk } from '../../src/host/real-disk.ts'
import { repairs } from '../../src/recovery/repairs.ts'
import { undo } from '../../src/recovery/undo.ts'
import { freePort } from '../processes/room.ts'
import { siteOn, STATE } from './bench.ts'
import { type Files, rows } from './damaged.ts'

const MAIN = path.resolve(import.meta.dirname, '../../dist/main.js')
const changing = ['fsync', 'rename', 'renameat2', 'link', 'unlink', 'mkdir', 'write', 'fchmod', 'fchown']
const reading = ['openat', 'pread64']
const errors = ['EIO', 'ENOSPC', 'EROFS'] as const
const isDeep = process.env['SUPERVISE_TEST_DEPTH'] !== undefined

type Seen = Map<string, { readonly sha: string; readonly mode: number; readonly mtime: bigint }>
interface Injection {
  readonly call: string
  readonly nth: number
  readonly how: string
}

const filesOf = (name: string): Files => rows.find((row) => row.name === name)!.files
const one = '11111111-1111-4111-8111-111111111111'
const other = '33333333-3333-4333-8333-333333333333'
const inSessions = (name: string): string => `${STATE}/agents/main/sessions/${name}`

/** A write, a creation, a file and a directory set aside, an archive put back. */
const everything: Files = {
  ...Object.fromEntries(
    Object.entries(filesOf('everything at once')).filter(
      ([name]) => name !== inSessions(`${one}.trajectory.jsonl`),
    ),
  ),
  ...Object.fromEntries(
    Object.entries(filesOf('a trajectory that was archived')).filter(([name]) => name.includes('.deleted.')),
  ),
  [inSessions('sessions.json.lock')]: '{}',
}
const unnamed: Files = {
  ...filesOf('a torn tail'),
  [inSessions(`${other}.jsonl`)]: (
    filesOf('everything at once')[inSessions(`${one}.jsonl`)] as string
  ).replaceAll(one, other),
}

interface Story {
  readonly name: string
  readonly files: Files
  /** What is done before the one that is killed or fails. */
  readonly before?: readonly string[]
  readonly words: () => readonly string[]
  /** How it ends by itself, and how it may end when a call fails. */
  readonly end: number
  readonly failing: readonly number[]
  /** After it. */
  readonly again: () => readonly string[]
  readonly endAgain: number
  /** So many injections in the standard run. */
  readonly sample?: number
}

let root = ''
let state = ''
let port = 0
let prepared = ''
const witness = (): string => path.join(root, 'witness')

/** What it found on the state goes under its name at once, or not at all. */
const look = `cd "$OPENCLAW_STATE_DIR" && find . -path ./supervise -prune -o -type f -exec sha256sum {} + > "$0.new" && mv "$0.new" "$0"; exit 78`
const runIt = (): string[] => [
  'run',
  '--state-dir',
  state,
  `--port=${port}`,
  '--backoff=1ms',
  '--sweep-limit=300ms',
  '--log-level=error',
  '--',
  '/bin/sh',
  '-c',
  look,
  witness(),
]
const repairIt = (...flags: string[]): string[] => ['repair', '--json', '--state-dir', state, ...flags]
const lastId = (): string => fs.readdirSync(path.join(state, 'supervise/repairs')).toSorted().at(-1)!

const stories: readonly Story[] = [
  {
    name: 'repair',
    files: everything,
    words: repairIt,
    end: 0,
    failing: [0, 75],
    again: repairIt,
    endAgain: 0,
  },
  {
    name: 'repair --adopt',
    files: unnamed,
    words: () => repairIt('--adopt'),
    end: 0,
    failing: [0, 75],
    again: () => repairIt('--adopt'),
    endAgain: 0,
    sample: 8,
  },
  {
    name: 'undo',
    files: everything,
    before: ['repair'],
    words: () => ['undo', '--json', '--state-dir', state, lastId()],
    end: 0,
    failing: [0, 75],
    again: repairIt,
    endAgain: 0,
    sample: 10,
  },
  {
    name: 'run, up to its gateway',
    files: everything,
    words: runIt,
    end: 78,
    failing: [78, 75],
    again: runIt,
    endAgain: 78,
    sample: 10,
  },
]

// One thread for fsync, so that its calls are counted in one row.
const env = (): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  HOME: root,
  TMPDIR: root,
  UV_THREADPOOL_SIZE: '1',
})
const supervise = (words: readonly string[]) =>
  spawnSync(process.execPath, [MAIN, ...words], { env: env(), encoding: 'utf8' })

beforeAll(async () => {
  if (spawnSync('strace', ['-V']).status !== 0)
    throw new Error(
      'this suite injects failing system calls by strace, which is not installed: apt-get install strace',
    )
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'supervise-calls-'))
  state = path.join(root, 'state')
  prepared = path.join(root, 'prepared')
  port = await freePort()
})
afterAll(() => fs.rmSync(root, { recursive: true, force: true }))

/** Made once a story, and copied with all its times and second names for each injection. */
function prepare({ files, before }: Story): void {
  for (const folder of [state, prepared]) fs.rmSync(folder, { recursive: true, force: true })
  for (const [name, content] of Object.entries(files)) {
    const file = name.replace(STATE, state)
    fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
    fs.writeFileSync(file, (content as string).replaceAll(STATE, state), {
      mode: name.endsWith('.json') ? 0o600 : 0o644,
    })
    // Known to the nanosecond, and long past.
    fs.utimesSync(file, 1_795_000_000.125, 1_795_000_000.125)
  }
  const damaged = seen()
  if (before !== undefined) {
    const done = supervise([...before, '--state-dir', state])
    expect(done.status, done.stderr).toBe(0)
  }
  fs.renameSync(state, prepared)
  original = damaged
}
let original: Seen = new Map()

function begin(): Seen {
  fs.rmSync(state, { recursive: true, force: true })
  fs.rmSync(witness(), { force: true })
  execFileSync('cp', ['-a', prepared, state])
  return seen()
}

function seen(): Seen {
  const all: Seen = new Map()
  for (const entry of fs.readdirSync(state, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = path.join(entry.parentPath, entry.name)
    const { mode, mtimeNs } = fs.lstatSync(file, { bigint: true })
    all.set(path.relative(state, file), {
      sha: createHash('sha256').update(fs.readFileSync(file)).digest('hex'),
      mode: Number(mode),
      mtime: mtimeNs,
    })
  }
  return all
}
const users = (all: Seen): Seen =>
  new Map([...all].filter(([name]) => !name.startsWith('supervise/')).sort(([a], [b]) => (a < b ? -1 : 1)))
const contents = (all: Seen): [string, string][] => [...users(all)].map(([name, { sha }]) => [name, sha])
/** Of the user's, and what was kept of it before. */
const precious = (all: Seen): Seen =>
  new Map([...all].filter(([name]) => !name.startsWith('supervise/') || name.includes('/kept/')))

const strace = (story: Story, ...args: string[]): string[] => [
  '-qq',
  ...args,
  process.execPath,
  MAIN,
  ...story.words(),
]

/** Each call that touches the state, by its number among the calls of that name, thread by thread. */
function callsOfARun(story: Story): { call: string; nth: number; line: string }[] {
  begin()
  const log = path.join(root, 'log')
  const words = strace(
    story,
    '-f',
    '--seccomp-bpf',
    '-y',
    '-o',
    log,
    '-e',
    `trace=execve,${[...changing, ...reading].join()}`,
  )
  const { status, stderr } = spawnSync('strace', words, { env: env(), encoding: 'utf8' })
  expect(status, stderr).toBe(story.end)
  const counts = new Map<string, number>()
  /** The gateway, and what it runs. */
  const others = new Set<string>()
  let first: string | undefined
  return fs
    .readFileSync(log, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, thread, call] = /^(\d+) +(\w+)\(/.exec(line) ?? []
      if (thread === undefined || call === undefined) return []
      first ??= thread
      if (call === 'execve' && thread !== first) others.add(thread)
      if (call === 'execve' || others.has(thread)) return []
      const nth = (counts.get(`${thread} ${call}`) ?? 0) + 1
      counts.set(`${thread} ${call}`, nth)
      return line.includes(state) ? [{ call, nth, line }] : []
    })
}

function injections(story: Story): Injection[] {
  const calls = callsOfARun(story)
  const all = calls.flatMap(({ call, nth }, i): Injection[] => {
    const failing = errors.map((error) => ({ call, nth, how: `error=${error}` }))
    const killed = { call, nth, how: 'signal=SIGKILL' }
    // The program's first two of its main thread are koffi's, of stdout and stderr at the exit: it hangs when
    // they fail otherwise than with EINVAL.
    if (call === 'fsync' && nth <= 2) return [killed]
    if (isDeep) return [killed, ...failing]
    if (reading.includes(call)) return i % 8 === 0 ? [failing[i % 3]!] : []
    return [killed, failing[i % 3]!]
  })
  const planned = [...new Map(all.map((each) => [`${each.call} ${each.nth} ${each.how}`, each])).values()]
  if (isDeep || story.sample === undefined) return planned
  // An odd stride meets kills and errors in turn.
  const stride = Math.floor(planned.length / story.sample) | 1
  return planned.filter((_, i) => i % stride === 0)
}

function runWith(
  story: Story,
  { call, nth, how }: Injection,
): {
  status: number | null
  signal: string | null
  out: string
  /** False when there was no such call, or it was on something else: how often the loop is woken, and so which
   *  number a call bears, differs on a busy machine. */
  hit: boolean
} {
  const log = path.join(root, 'injected')
  // Only fsync is called by another thread; the others' own writes, which wake the loop, are none of ours.
  // (Without --seccomp-bpf: with it, strace 6.1 does not deliver the signals it injects.)
  const threads = call === 'fsync' ? ['-f'] : []
  const args = strace(
    story,
    ...threads,
    '-y',
    '-o',
    log,
    '-e',
    `trace=${call}`,
    '-e',
    `inject=${call}:${how}:when=${nth}`,
  )
  const { status, signal, stdout, stderr } = spawnSync('strace', args, {
    env: env(),
    encoding: 'utf8',
    timeout: 60_000,
    killSignal: 'SIGKILL',
  })
  // A call that is killed in has no result.
  const injected = fs
    .readFileSync(log, 'utf8')
    .split('\n')
    .find((line) => line.includes('(INJECTED)') || line.endsWith(' = ?') || line.endsWith('<unfinished ...>'))
  return { status, signal, out: `${stdout}${stderr}`, hit: injected?.includes(state) ?? false }
}

describe.each(stories)('system calls that fail, and kills: $name', (story) => {
  test('at every one that changes something: nothing is lost, and the next run comes to the same end', async () => {
    prepare(story)
    const planned = injections(story)
    const byHow = new Map<string, number>()
    const statuses = new Map<string, number>()
    begin()
    expect(supervise(story.again()).status).toBe(story.endAgain)
    const wanted = contents(seen())
    let missed = 0

    for (const injection of planned) {
      const told = JSON.stringify(injection)
      let input = begin()
      let done = runWith(story, injection)
      for (let tries = 1; !done.hit && tries < 3; tries++) {
        input = begin()
        done = runWith(story, injection)
      }
      if (!done.hit) {
        missed++
        continue
      }
      const { status, signal, out } = done
      const hashes = new Set([...seen().values()].map(({ sha }) => sha))
      for (const [name, { sha }] of precious(input))
        expect(hashes.has(sha), `${told}: the bytes of ${name}`).toBe(true)
      // A failing call is a cause that can pass.
      if (injection.how.startsWith('error=')) expect(story.failing, `${told}: ${out}`).toContain(status)
      byHow.set(injection.how, (byHow.get(injection.how) ?? 0) + 1)
      const end = String(signal ?? status)
      statuses.set(end, (statuses.get(end) ?? 0) + 1)
      if (fs.existsSync(witness())) expect(witnessed(), `${told}: what the gateway found`).toEqual(wanted)

      const again = supervise(story.again())
      expect(again.status, `${told}: ${again.stdout}${again.stderr}`).toBe(story.endAgain)
      expect(contents(seen()), told).toEqual(wanted)
      expect(
        [...seen().keys()].filter((name) => path.basename(name).startsWith('.supervise-')),
        told,
      ).toEqual([])

      const site = {
        ...siteOn(realDisk()),
        stateDir: state,
        configPath: `${state}/openclaw.json`,
        now: () => Date.now(),
      }
      const mended = (await repairs(site)).filter((each) => each.state !== 'undone' && each.undoes === null)
      expect(
        mended.map((each) => each.state),
        told,
      ).toEqual(['done'])
      expect(await undo(site, mended[0]!.id, 'test'), told).toMatchObject({ is: 'undone' })
      expect(users(seen()), told).toEqual(users(original))
    }
    const list = (counts: Map<string, number>): string =>
      [...counts].map(([what, count]) => `${what} ${count}`).join(', ')
    console.log(
      `${planned.length} injections: ${list(byHow)}; ended with: ${list(statuses)}; missed ${missed}`,
    )
    // An injection that never came would prove nothing.
    const [sum, kills] = [planned.length - missed, statuses.get('SIGKILL') ?? 0]
    expect(sum).toBeGreaterThan(planned.length / 2)
    expect(kills).toBe([...byHow].find(([how]) => how.includes('KILL'))?.[1])
    expect([...byHow.keys()].filter((how) => how.startsWith('error=')).length).toBeGreaterThan(1)
    // `run` tries again by itself.
    if (story.sample === undefined) expect(statuses.get('75') ?? 0).toBeGreaterThan(60)
  }, 7_200_000)
})

/** As the gateway saw it: names and hashes. */
const witnessed = (): [string, string][] =>
  fs
    .readFileSync(witness(), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line): [string, string] => [line.slice(68), line.slice(0, 64)])
    .toSorted(([a], [b]) => (a < b ? -1 : 1))

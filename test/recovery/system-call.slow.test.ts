/**
 * The real program on the real file system, killed at each system call that changes something, and failing at
 * each with EIO, ENOSPC and EROFS, by strace's injection.  After each: nothing is lost, a second run without
 * injection comes to the same end, and undo restores everything bit for bit.
 *
 * The standard run gives each call one of the three errors and takes every eighth of those that only read;
 * SUPERVISE_TEST_DEPTH=2 gives each call all of them.
 *
 * Cites the invariants at the head of src/recovery/recover.ts: 2, 3, 4 and 6.
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
import { siteOn, STATE } from './bench.ts'
import { type Row, rows } from './damaged.ts'

const MAIN = path.resolve(import.meta.dirname, '../../dist/main.js')
const changing = ['fsync', 'rename', 'renameat2', 'link', 'unlink', 'mkdir', 'write', 'fchmod', 'fchown']
const reading = ['openat', 'pread64']
const errors = ['EIO', 'ENOSPC', 'EROFS'] as const
const isDeep = process.env['SUPERVISE_TEST_DEPTH'] !== undefined

/** A write, a creation, a file and a directory set aside, an archive put back. */
const row: Row = {
  name: 'everything at once, and an archive',
  kind: 'index-unreadable',
  files: {
    ...rows.find(({ name }) => name === 'everything at once')!.files,
    ...Object.fromEntries(
      Object.entries(rows.find(({ name }) => name === 'a trajectory that was archived')!.files).filter(
        ([name]) => name.includes('.deleted.'),
      ),
    ),
    [`${STATE}/agents/main/sessions/sessions.json.lock`]: '{}',
  },
}
const missing = `${STATE}/agents/main/sessions/11111111-1111-4111-8111-111111111111.trajectory.jsonl`

type Seen = Map<string, { readonly sha: string; readonly mode: number; readonly mtime: bigint }>
interface Injection {
  readonly call: string
  readonly nth: number
  readonly how: string
}

let root = ''
let state = ''
const strace = (...args: string[]): string[] => [
  '-qq',
  ...args,
  process.execPath,
  MAIN,
  'repair',
  '--json',
  '--state-dir',
  state,
]
// One thread for fsync, so that its calls are counted in one row.
const env = (): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  HOME: root,
  TMPDIR: root,
  UV_THREADPOOL_SIZE: '1',
})

beforeAll(() => {
  if (spawnSync('strace', ['-V']).status !== 0)
    throw new Error(
      'this suite injects failing system calls by strace, which is not installed: apt-get install strace',
    )
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'supervise-calls-'))
  state = path.join(root, 'state')
})
afterAll(() => fs.rmSync(root, { recursive: true, force: true }))

function damage(): Seen {
  fs.rmSync(state, { recursive: true, force: true })
  for (const [name, content] of Object.entries(row.files)) {
    if (name === missing) continue
    const file = name.replace(STATE, state)
    fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
    fs.writeFileSync(file, (content as string).replaceAll(STATE, state), {
      mode: name.endsWith('.json') ? 0o600 : 0o644,
    })
    // Known to the nanosecond, and long past.
    fs.utimesSync(file, 1_795_000_000.125, 1_795_000_000.125)
  }
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

/** Each call that touches the state, by its number among the calls of that name, thread by thread. */
function callsOfARun(): { call: string; nth: number; line: string }[] {
  damage()
  const log = path.join(root, 'log')
  execFileSync(
    'strace',
    strace('-f', '--seccomp-bpf', '-y', '-o', log, '-e', `trace=${[...changing, ...reading].join()}`),
    {
      env: env(),
    },
  )
  const counts = new Map<string, number>()
  return fs
    .readFileSync(log, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, thread, call] = /^(\d+) +(\w+)\(/.exec(line) ?? []
      if (call === undefined) return []
      const nth = (counts.get(`${thread} ${call}`) ?? 0) + 1
      counts.set(`${thread} ${call}`, nth)
      return line.includes(state) ? [{ call, nth, line }] : []
    })
}

function injections(): Injection[] {
  const calls = callsOfARun()
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
  return [...new Map(all.map((each) => [`${each.call} ${each.nth} ${each.how}`, each])).values()]
}

function runWith({ call, nth, how }: Injection): {
  status: number | null
  signal: string | null
  out: string
  /** False when the error met a call on something else: how often the loop is woken, and so which number a call
   *  bears, differs on a busy machine. */
  hit: boolean
} {
  const log = path.join(root, 'injected')
  // Only fsync is called by another thread; the others' own writes, which wake the loop, are none of ours.
  // (Without --seccomp-bpf: with it, strace 6.1 does not deliver the signals it injects.)
  const threads = call === 'fsync' ? ['-f'] : []
  const args = strace(
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
  const injected = fs
    .readFileSync(log, 'utf8')
    .split('\n')
    .find((line) => line.includes('(INJECTED)'))
  return {
    status,
    signal,
    out: `${stdout}${stderr}`,
    hit: injected === undefined || injected.includes(state),
  }
}

describe('system calls that fail, and kills', () => {
  test('at every one that changes something: nothing is lost, and the next run comes to the same end', async () => {
    const planned = injections()
    const byHow = new Map<string, number>()
    const statuses = new Map<string, number>()
    damage()
    execFileSync(process.execPath, [MAIN, 'repair', '--state-dir', state], { env: env() })
    const wanted = contents(seen())
    let missed = 0

    for (const injection of planned) {
      const told = JSON.stringify(injection)
      const input = damage()
      const { status, signal, out, hit } = runWith(injection)
      if (!hit) {
        missed++
        continue
      }
      const hashes = new Set([...seen().values()].map(({ sha }) => sha))
      for (const [name, { sha }] of input) expect(hashes.has(sha), `${told}: the bytes of ${name}`).toBe(true)
      // A failing call is a cause that can pass.
      if (injection.how.startsWith('error=')) expect([0, 75], `${told}: ${out}`).toContain(status)
      byHow.set(injection.how, (byHow.get(injection.how) ?? 0) + 1)
      const end = String(signal ?? status)
      statuses.set(end, (statuses.get(end) ?? 0) + 1)

      const again = spawnSync(process.execPath, [MAIN, 'repair', '--json', '--state-dir', state], {
        env: env(),
        encoding: 'utf8',
      })
      expect(again.status, `${told}: ${again.stdout}${again.stderr}`).toBe(0)
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
      const done = await repairs(site)
      expect(
        done.map((each) => each.state),
        told,
      ).toEqual(['done'])
      expect(await undo(site, done[0]!.id, 'test'), told).toMatchObject({ is: 'undone' })
      expect(users(seen()), told).toEqual(users(input))
    }
    const list = (counts: Map<string, number>): string =>
      [...counts].map(([what, count]) => `${what} ${count}`).join(', ')
    console.log(
      `${planned.length} injections: ${list(byHow)}; ended with: ${list(statuses)}; missed ${missed}`,
    )
    expect(missed).toBeLessThan(planned.length / 10)
    // An injection that never came would prove nothing.
    expect(statuses.get('75') ?? 0).toBeGreaterThan(60)
    expect(statuses.get('SIGKILL') ?? 0).toBe([...byHow].find(([how]) => how.includes('KILL'))?.[1])
  }, 1_200_000)
})

// @ts-check
/**
 * What supervise costs, each figure beside the least that could do the same, in one run:
 *
 *   check     beside `find -printf` over the same files
 *   restart   from a child's SIGKILL to the first instruction of the next one, beside a loop of spawn()
 *   memory    of a supervisor at rest, beside a Node that waits on a timer
 *   idle      time on the processor while nothing happens, beside the same
 *   flood     a restart while eight connections ask --http without end, beside one while they ask another server
 *
 *   npm run build && node scripts/bench.mjs [--sessions 10000] [--rounds 7] [--only check,restart,memory,idle,flood]
 *
 * Rounds of the two sides take turns, so that a busy machine is busy for both; what is told is the median, with the
 * least and the most. Everything lies in one temporary directory (on TMPDIR: name a real disk), and is removed.
 */
import { execFileSync, spawn } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { cpus, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeState } from './bench/state.mjs'

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '7' },
    only: { type: 'string', default: 'check,restart,memory,idle,flood' },
    main: { type: 'string', default: new URL('../dist/main.js', import.meta.url).pathname },
    keep: { type: 'boolean', default: false },
  },
})
const sessions = Number(values.sessions)
const rounds = Number(values.rounds)
const wanted = new Set(values.only.split(','))
const { main } = values
if (!existsSync(main)) throw new Error(`cannot find ${main}: run \`npm run build\` first`)

const here = new URL('bench/', import.meta.url).pathname
const work = mkdtempSync(join(tmpdir(), 'supervise-bench-'))
/** @type {import('node:child_process').ChildProcess[]} */
const running = []
/** In order, so that a supervisor ends its child, which is in a group of its own. */
const finish = async () => {
  const left = running.filter((child) => child.exitCode === null && child.signalCode === null)
  const ended = left.map((child) => new Promise((go) => child.once('exit', go)))
  for (const child of left) child.kill('SIGTERM')
  await Promise.race([Promise.all(ended), new Promise((go) => setTimeout(go, 10_000).unref())])
  for (const child of left) child.kill('SIGKILL')
  if (values.keep) console.log(`kept: ${work}`)
  else rmSync(work, { recursive: true, force: true })
}
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM']))
  process.once(signal, () => void finish().finally(() => process.exit(1)))

// -- measuring --------------------------------------------------------------------------------------------------

/** What a file system calls young is over after this. */
const settleMs = 3000
/** V8 gives back what starting up, or a look at a large state, left, when nothing has happened for half a minute. */
const restMs = 60_000
const idleMs = 20_000

const now = () => Number(process.hrtime.bigint()) / 1e6
/** @param {number} ms */
const sleep = (ms) => new Promise((go) => setTimeout(go, ms))

/** @param {string} what @param {() => unknown} look @param {number} [withinMs] */
async function until(what, look, withinMs = 60_000) {
  for (const end = now() + withinMs; now() < end; await sleep(5)) if (look()) return
  throw new Error(`waited in vain: ${what}`)
}

/** @returns {number[]} */
const figures = () => []

/** @param {readonly number[]} numbers */
const median = (numbers) => {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

/** @param {readonly number[]} numbers @param {string} unit */
const spread = (numbers, unit) => {
  const digits = median(numbers) < 10 ? 1 : 0
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)]
  return `${median(numbers).toFixed(digits)} ${unit} (${least.toFixed(digits)}-${most.toFixed(digits)})`
}

/** @param {string} what @param {readonly number[]} ours @param {readonly number[]} theirs @param {string} unit @param {string} aim */
const tell = (what, ours, theirs, unit, aim) =>
  console.log(
    `  ${what.padEnd(44)} ${spread(ours, unit).padEnd(22)} beside ${spread(theirs, unit).padEnd(20)} ${(median(ours) / median(theirs)).toFixed(2)}x  ${aim}`,
  )

// -- check ------------------------------------------------------------------------------------------------------

/** @param {string} file @param {readonly string[]} args */
function timed(file, args) {
  const sink = openSync('/dev/null', 'w')
  const began = now()
  try {
    execFileSync(file, args, { stdio: ['ignore', sink, 'inherit'], env: quiet })
  } finally {
    closeSync(sink)
  }
  return now() - began
}

/** Nothing of the caller's installation is looked at. */
const quiet = Object.fromEntries(
  Object.entries({ ...process.env, HOME: work, TMPDIR: work }).filter(
    ([name]) => !/^(OPENCLAW|SUPERVISE|NOTIFY|WATCHDOG)_/.test(name),
  ),
)

/** @param {string} stateDir */
function benchCheck(stateDir) {
  const find = () => timed('find', [stateDir, '-type', 'f', '-printf', '%s %T@ %i %p\n'])
  const check = () => timed(process.execPath, [main, 'check', '--state-dir', stateDir])
  find()
  const first = figures()
  const second = figures()
  const found = figures()
  for (let round = 0; round < rounds; round++) {
    found.push(find())
    first.push(check())
  }
  // A recovery that confirms the state leaves the checkpoint.
  timed(process.execPath, [main, 'repair', '--state-dir', stateDir])
  for (let round = 0; round < rounds; round++) {
    found.push(find())
    second.push(check())
  }
  const nothing = Array.from({ length: rounds }, () => timed(process.execPath, ['-e', '0']))
  tell('check, second look (with a checkpoint)', second, found, 'ms', 'aim 3')
  tell('check, first look (reads everything once)', first, found, 'ms', '')
  console.log(`  ${'of which Node itself, before any program'.padEnd(44)} ${spread(nothing, 'ms')}`)
}

// -- a supervisor, and what it is measured beside -----------------------------------------------------------------

const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })

let journals = 0

/**
 * Starts it, and waits until its child is ready.
 * @param {(child: readonly string[], port: number) => readonly string[]} words
 * @param {Record<string, string>} [more] of its environment
 */
async function start(words, more = {}) {
  const port = Number(await freePort())
  const journal = join(work, `journal-${++journals}`)
  const log = openSync(join(work, `log-${journals}`), 'w')
  const args = words([join(here, 'child.mjs')], port)
  const started = spawn(process.execPath, args, {
    stdio: ['ignore', log, log],
    env: { ...quiet, BENCH_JOURNAL: journal, BENCH_PORT: String(port), ...more },
  })
  closeSync(log)
  running.push(started)
  const lines = () => (existsSync(journal) ? readFileSync(journal, 'utf8').trimEnd().split('\n') : [])
  return {
    pid: started.pid ?? 0,
    /** Of each child, in order. */
    born: () =>
      lines()
        .filter((line) => line.startsWith('born '))
        .map((line) => ({
          pid: Number(line.split(' ')[1]),
          atMs: Number(BigInt(line.split(' ')[2] ?? 0)) / 1e6,
        })),
    /** @param {number} pid */
    listens: (pid) => lines().includes(`listens ${pid}`),
    async stop() {
      const ended = new Promise((go) => started.once('exit', go))
      started.kill('SIGTERM')
      await ended
    },
  }
}

/** @param {string} stateDir @param {readonly string[]} more */
const supervisor =
  (stateDir, more = []) =>
  /** @param {readonly string[]} child @param {number} port */
  (child, port) => [
    main,
    'run',
    '--state-dir',
    stateDir,
    '--port',
    String(port),
    ...more,
    '--',
    process.execPath,
    ...child,
  ]

/** @param {string} stateDir */
const readyChild = (stateDir) => {
  try {
    const status = JSON.parse(readFileSync(join(stateDir, 'supervise', 'status.json'), 'utf8'))
    return status.ready === true ? status.child?.pid : undefined
  } catch {
    return undefined
  }
}

// -- restart ----------------------------------------------------------------------------------------------------

/** @param {Awaited<ReturnType<typeof start>>} one @param {(pid: number) => boolean} isGood */
async function killOnce(one, isGood) {
  await until('a child that is ready', () => {
    const last = one.born().at(-1)
    return last !== undefined && one.listens(last.pid) && isGood(last.pid)
  })
  // Whatever follows readiness is over.
  await sleep(100)
  const before = one.born()
  const last = before.at(-1)
  if (last === undefined || last.pid <= 1) throw new Error('no child to kill')
  const killedAt = now()
  process.kill(last.pid, 'SIGKILL')
  await until('the next child', () => one.born().length > before.length)
  return (one.born().at(-1)?.atMs ?? 0) - killedAt
}

/** @param {string} what @param {string} stateDir @param {string} aim */
async function benchRestart(what, stateDir, aim) {
  const works = { BENCH_SESSIONS: join(stateDir, 'agents', 'main', 'sessions') }
  const ours = await start(
    supervisor(stateDir, ['--good-run', '0s', '--max-crashes', '1000', '--backoff', '0ms']),
    works,
  )
  const bare = await start((child) => [join(here, 'respawn.mjs'), ...child], works)
  const supervised = figures()
  const respawned = figures()
  try {
    for (let round = -1; round < rounds * 2; round++) {
      const a = await killOnce(ours, (pid) => readyChild(stateDir) === pid)
      const b = await killOnce(bare, () => true)
      // The first round of each warms up.
      if (round < 0) continue
      supervised.push(a)
      respawned.push(b)
    }
  } finally {
    await ours.stop()
    await bare.stop()
  }
  tell(what, supervised, respawned, 'ms', aim)
}

/** @param {string} stateDir */
async function benchFlood(stateDir) {
  const [http, other] = [Number(await freePort()), Number(await freePort())]
  const flood = join(here, 'flood.mjs')
  /** @param {readonly string[]} words */
  const run = (words) => {
    const started = spawn(process.execPath, [flood, ...words], { stdio: 'ignore', env: quiet })
    running.push(started)
    return started
  }
  const more = [
    '--good-run',
    '0s',
    '--max-crashes',
    '1000',
    '--backoff',
    '0ms',
    '--http',
    `127.0.0.1:${http}`,
  ]
  const ours = await start(supervisor(stateDir, more))
  const server = run(['serve', String(other)])
  const flooded = figures()
  const beside = figures()
  try {
    for (let round = -1; round < rounds * 2; round++)
      for (const [port, told] of /** @type {const} */ ([
        [http, flooded],
        [other, beside],
      ])) {
        const asking = run(['ask', `http://127.0.0.1:${port}/status`])
        await sleep(1000)
        const ms = await killOnce(ours, (pid) => readyChild(stateDir) === pid)
        asking.kill('SIGKILL')
        if (round >= 0) told.push(ms)
      }
  } finally {
    await ours.stop()
    server.kill('SIGKILL')
  }
  tell('restart while --http is flooded', flooded, beside, 'ms', '')
}

// -- memory and idle ----------------------------------------------------------------------------------------------

/** @param {number} pid */
const memoryOf = (pid) => {
  /** @param {string} name @param {string} text */
  const kb = (name, text) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) / 1024
  return {
    rss: kb('VmRSS', readFileSync(`/proc/${pid}/status`, 'latin1')),
    pss: kb('Pss', readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')),
  }
}

/** On the processor, all threads. @param {number} pid */
const busyMs = (pid) =>
  readdirSync(`/proc/${pid}/task`)
    .map((task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ')[0]) / 1e6)
    .reduce((sum, ms) => sum + ms, 0)

/** @param {string} stateDir @param {number} times @param {string} aim */
async function benchAtRest(stateDir, times, aim) {
  const ours = { rss: figures(), pss: figures(), busy: figures() }
  const bare = { rss: figures(), pss: figures(), busy: figures() }
  for (let round = 0; round < times; round++) {
    const supervising = await start(supervisor(stateDir))
    const waiting = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1 << 30)'], {
      stdio: 'ignore',
      env: quiet,
    })
    running.push(waiting)
    const sides = [
      { pid: supervising.pid, told: ours },
      { pid: waiting.pid ?? 0, told: bare },
    ]
    try {
      await until('ready', () => readyChild(stateDir) === supervising.born().at(-1)?.pid)
      await sleep(restMs)
      if (wanted.has('idle') && round === 0) {
        const before = sides.map(({ pid }) => busyMs(pid))
        await sleep(idleMs)
        for (const [at, { pid, told }] of sides.entries())
          told.busy.push(((busyMs(pid) - (before[at] ?? 0)) / idleMs) * 1000)
      }
      for (const { pid, told } of sides) {
        const { rss, pss } = memoryOf(pid)
        told.rss.push(rss)
        told.pss.push(pss)
      }
    } finally {
      await supervising.stop()
      waiting.kill('SIGKILL')
    }
  }
  tell('resident memory at rest', ours.rss, bare.rss, 'MB', aim)
  tell('proportional share (PSS)', ours.pss, bare.pss, 'MB', '')
  if (wanted.has('idle'))
    console.log(
      `  ${'processor while idle, ms a second'.padEnd(44)} ${median(ours.busy).toFixed(2).padEnd(22)} beside ${median(bare.busy).toFixed(2)}`,
    )
}

// ---------------------------------------------------------------------------------------------------------------

try {
  console.log(
    `${cpus()[0]?.model.trim()} x ${cpus().length}, Linux ${release()}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}; medians (least-most)`,
  )
  // 2026.4.26 keeps 500 sessions an agent unless told otherwise, and writes 11 KB for each into the index.
  const shapes = {
    'one agent, short entries': { agents: 1, sessions, entryBytes: 1000 },
    'twenty agents, entries as 2026.4.26 writes them': { agents: 20, sessions, entryBytes: 11_000 },
  }
  for (const [name, shape] of Object.entries(shapes)) {
    if (!['check', 'restart', 'memory'].some((one) => wanted.has(one))) break
    const stateDir = join(work, `state-${shape.agents}`)
    const { files, bytes } = makeState(stateDir, shape)
    await sleep(settleMs)
    console.log(`${sessions} sessions, ${name}: ${files} files, ${Math.round(bytes / 1e6)} MB`)
    if (wanted.has('check')) benchCheck(stateDir)
    if (wanted.has('restart')) await benchRestart('restart after SIGKILL', stateDir, '')
    if (wanted.has('memory')) await benchAtRest(stateDir, 1, '')
    if (!values.keep) rmSync(stateDir, { recursive: true })
  }
  const small = join(work, 'small')
  mkdirSync(small)
  makeState(small, { agents: 1, sessions: 5, entryBytes: 11_000 })
  await sleep(settleMs)
  console.log('5 sessions')
  if (wanted.has('restart')) await benchRestart('restart after SIGKILL', small, 'aim 2')
  if (wanted.has('memory') || wanted.has('idle')) await benchAtRest(small, 3, 'aim 1.2')
  if (wanted.has('flood')) await benchFlood(small)
} finally {
  await finish()
}

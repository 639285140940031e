#!/usr/bin/env node
// @ts-check
/**
 * The whole job, told and done, on a throw-away copy of a crashed state:
 *
 *   node demo/story.mjs                         with the stand-in gateway beside this file
 *   node demo/story.mjs --openclaw 2026.4.26    with that OpenClaw from npm
 *
 * Every step waits for a state of the world, for a bounded time, and is checked: what is not as told ends the
 * story with status 1. Nothing outside a temporary folder is touched; nothing is left running.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { realOne, standIn } from './cast.mjs'
import {
  expect,
  fingerprint,
  freePort,
  isFree,
  openStage,
  say,
  step,
  ticksOf,
  until,
  within,
} from './stage.mjs'

const { values: flags } = parseArgs({ options: { openclaw: { type: 'string' } } })
const root = await realpath(await mkdtemp(join(tmpdir(), 'supervise-demo-')))
const stateDir = join(root, 'state')
const port = await freePort()
const place = { root, stateDir, port }

/** @type {import('./cast.mjs').Gateway | undefined} */
let gateway
/** @type {ReturnType<typeof openStage> | undefined} */
let stage
const clear = async () => {
  stage?.close()
  await gateway?.close()
  await rm(root, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
}
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM']))
  process.once(signal, () => void clear().finally(() => process.exit(1)))

let status = 0
try {
  gateway = await (flags.openclaw === undefined ? standIn(place) : realOne(flags.openclaw, place))
  stage = openStage({ ...place, env: gateway.env })
  await tell(gateway, stage)
} catch (error) {
  status = 1
  say(`\nNOT AS TOLD: ${error instanceof Error ? error.message : String(error)}`)
} finally {
  await clear()
}
process.exit(status)

/** @param {import('./cast.mjs').Gateway} gateway @param {ReturnType<typeof openStage>} supervise */
async function tell(gateway, supervise) {
  say(`A copy of a state directory that a crash left behind: ${stateDir}`)

  step('What is wrong with it? Looks, changes nothing')
  const crashed = fingerprint(stateDir)
  const seen = await supervise.run(['check'], 65)
  for (const kind of [
    'index-unreadable',
    'lock-misread',
    'restart-intent-stale',
    'trajectory-missing',
    'transcript-no-final-newline',
    'transcript-torn-tail',
  ])
    expect(seen.includes(kind), `check reports ${kind}`)
  expect(fingerprint(stateDir) === crashed, 'check changes nothing')

  step('Repaired by hand, and taken back')
  await supervise.run(['repair'], 0)
  await supervise.run(['check'], 0)
  await supervise.run(['undo', await newestRepair()], 0)
  expect(fingerprint(stateDir) === crashed, 'undo restores the state byte for byte')
  say('    every file is what the crash had left, byte for byte')
  const again = await supervise.ask(['check'])
  expect(again.verdict === 'repairable', 'the damage is there again')

  step('Started: repairs, confirms, and only then starts the gateway')
  const supervisor = supervise.inBackground(['run', '--', ...gateway.command])
  const first = await untilReady('the gateway is ready')
  const repaired = await newestRepair()
  await supervise.run(['status'], 0)
  for (const key of ['main', 'other', 'telegram:group:-100123:topic:42', 'resetme']) {
    const messages = await gateway.history(`agent:main:${key}`)
    expect(messages.length > 0, `${key} has its history`)
    say(
      `    the gateway shows ${key}: ${messages.length} messages, the first ${JSON.stringify(messages[0]?.slice(0, 60))}`,
    )
  }
  await until('the turn that the crash cut off is resumed', 60_000, () => gateway.resumed(1))
  say('    the gateway goes on with the turn that the crash had cut off')

  step('kill -9 in the middle of a turn')
  await gateway.beginTurn()
  const lock = await until('a turn is under way', 30_000, () => turnOf(first.pid))
  expect(ticksOf(first.pid) === first.startTicks, 'the process to be killed is the gateway that was started')
  say(`$ kill -9 ${first.pid}    # it holds ${lock}`)
  process.kill(first.pid, 'SIGKILL')
  const second = await untilReady('the gateway is ready again', first.pid)
  expect(ticksOf(first.pid) !== first.startTicks, 'the killed gateway is gone')
  await until('that turn is resumed, too', 60_000, () => gateway.resumed(2))
  say('    and goes on with that turn, too')
  const told = await supervise.run(['status'], 0)
  expect(told.includes('SIGKILL'), 'status names the cause of the last exit')

  step('For whoever slept through it')
  await supervise.run(['history'], 0)

  step('Stopped')
  await supervise.run(['stop'], 0)
  const { code } = await within(supervisor.ended, 30_000, 'the supervisor ends')
  expect(code === 0, `the supervisor ends with 0 (it was ${code})`)
  expect(ticksOf(second.pid) !== second.startTicks, 'no gateway is left')
  expect(await isFree(port), `port ${port} is free`)
  await supervise.run(['status'], 3)

  step('Taken back now, newer history would be lost: refused')
  await supervise.run(['undo', repaired], 65)
  await supervise.run(['check'], 0)

  say('\nAll as told.')

  /** @param {string} what @param {number} [notPid] */
  async function untilReady(what, notPid) {
    return until(what, gateway.startLimitMs, async () => {
      const { ready, child } = await supervise.ask(['status'])
      if (!ready || child.pid === notPid) return undefined
      supervise.remember(child.pid)
      return /** @type {import('./stage.mjs').Identity} */ (child)
    })
  }

  async function newestRepair() {
    /** @type {{ repairs: { id: string }[] }} */
    const { repairs } = await supervise.ask(['history'])
    const ids = repairs.map(({ id }) => id).sort()
    return ids.at(-1) ?? 'none'
  }
}

/** The lock of a turn that this process is in the middle of, and that the index knows of. @param {number} pid */
function turnOf(pid) {
  const sessions = join(stateDir, 'agents/main/sessions')
  const running = Object.values(
    /** @type {Record<string, { sessionId: string, status?: string }>} */ (json('sessions.json')),
  )
    .filter(({ status }) => status === 'running')
    .map(({ sessionId }) => `${sessionId}.jsonl.lock`)
  const present = readdirSync(sessions)
  return running.find((name) => present.includes(name) && json(name).pid === pid)

  /** @param {string} name */
  function json(name) {
    return JSON.parse(readFileSync(join(sessions, name), 'utf8'))
  }
}

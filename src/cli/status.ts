/** `supervise status`: what is true now, from the status file and the kernel; needs no running supervisor. */
import { systemClock as clock } from '../host/clock.ts'
import { keptSignals } from '../host/signals.ts'
import type { Environment } from '../openclaw/settings.ts'
import { inWords } from '../recovery/which-store.ts'
import { ownPaths } from '../supervisor/own-paths.ts'
import { runningGateway } from '../supervisor/running-gateway.ts'
import { nobodyReady } from '../supervisor/status-of.ts'
import { judge, readStatusFile, statusVersion, type Status, type Unsupervised } from '../supervisor/status.ts'
import { wholeCommand } from '../supervisor/whole-command.ts'
import { complain } from './complain.ts'
import { statusStatus } from './exit-statuses.ts'
import { durationOf, isOn, whereFlags, type Flags, type Parsed } from './flags.ts'
import { bytes, clean, duration, plural, say, sayJson } from './output.ts'
import { findState, noArguments, portsOf, type Where } from './where.ts'

export const statusFlags = {
  ...whereFlags,
  json: { help: 'one JSON object (status.schema.json)' },
  watch: { help: 'tell every change until interrupted' },
  every: { value: 'TIME', help: 'with --watch: between two looks', fallback: '1s' },
} satisfies Flags

export async function status(parsed: Parsed, env: Environment): Promise<number> {
  noArguments(parsed)
  const found = findState(parsed.given, env)
  if (found.is === 'not-found') {
    complain(found.why)
    return statusStatus.cannotTell
  }
  const { stateDir, configPath } = found.where
  const inJson = isOn(parsed.given, 'json')
  const everyMs = Math.max(100, durationOf(parsed.given, 'every', 1000))
  const path = ownPaths(stateDir).status
  for (let last = ''; ;) {
    const read = readStatusFile(path)
    if ('why' in read) {
      complain(read.why)
      return statusStatus.cannotTell
    }
    const judged = read.is === 'known' ? judge(read.status) : neverStarted(stateDir, configPath)
    const now = { ...judged, unsupervised: await unsupervised(judged, found.where, env) }
    const text = JSON.stringify(now)
    if (text !== last) {
      if (inJson) sayJson(now)
      else sayStatus(now)
    }
    last = text
    if (!isOn(parsed.given, 'watch') || keptSignals().length > 0) return statusOf(now)
    await new Promise<void>((go) => void clock.after(everyMs, go))
    if (keptSignals().length > 0) return statusOf(now)
    if (!inJson && JSON.stringify(now) !== text) say()
  }
}

/** What no status file tells of: a gateway that was started by hand, or by another unit. */
async function unsupervised(status: Status, where: Where, env: Environment): Promise<Unsupervised | null> {
  if (status.supervisor !== null || status.child !== null) return null
  const running = await runningGateway({ ...where, ports: portsOf(where, env) })
  if (running === null) return null
  return { pid: running.who?.pid ?? null, evidence: running.evidence, command: running.command }
}

const statusOf = (status: Status): number => {
  if (status.supervisor === null) return statusStatus.notRunning
  return status.ready ? statusStatus.ready : statusStatus.notReady
}

const neverStarted = (stateDir: string, configPath: string): Status => {
  const none = { spent: 0, limit: 0, left: 0 }
  return {
    version: statusVersion,
    phase: 'not-started',
    why: 'none',
    reason: 'no supervisor has run on this state yet',
    since: new Date(0).toISOString(),
    ready: false,
    readiness: nobodyReady,
    child: null,
    lastReady: null,
    lastExit: null,
    lastExits: [],
    lastRepairs: [],
    state: null,
    budgets: { crashes: none, recoveries: none, restarts: none, contentions: none, lastFailure: null },
    nextAttemptAt: null,
    hold: null,
    place: { stateDir, configPath, port: 0 },
    supervisor: null,
  }
}

function sayStatus(status: Status & { readonly unsupervised: Unsupervised | null }): void {
  const now = clock.wallMs()
  const whole = (command: string): string => clean(wholeCommand(command, status.place))
  const ago = (iso: string): string => `${duration(now - Date.parse(iso))} ago`
  const { child, supervisor, hold, lastExits, state, budgets, nextAttemptAt, readiness } = status
  const sign = status.ready ? 'ready' : supervisor === null ? 'not running' : 'not ready'
  say(
    `${sign}: ${status.phase}${status.phase === 'not-started' ? '' : `, since ${status.since} (${ago(status.since)})`}`,
  )
  say(`  why         ${clean(status.reason)}`)
  if (supervisor !== null)
    say(
      `  supervisor  pid ${supervisor.pid}, version ${clean(supervisor.version)}, up ${duration(now - Date.parse(supervisor.startedAt))}`,
    )
  if (child !== null)
    say(
      `  gateway     pid ${child.pid}, up ${duration(now - Date.parse(child.startedAt))}${child.version === null ? '' : `, OpenClaw ${clean(child.version)}`}`,
    )
  if (child !== null) say(`  readiness   ${clean(readiness.evidence)}`)
  if (state !== null)
    say(
      `  state       ${clean(state.verdict)}, ${state.store === 'none' ? 'no' : clean(state.store)} store${state.version === null ? '' : ` of OpenClaw ${clean(state.version)}`}${state.schema == null ? '' : `, ${inWords(state.schema)}`} (looked at ${ago(state.at)})`,
    )
  for (const { detail, why, at, wasReady } of lastExits)
    say(
      `  last exit   ${clean(detail)} (${clean(why)}${wasReady ? '' : ', before it was ready'}), ${ago(at)}`,
    )
  for (const repair of status.lastRepairs)
    say(
      `  repair      ${clean(repair.id)}: ${plural(repair.findings, 'finding')}, kept ${bytes(repair.keptBytes)}, ${ago(repair.at)}; ${whole(`supervise undo ${repair.id}`)}`,
    )
  if (supervisor !== null)
    say(
      `  left        ${budgets.crashes.left} of ${budgets.crashes.limit} crashes, ${budgets.recoveries.left} of ${budgets.recoveries.limit} recoveries, ${budgets.restarts.left} of ${budgets.restarts.limit} restarts`,
    )
  if (nextAttemptAt !== null) say(`  next try    ${nextAttemptAt}`)
  if (status.unsupervised !== null)
    say(
      `  beside us   ${clean(status.unsupervised.evidence)}; stop it with: ${clean(status.unsupervised.command)}`,
    )
  if (hold !== null) {
    say(`  held        ${hold.kind}: ${clean(hold.evidence)}`)
    say(`  run         ${whole(hold.command ?? 'supervise history')}`)
  }
}

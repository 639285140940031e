/**
 * Every change is told four times: to the log, the history, the status file and the service manager (and, where
 * HTTP was asked for, to its thread). Telling never fails: a full disk costs the telling, not the supervision.
 */
import { systemClock as clock } from '../host/clock.ts'
import type { Log } from '../host/log.ts'
import { replaceFile } from '../host/own-files.ts'
import type { Event, State } from '../lifecycle/lifecycle.ts'
import type { Announcer } from './announcer.ts'
import type { ReadinessSeen } from './gateway.ts'
import type { Http } from './http.ts'
import { openLedger, type Entry, type Unstamped } from './ledger.ts'
import { headline, tellChange, tellReadiness } from './narration.ts'
import type { OwnPaths } from './own-paths.ts'
import type { Settings } from './settings.ts'
import type { Status } from './status.ts'
import { changedBy, readinessOf, statusOf } from './status-of.ts'
import { wholeCommand, type Meant } from './whole-command.ts'

/** While something takes long: how often the service manager is told that it still goes on. */
const stillAtItMs = 10_000
/** So many exits are told by `status`; all are in `history`. */
const mostExitsTold = 5

/** How the last child ended, as far as only its keeper knows. */
export interface LastEnd {
  readonly wasReady: boolean
  readonly leftBehind: readonly string[]
}

export interface Teller {
  /** Each line bears where we are and the number of the child, as they are when it is written. */
  readonly log: Log
  /** Which gateway it is about: the one that runs, or the last. */
  number(): number
  status(): Status
  publish(change: Partial<Status>): void
  record(entry: Unstamped<Entry>): void
  /** The readiness of the living child. */
  seen(readiness: ReadinessSeen): void
  announce(what: 'ready' | 'stopping'): void
  changed(to: State, event: Event | undefined, from: State | undefined, lastEnd: LastEnd): void
  /** Resolves when the last word is written. */
  close(): Promise<void>
}

export function openTeller(
  first: Status,
  settings: Settings,
  paths: OwnPaths,
  announcer: Announcer,
  http: Http,
  log: Log,
): Teller {
  const ledger = openLedger(
    paths.ledger,
    () => clock.wallMs(),
    (error) => log.warn('cannot write the history', { err: error }),
  )
  let status = first
  let child = 0
  let writing: Promise<unknown> = Promise.resolve()
  /** A disk that stays full is told once. */
  let isWritten = true
  let forgetRenewal = (): void => {}

  const record: Teller['record'] = (entry) => {
    ledger.write(entry)
    http.tell({ is: 'entry', entry })
  }
  const publish: Teller['publish'] = (change) => {
    status = changedBy(status, change)
    http.tell({ is: 'status', status })
    const text = `${JSON.stringify(status)}\n`
    writing = writing
      .then(() => replaceFile(paths.status, text, { durable: false }))
      .then(
        () => (isWritten = true),
        (error: unknown) => {
          if (isWritten) log.warn('cannot write the status file', { evidence: (error as Error).message })
          isWritten = false
        },
      )
  }
  /** The service manager's patience, renewed while something goes on that we bound ourselves. */
  const allowTime = (state: State): void => {
    forgetRenewal()
    forgetRenewal = () => {}
    if (!['recovering', 'starting', 'draining', 'backing-off'].includes(state.phase)) return
    announcer.allow(stillAtItMs * 2)
    forgetRenewal = clock.after(stillAtItMs, () => allowTime(state))
  }
  return {
    log: ofTheMoment(() => log.with({ phase: status.phase, child })),
    number: () => child,
    status: () => status,
    publish,
    record,
    seen(readiness) {
      const before = status
      publish({ readiness: readinessOf(readiness, clock.wallMs()) })
      if (status.phase !== 'running') return
      if (status.readiness.is !== before.readiness.is) tellReadiness(status, log)
      if (headline(status) !== headline(before)) announcer.status(headline(status))
    },
    announce(what) {
      if (what === 'ready') announcer.ready(headline(status))
      else announcer.stopping(settings.lifecycle.stopTimeoutMs)
    },
    changed(next, event, from, lastEnd) {
      const to = withWholeCommand(next, settings)
      child = to.child
      const change = statusOf(to, event, from, lastEnd.wasReady, settings.lifecycle, clock.wallMs())
      const latest = change.lastExit ?? null
      const lastExits = latest === null ? status.lastExits : [latest, ...status.lastExits]
      publish({ ...change, lastExits: lastExits.slice(0, mostExitsTold) })
      tellChange(to, event, from, status, log)
      if (event?.type === 'exited' && status.lastExit !== null) {
        const { exit, why, detail } = status.lastExit
        record({ event: 'ended', child: event.child, exit, why, detail, ...lastEnd })
      }
      if (to.phase === 'held')
        record({ event: 'held', child: to.child, kind: to.hold.kind, evidence: to.hold.evidence })
      announcer.status(headline(status))
      allowTime(to)
    },
    async close() {
      forgetRenewal()
      await writing
    },
  }
}

function withWholeCommand(state: State, meant: Meant): State {
  if (state.phase !== 'held' || state.hold.command === null) return state
  return { ...state, hold: { ...state.hold, command: wholeCommand(state.hold.command, meant) } }
}

const ofTheMoment = (now: () => Log): Log => ({
  debug: (message, fields) => now().debug(message, fields),
  info: (message, fields) => now().info(message, fields),
  warn: (message, fields) => now().warn(message, fields),
  error: (message, fields) => now().error(message, fields),
  with: (bindings) => ofTheMoment(() => now().with(bindings)),
})

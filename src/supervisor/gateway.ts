/**
 * One child, from its spawn until it and what it left behind are gone.
 *
 * - Ready is said only when the child's own process tree owns the listener and the readiness body is right: the
 *   port may be somebody else's, and unknown paths answer 200 in every version.
 * - Hung is said when no liveness probe was answered for `hangAfterMs`, unless the child is installing packages,
 *   which blocks its loop for minutes without harm.
 * - `ended` resolves when the child, its group, and the tools that left its group are gone: what would still
 *   write to the state must not outlive the moment at which the state is inspected.
 */
import type { Clock } from '../host/clock.ts'
import { startChild, type Child } from '../host/child.ts'
import { freeBytesAt } from '../host/free-space.ts'
import { listeningAmong } from '../host/listeners.ts'
import type { Log } from '../host/log.ts'
import type { Orphans } from '../host/orphans.ts'
import { probe } from '../host/probe.ts'
import { carriersOf, describe, descendantsOf, isAlive, type Identity } from '../host/process-table.ts'
import { sendSignal } from '../host/send-signal.ts'
import type { Era } from '../openclaw/era.ts'
import { runVariable } from '../openclaw/launch.ts'
import type { Exit } from '../lifecycle/exit.ts'
import {
  isLive,
  isPackageInstallation,
  livenessPath,
  readinessOf,
  readinessPath,
  roomToServeBytes,
  startupOf,
  startupPath,
} from '../openclaw/probes.ts'
import type { News } from './loop.ts'
import type { Listening, Settings } from './settings.ts'

/** The last thing seen. It serves when it is `ready` or `suppressed`; only `ready` is ready. */
export interface ReadinessSeen {
  readonly is: 'ready' | 'suppressed' | 'failing' | 'draining' | 'no-room' | 'stranger' | 'silent'
  readonly evidence: string
  readonly failing: readonly string[]
  readonly suppressed: readonly string[]
}

export const serves = ({ is }: ReadinessSeen): boolean => is === 'ready' || is === 'suppressed'

export interface Gateway {
  readonly is: 'started'
  readonly identity: Identity
  readonly ended: Promise<{
    readonly exit: Exit
    readonly wasReady: boolean
    /** Its own, and of those below it that were seen listening in its stead. */
    readonly pids: readonly number[]
    readonly leftBehind: readonly string[]
  }>
  kill(signal: 'SIGTERM' | 'SIGKILL'): void
}

export interface Tools {
  readonly clock: Clock
  readonly log: Log
  readonly lockFd: number
  readonly era: Era
  /** It has reason to be slow before it answers anything. */
  readonly hasWorkOfItsOwn: boolean
  /** What marks it and all that it starts. */
  readonly run: string
  readonly orphans: Orphans | undefined
  /** At every change of what is seen. */
  readonly seen: (readiness: ReadinessSeen) => void
  /** How long an answer took. */
  readonly probed: (probe: 'liveness' | 'readiness', ms: number) => void
}

/** While it starts: how often to look. */
const startingEveryMs = 200
/** While it runs and is not ready. */
const soonMs = 1_000

export async function startGateway(
  settings: Settings & Listening,
  tools: Tools,
  tell: (news: News) => void,
): Promise<Gateway | { readonly is: 'failed'; readonly why: string; readonly canPass: boolean }> {
  const start = await startChild({
    ...settings.command,
    env: settings.environment(tools.era, tools.run),
    lockFd: tools.lockFd,
  })
  if (start.is === 'failed') {
    const canPass = ['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE', 'ETXTBSY', 'EIO'].includes(start.code)
    return { is: 'failed', why: start.why, canPass }
  }
  const watch = watchGateway(start, settings, tools, tell)
  const ended = start.exited.then(async (exit) => {
    const { wasReady, pids } = watch.stop()
    const leftBehind = await sweep(start, settings.sweepMs, tools)
    return { exit, wasReady, pids, leftBehind }
  })
  return { is: 'started', identity: start.identity, ended, kill: (signal) => void start.kill(signal) }
}

interface Watch {
  /** Ends it; was the child ever ready, and who listened? */
  stop(): { readonly wasReady: boolean; readonly pids: readonly number[] }
}

function watchGateway(
  child: Child,
  settings: Settings & Listening,
  tools: Tools,
  tell: (news: News) => void,
): Watch {
  const { clock } = tools
  const { pid } = child.identity
  let base = `${settings.scheme}://127.0.0.1:${settings.port}`
  let stopped = false
  let wasReady = false
  let forget = (): void => {}
  let lastAliveAt = clock.monotonicMs()
  let lastSeen = ''
  const listened = new Set([pid])
  let { era } = tools

  const say = (readiness: ReadinessSeen): void => {
    const text = JSON.stringify(readiness)
    if (text !== lastSeen) tools.seen(readiness)
    lastSeen = text
  }
  const isListening = (): boolean => {
    const tree = [pid, ...descendantsOf(pid).map((row) => row.pid)]
    const found = listeningAmong(tree, settings.port)
    if (found === undefined) return false
    for (const one of found.pids) listened.add(one)
    // Bound to one address (`bind: custom`, `tailnet`), up to 2026.7 it listens nowhere else.
    base = `${settings.scheme}://${found.host}:${settings.port}`
    return true
  }
  const isInstalling = (): boolean =>
    descendantsOf(pid).some((row) => isPackageInstallation(describe(row.pid)?.command ?? ''))
  const seen = (
    is: ReadinessSeen['is'],
    evidence: string,
    more: Partial<Pick<ReadinessSeen, 'failing' | 'suppressed'>> = {},
  ): ReadinessSeen => ({ is, evidence, failing: [], suppressed: [], ...more })

  const lookAtReadiness = async (): Promise<ReadinessSeen> => {
    if (!isListening()) return seen('silent', `pid ${pid} does not listen on port ${settings.port}`)
    const answer = await probe(base + readinessPath, settings.probeTimeoutMs)
    if (answer.is === 'no-answer') return seen('silent', `${readinessPath}: ${answer.why}`)
    tools.probed('readiness', answer.ms)
    const readiness = readinessOf(answer)
    const answered = `${readinessPath} answered ${answer.status}`
    const evidence = `pid ${pid} owns the listener on port ${settings.port} and ${readinessPath} says ready`
    switch (readiness.is) {
      case 'stranger':
        return seen('stranger', `${answered} without a readiness body`)
      case 'draining':
        return seen('draining', `${answered}: the gateway drains, and takes no new work`)
      case 'failing':
        return seen('failing', `${answered}, failing: ${readiness.failing.join(', ') || 'unnamed'}`, {
          failing: readiness.failing,
        })
      case 'suppressed': {
        const { suppressed } = readiness
        return seen('suppressed', `${evidence}, but keeps channels down: ${suppressed.join(', ')}`, {
          suppressed,
        })
      }
      case 'ready': {
        const want = wantOfRoom()
        return want === null ? seen('ready', evidence) : seen('no-room', `${evidence}, but ${want}`)
      }
    }
  }
  /** A full disk is in no answer of the gateway's: it says ready while each turn fails (2026.9.6). */
  const wantOfRoom = (): string | null => {
    const free = era === 'rows' ? freeBytesAt(settings.stateDir) : undefined
    return free === undefined || free >= roomToServeBytes
      ? null
      : `only ${free} bytes are free under its state: turns will fail`
  }
  /** Serving is one thing, the end of a start another: since 2026.8 a gateway answers for each. */
  const hasStarted = async (readiness: ReadinessSeen): Promise<boolean> => {
    const isServing = serves(readiness)
    if (era === 'files' || (era === 'rows' && isServing) || !isListening()) return isServing
    const answer = await probe(base + startupPath, settings.probeTimeoutMs)
    const startup = answer.is === 'answered' ? startupOf(answer).is : 'stranger'
    // A gateway of files has no such endpoint.
    if (startup !== 'stranger') era = 'rows'
    return isServing || startup === 'started'
  }

  const whileStarting = async (): Promise<number> => {
    const readiness = await lookAtReadiness()
    if (stopped) return Infinity
    const started = await hasStarted(readiness)
    if (stopped) return Infinity
    say(readiness)
    lastAliveAt = clock.monotonicMs()
    if (started) {
      wasReady = true
      tell({ type: 'ready' })
      return serves(readiness) ? settings.probeEveryMs : Math.min(settings.probeEveryMs, soonMs)
    }
    if (readiness.is === 'failing' || tools.hasWorkOfItsOwn || isInstalling()) tell({ type: 'progress' })
    return startingEveryMs
  }
  const whileRunning = async (): Promise<number> => {
    const answer = await probe(base + livenessPath, settings.probeTimeoutMs)
    if (stopped) return Infinity
    const now = clock.monotonicMs()
    if (answer.is === 'answered' && isLive(answer)) {
      lastAliveAt = now
      tools.probed('liveness', answer.ms)
      const readiness = await lookAtReadiness()
      if (!stopped) say(readiness)
      // Started, and a channel or two still to come: soon again.
      if (!serves(readiness)) return Math.min(settings.probeEveryMs, soonMs)
    } else {
      const why = answer.is === 'no-answer' ? answer.why : `status ${answer.status} without a liveness body`
      const silentMs = now - lastAliveAt
      say(seen('silent', `${livenessPath}: ${why} (for ${Math.round(silentMs / 1000)} s)`))
      if (silentMs >= settings.hangAfterMs && !isInstalling()) {
        tell({
          type: 'hung',
          evidence: `no answer from ${livenessPath} for ${Math.round(silentMs / 1000)} s: ${why}`,
        })
        return Infinity
      }
    }
    return settings.probeEveryMs
  }
  const round = (): void => {
    void (wasReady ? whileRunning() : whileStarting())
      .catch((error: unknown) => {
        tools.log.warn('cannot look at the gateway', { err: error })
        return settings.probeEveryMs
      })
      .then((waitMs) => {
        if (!stopped && waitMs !== Infinity) forget = clock.after(waitMs, round)
      })
  }
  round()
  return {
    stop() {
      stopped = true
      forget()
      return { wasReady, pids: [...listened] }
    },
  }
}

/** Asks what is left to end, waits, ends it; says what it was. Bounded: what cannot be ended is told, not awaited for ever. */
async function sweep(
  child: Child,
  patienceMs: number,
  { clock, log, orphans, run }: Tools,
): Promise<readonly string[]> {
  const left = (): Identity[] => {
    // What left its group and session comes to us when its parent ends; where it cannot, its mark tells.
    const adopted = orphans?.alive() ?? carriersOf(runVariable, run)
    const below = adopted.flatMap((row) => descendantsOf(row.pid)).filter((row) => !row.zombie)
    const all = [...child.remaining(), ...adopted, ...below]
    return all.filter((row, i) => all.findIndex((other) => other.pid === row.pid) === i)
  }
  const found = left()
  const names = found.map((row) => describe(row.pid)?.command ?? `pid ${row.pid}`)
  if (found.length > 0) {
    log.info('the gateway left processes behind: ending them', { processes: names.slice(0, 20) })
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      for (const row of left()) sendSignal(row, signal)
      const until = clock.monotonicMs() + patienceMs
      while (left().some(isAlive) && clock.monotonicMs() < until)
        await new Promise<void>((go) => void clock.after(25, go))
    }
    const stuck = left()
    if (stuck.length > 0)
      log.warn('processes of the gateway could not be ended', { pids: stuck.map((row) => row.pid) })
  }
  orphans?.reap()
  return names
}

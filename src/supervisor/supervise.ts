/**
 * The front door of this room: takes the state directory, and keeps a gateway on it until told to stop.
 *
 * It never starts a gateway on a state that was not confirmed consistent since the last one was gone, and never
 * beside another one. Everything it decides is decided in lifecycle/; here the parts are put together, and each
 * change is told four times: the log, the ledger, the status file, the service manager.
 */
import { adoptOrphans } from '../host/orphans.ts'
import { systemClock as clock } from '../host/clock.ts'
import type { Log } from '../host/log.ts'
import type { Notifier } from '../host/notify.ts'
import { ensureFolder, replaceFile } from '../host/own-files.ts'
import { bootId, exeOf, ownIdentity, type Description } from '../host/process-table.ts'
import { keptSignals, listenForSignals } from '../host/signals.ts'
import type { State } from '../lifecycle/lifecycle.ts'
import { meaningOf } from '../openclaw/exits.ts'
import type { Finding } from '../recovery/finding.ts'
import { recover } from '../recovery/recover.ts'
import { openAnnouncer } from './announcer.ts'
import { causeSince } from './cause.ts'
import { startGateway, type Gateway } from './gateway.ts'
import { noHttp, openHttp } from './http.ts'
import { openLedger, type Ledger } from './ledger.ts'
import { runLoop, type Left, type Order, type Outcome, type Spawned, type World } from './loop.ts'
import { clearOwed, markOwed, readOwed } from './owed.ts'
import { ownPaths } from './own-paths.ts'
import { describeHolder, lookForObstruction } from './port-sight.ts'
import { runningGateway } from './running-gateway.ts'
import type { Settings } from './settings.ts'
import { headline, tellChange, tellRecovery } from './narration.ts'
import { readStatusFile, type Status } from './status.ts'
import { carriedOver, newStatus, readinessOf, stateOf, statusOf } from './status-of.ts'
import { takeState } from './take-over.ts'
import { watchGenerations } from './watch-generations.ts'
import { siteOn } from './this-machine.ts'

export type Supervised =
  | {
      readonly is: 'left'
      readonly because: Left
      readonly evidence: string | null
      readonly command: string | null
    }
  /** Somebody else has the state; nothing was touched. */
  | { readonly is: 'refused'; readonly evidence: string; readonly command: string | null }
  | { readonly is: 'not-a-state'; readonly evidence: string }
  /** Our own folder cannot be made or written. */
  | {
      readonly is: 'cannot-begin'
      readonly evidence: string
      readonly command: string | null
      readonly canPass: boolean
    }
  | { readonly is: 'interrupted' }

/** So many repairs are told by `status`; all are in `history`. */
const mostRepairsTold = 5
/** Nobody who orders a stop waits long for a look. */
const stopLookMs = 10_000
/** While something takes long: how often the service manager is told that it still goes on. */
const stillAtItMs = 10_000

export async function supervise(
  settings: Settings,
  notifier: Notifier,
  log: Log,
  ownVersion: string,
): Promise<Supervised> {
  const { stateDir } = settings
  const paths = ownPaths(stateDir)
  if (!settings.isState && settings.recovery.unknownStore === 'hold')
    return {
      is: 'not-a-state',
      evidence: `${JSON.stringify(stateDir)} is no state directory of OpenClaw: name the right one with --state-dir, or start all the same with --unknown-store=start`,
    }
  const written = readStatusFile(paths.status)
  if (written.is === 'newer')
    return { is: 'cannot-begin', evidence: written.why, command: null, canPass: false }
  let http = noHttp
  let stopReaping = (): void => {}
  const announcer = openAnnouncer(notifier, (ms, fire) => clock.after(ms, fire))
  try {
    const hindrance = tryToBegin(paths.folder)
    if (hindrance !== null) return hindrance
    const own = ownIdentity()
    if (settings.http !== null) {
      const opened = await openHttp(settings.http, clock, log)
      if (opened.is === 'failed')
        return {
          is: 'cannot-begin',
          evidence: `cannot listen for --http: ${opened.why}`,
          command: null,
          canPass: true,
        }
      http = opened.http
    }
    const adoption = await adoptOrphans()
    const orphans = adoption.is === 'adopting' ? adoption.orphans : undefined
    stopReaping = orphans?.keepReaping() ?? stopReaping
    if (adoption.is === 'unavailable')
      log.warn('what the gateway leaves behind cannot be found', { why: adoption.why })

    const taken = await takeState({
      lockPath: paths.lock,
      owedPath: paths.owed,
      orphan: settings.orphan,
      patienceMs: settings.lifecycle.stopTimeoutMs,
      clock,
      log,
      isInterrupted: () => keptSignals().some((signal) => signal !== 'SIGHUP'),
      taking: (orphan) => {
        announcer.status(`stopping pid ${orphan.pid}, left behind by an earlier supervisor`)
        announcer.allow(settings.lifecycle.stopTimeoutMs)
      },
    })
    if (taken.is !== 'ours') return taken
    if (taken.warning !== null) log.warn(taken.warning)

    const file = openLedger(
      paths.ledger,
      () => clock.wallMs(),
      (error) => log.warn('cannot write the history', { err: error }),
    )
    const ledger: Ledger = {
      write: (entry) => {
        file.write(entry)
        http.tell({ is: 'entry', entry })
      },
    }
    const before = written.is === 'known' ? written.status : null
    const told = newStatus(settings, own, ownVersion, before)
    let status = told
    let publishing: Promise<unknown> = Promise.resolve()
    /** A disk that stays full is told once. */
    let isStatusTold = true
    const publish = (change: Partial<Status>): void => {
      status = { ...status, ...change }
      http.tell({ is: 'status', status })
      const text = `${JSON.stringify(status)}\n`
      publishing = publishing
        .then(() => replaceFile(paths.status, text, { durable: false }))
        .then(
          () => (isStatusTold = true),
          (error: unknown) => {
            if (isStatusTold) log.warn('cannot write the status file', { evidence: (error as Error).message })
            isStatusTold = false
          },
        )
    }
    const recoveryLog = log.with({ phase: 'recovering' })
    // Between a crash and the next start the mark stays, and nobody waits for the disk: whatever replaces a mark
    // that was written through, a power cut leaves one of the two, or one that cannot be read, which is a mark, too.
    let isMarked = false
    /** Nothing was started since the state was confirmed. */
    let isConfirmed = false

    const lookAndRepair = async (trigger: string, signal: AbortSignal): Promise<Outcome> => {
      isConfirmed = false
      // Before anything is read or repaired: a gateway that holds no lock of ours would write meanwhile.
      const other = runningGateway(settings)
      if (other !== null) {
        const evidence = `a gateway already works on this state: ${describeHolder(other.who)}`
        return { is: 'needs-operator', kind: 'obstructed', evidence, command: commandToStop(other.who) }
      }
      const owed = readOwed(paths.owed)
      const site = siteOn({ ...settings, installed: settings.installed(), policy: settings.recovery })
      const begun = clock.monotonicMs()
      const recovery = await recover(site, { owed: owedSince(owed), trigger, signal })
      const tookMs = Math.round(clock.monotonicMs() - begun)
      tellRecovery(recovery, tookMs, recoveryLog)
      const repairs =
        recovery.repairId === null
          ? status.lastRepairs
          : [
              {
                id: recovery.repairId,
                at: new Date(clock.wallMs()).toISOString(),
                findings: recovery.found.filter((finding) => finding.repair !== null).length,
                keptBytes: recovery.kept.reduce((sum, kept) => sum + kept.bytes, 0),
              },
              ...status.lastRepairs,
            ].slice(0, mostRepairsTold)
      publish({ lastRepairs: repairs, state: stateOf(recovery) })
      const detail =
        'evidence' in recovery ? recovery.evidence : `${recovery.found.length} findings, ${tookMs} ms`
      const found = kindsOf(recovery.found)
      const repaired =
        recovery.is === 'repaired' ? kindsOf(recovery.found.filter((finding) => finding.repair !== null)) : {}
      const { is: verdict, repairId } = recovery
      ledger.write({
        event: 'recovered',
        child: status.child?.number ?? 0,
        verdict,
        repairId,
        detail,
        tookMs,
        found,
        repaired,
      })
      if (recovery.is === 'needs-operator') return { ...recovery, kind: 'state' }
      if (recovery.is === 'retry-later') return recovery
      isConfirmed = true
      return { is: 'consistent' }
    }
    const generations = watchGenerations(
      siteOn({ ...settings, installed: settings.installed(), policy: settings.recovery }),
      log,
    )

    const runRecovery: World['recover'] = async (trigger, signal) => {
      const outcome = await lookAndRepair(trigger, signal)
      if (outcome.is !== 'consistent') return outcome
      const { obstruction, warnings } = await lookForObstruction(settings.port, settings.addresses)
      for (const warning of warnings) recoveryLog.warn(warning)
      if (obstruction !== null) return { is: 'needs-operator', kind: 'obstructed', ...obstruction }
      return { is: 'consistent' }
    }

    /** Of the last child. */
    let lastEnd: Pick<Awaited<Gateway['ended']>, 'wasReady' | 'leftBehind'> = {
      wasReady: false,
      leftBehind: [],
    }

    const spawn: World['spawn'] = async (number, tellLoop): Promise<Spawned> => {
      const installed = settings.installed()
      const version = installed?.version ?? null
      const childLog = log.with({ phase: 'starting', child: number })
      isConfirmed = false
      try {
        const mark = { bootId: own.bootId, child: null, openclaw: version }
        await markOwed(paths.owed, mark, { durable: !isMarked })
        isMarked = true
      } catch (error) {
        return {
          is: 'failed',
          why: `cannot mark that recovery is owed: ${(error as Error).message}`,
          canPass: true,
        }
      }
      let wasSeenReady = false
      const spawnedAt = clock.monotonicMs()
      const spawnedAtWall = clock.wallMs()
      const gateway = await startGateway(
        settings,
        {
          clock,
          log: childLog,
          lockFd: taken.lockFd,
          installed,
          orphans,
          probed: (probe, ms) => {
            http.tell({ is: 'probe', probe, ms })
            if (probe === 'liveness') generations.look()
          },
          seen: (readiness) => {
            if (readiness.ready && !wasSeenReady) {
              wasSeenReady = true
              ledger.write({
                event: 'ready',
                child: number,
                afterMs: Math.round(clock.monotonicMs() - spawnedAt),
              })
              generations.gotReady()
            }
            publish(readinessOf(readiness, status.phase, clock.wallMs()))
          },
        },
        tellLoop,
      )
      if (gateway.is === 'failed') return gateway
      const { identity } = gateway
      const startedAt = new Date(clock.wallMs()).toISOString()
      publish({ child: { ...identity, number, startedAt, version } })
      ledger.write({ event: 'started', child: number, pid: identity.pid, version })
      childLog.info('gateway started', { pid: identity.pid, version })
      await markOwed(
        paths.owed,
        { bootId: own.bootId, child: { ...identity, exe: exeOf(identity.pid) ?? null }, openclaw: version },
        { durable: false },
      ).catch((error: unknown) => childLog.warn('cannot name the gateway in the mark', { err: error }))
      const ended = gateway.ended.then(({ exit, wasReady, leftBehind }) => {
        lastEnd = { wasReady, leftBehind }
        const unsaid = exit.by === 'code' && exit.code === 0 && wasReady
        const cause = unsaid ? null : causeSince(spawnedAtWall, settings.gatewayLog)
        return { exit, meaning: meaningOf(exit, wasReady, cause), cause }
      })
      return { is: 'started', ended, kill: (signal) => gateway.kill(signal) }
    }

    const world: World = {
      now: () => clock.monotonicMs(),
      chance: Math.random,
      after: (ms, fire) => clock.after(ms, fire),
      recover: runRecovery,
      spawn,
      announce: (what) => {
        if (what === 'ready') announcer.ready(headline(status))
        else announcer.stopping(settings.lifecycle.stopTimeoutMs)
      },
      changed: (to, event, from) => {
        publish(statusOf(to, event, from, lastEnd.wasReady, settings.lifecycle, clock.wallMs()))
        tellChange(to, event, from, log)
        if (event?.type === 'exited' && status.lastExit !== null) {
          const { exit, why, detail } = status.lastExit
          ledger.write({
            event: 'ended',
            child: event.child,
            exit,
            why,
            detail,
            ...lastEnd,
          })
        }
        if (to.phase === 'held')
          ledger.write({ event: 'held', child: to.child, kind: to.hold.kind, evidence: to.hold.evidence })
        announcer.status(headline(status))
        allowTime(to)
      },
    }

    /** The service manager's patience, renewed while something goes on that we bound ourselves. */
    let forgetRenewal = (): void => {}
    const allowTime = (state: State): void => {
      forgetRenewal()
      forgetRenewal = () => {}
      if (!['recovering', 'starting', 'draining', 'backing-off'].includes(state.phase)) return
      announcer.allow(stillAtItMs * 2)
      forgetRenewal = clock.after(stillAtItMs, () => allowTime(state))
    }

    ledger.write({
      event: 'supervising',
      child: 0,
      pid: own.pid,
      command: [settings.command.file, ...settings.command.args].join(' '),
    })
    const budgets = carriedOver(before)
    const left = await runLoop(world, settings.lifecycle, budgets, (order) =>
      listenForSignals((signal) => {
        const given: Order = signal === 'SIGHUP' ? 'restart' : 'stop'
        log.info(`ordered to ${given}`, { signal })
        ledger.write({ event: 'ordered', child: status.child?.number ?? 0, order: given })
        order(given)
      }),
    )
    forgetRenewal()
    // What an orderly stop leaves is confirmed at once: a reboot then does not have to read everything.
    if (left === 'stopped' && isMarked && !isConfirmed)
      await lookAndRepair('stop', AbortSignal.timeout(stopLookMs)).catch((error: unknown) =>
        log.warn('cannot look at the state after the stop', { err: error }),
      )
    if (isConfirmed)
      await clearOwed(paths.owed).catch((error: unknown) => log.warn('cannot clear the mark', { err: error }))
    ledger.write({ event: 'left', child: status.child?.number ?? 0, because: left })
    publish({ supervisor: null })
    await publishing
    return {
      is: 'left',
      because: left,
      evidence: status.hold?.evidence ?? null,
      command: status.hold?.command ?? null,
    }
  } finally {
    announcer.close()
    stopReaping()
    await http.close()
  }
}

function tryToBegin(folder: string): Extract<Supervised, { is: 'cannot-begin' }> | null {
  try {
    ensureFolder(folder)
    return null
  } catch (error) {
    const code = codeOf(error)
    const evidence = `cannot make ${JSON.stringify(folder)}: ${code}`
    if (code === 'EACCES' || code === 'EPERM' || code === 'ENOTDIR')
      return {
        is: 'cannot-begin',
        evidence,
        command: `ls -ld ${JSON.stringify(folder)} ${JSON.stringify(folder)}/..`,
        canPass: false,
      }
    return { is: 'cannot-begin', evidence, command: `df ${JSON.stringify(folder)}/..`, canPass: true }
  }
}

/** The system's word, wherever in the chain of causes it stands. */
function codeOf(error: unknown): string {
  for (
    let one = error as (NodeJS.ErrnoException & { cause?: unknown }) | undefined;
    one !== undefined;
    one = one.cause as typeof one
  )
    if (typeof one.code === 'string') return one.code
  return String(error)
}

const kindsOf = (findings: readonly Finding[]): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const { kind } of findings) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

const commandToStop = ({ pid, unit }: Description): string =>
  unit === undefined ? `kill ${pid}` : `systemctl ${unit.of === 'user' ? '--user ' : ''}stop ${unit.name}`

const owedSince = (owed: ReturnType<typeof readOwed>): 'no' | 'this-boot' | 'another-boot' => {
  if (owed === undefined) return 'no'
  return owed !== 'unknown' && owed.bootId === bootId() ? 'this-boot' : 'another-boot'
}

/**
 * The debt of a start: a recovery. Marked on disk before a child is born, paid by a confirmation after its end.
 *
 * Between a crash and the next start the mark stays, and nobody waits for the disk: whatever replaces a mark that
 * was written through, a power cut leaves one of the two, or one that cannot be read, which is a mark, too.
 */
import { systemClock as clock } from '../host/clock.ts'
import { bootId, exeOf, type Identity } from '../host/process-table.ts'
import type { Finding } from '../recovery/finding.ts'
import { recover } from '../recovery/recover.ts'
import type { Recovery } from '../recovery/verdict.ts'
import type { LastRun } from './last-run.ts'
import type { Left, Outcome } from './loop.ts'
import { tellRecovery } from './narration.ts'
import { clearOwed, markOwed, readOwed } from './owed.ts'
import type { OwnPaths } from './own-paths.ts'
import { lookForObstruction, type Obstruction } from './port-sight.ts'
import { runningGateway } from './running-gateway.ts'
import type { Settings } from './settings.ts'
import type { StateLock } from './state-lock.ts'
import { stateOf } from './status-of.ts'
import type { Refused } from './take-over.ts'
import type { Teller } from './teller.ts'
import { siteOn } from './this-machine.ts'

export interface Debt {
  /** Everything that stands between the end of one child and the start of the next. */
  recover(trigger: string, signal: AbortSignal): Promise<Outcome>
  /** What became of the last gateway: the next recovery counts it with the turns that were handed to that one. */
  learn(lastRun: LastRun): void
  /** Before a child is born; fails when the mark cannot be written. */
  incur(run: string, openclaw: string | null): Promise<void>
  /** Which process a later supervisor may find; null: any that bears the run. */
  name(child: Identity | null, run: string, openclaw: string | null): Promise<void>
  /** Nothing is going on: others may have the state, and change it. */
  letGo(): void
  /** At the very end. */
  settle(left: Left): Promise<void>
}

/** So many repairs are told by `status`; all are in `history`. */
const mostRepairsTold = 5
/** Nobody who orders a stop waits long for a look. */
const stopLookMs = 10_000

export function openDebt(settings: Settings, paths: OwnPaths, lock: StateLock, teller: Teller): Debt {
  const { log } = teller
  let isMarked = false
  /** Nothing was started since the state was confirmed. */
  let isConfirmed = false
  let lastRun: LastRun = 'unknown'

  /** Whoever has the state, or works on it without a lock of ours, would write while it is read or repaired. */
  const findOther = async (): Promise<NotNow | null> => {
    const refused = await lock.regain()
    if (refused !== null) return obstructed(refused)
    const other = await runningGateway({ ...settings, ports: [settings.listening().port] })
    if (other === null) return null
    // A command of OpenClaw's is no reason to stay down; a gateway in its first seconds will be certain.
    return other.isCertain ? obstructed(other) : { is: 'retry-later', evidence: other.evidence }
  }
  const lookAtPort = async (warn: (warning: string) => void): Promise<Obstructed | null> => {
    const { port, addresses } = settings.listening()
    const { obstruction, warnings } = await lookForObstruction(port, addresses)
    for (const warning of warnings) warn(warning)
    return obstruction === null ? null : obstructed(obstruction)
  }
  const lookAndRepair = async (trigger: string, signal: AbortSignal): Promise<Outcome> => {
    isConfirmed = false
    const site = siteOn({ ...settings, installed: settings.installed(), policy: settings.recovery })
    const begun = clock.monotonicMs()
    const owed = owedSince(readOwed(paths.owed))
    const recovery = await recover(site, { owed, lastRun, trigger, signal })
    const tookMs = Math.round(clock.monotonicMs() - begun)
    tellRecovery(recovery, tookMs, settings, log)
    record(recovery, tookMs, teller)
    if (recovery.is === 'needs-operator') return { ...recovery, kind: 'state' }
    if (recovery.is === 'retry-later') return recovery
    isConfirmed = true
    // Counted by now.
    lastRun = 'unknown'
    return { is: 'consistent' }
  }
  return {
    async recover(trigger, signal) {
      // What cannot be followed by a start is not begun: nothing is touched beside somebody else.
      const before = (await findOther()) ?? (await lookAtPort(() => {}))
      if (before !== null) return before
      const outcome = await lookAndRepair(trigger, signal)
      if (outcome.is !== 'consistent') return outcome
      return (await lookAtPort((warning) => log.warn(warning))) ?? outcome
    },
    learn(run) {
      lastRun = run
    },
    async incur(run, openclaw) {
      isConfirmed = false
      await markOwed(paths.owed, { bootId: bootId(), run, child: null, openclaw }, { durable: !isMarked })
      isMarked = true
    },
    async name(child, run, openclaw) {
      const named = child === null ? null : { ...child, exe: exeOf(child.pid) ?? null }
      await markOwed(paths.owed, { bootId: bootId(), run, child: named, openclaw }, { durable: false }).catch(
        (error: unknown) => log.warn('cannot name the gateway in the mark', { err: error }),
      )
    },
    letGo() {
      isConfirmed = false
      lock.letGo()
    },
    async settle(left) {
      // What an orderly stop leaves is confirmed at once: a reboot then does not have to read everything.
      if (left === 'stopped' && isMarked && !isConfirmed && (await findOther()) === null)
        await lookAndRepair('stop', AbortSignal.timeout(stopLookMs)).catch((error: unknown) =>
          log.warn('cannot look at the state after the stop', { err: error }),
        )
      if (isConfirmed)
        await clearOwed(paths.owed).catch((error: unknown) =>
          log.warn('cannot clear the mark', { err: error }),
        )
    },
  }
}

function record(recovery: Recovery, tookMs: number, teller: Teller): void {
  const { is: verdict, repairId, kept } = recovery
  const status = teller.status()
  const repairable = recovery.found.filter((finding) => finding.repair !== null)
  const latest =
    repairId === null
      ? []
      : [
          {
            id: repairId,
            at: new Date(clock.wallMs()).toISOString(),
            findings: repairable.length,
            keptBytes: kept.reduce((sum, one) => sum + one.bytes, 0),
          },
        ]
  const lastRepairs = [...latest, ...status.lastRepairs].slice(0, mostRepairsTold)
  teller.publish({ lastRepairs, state: stateOf(recovery) })
  teller.record({
    event: 'recovered',
    child: teller.number(),
    verdict,
    repairId,
    detail: [
      'evidence' in recovery ? recovery.evidence : `${recovery.found.length} findings, ${tookMs} ms`,
      ...recovery.did,
    ].join('; '),
    tookMs,
    found: kindsOf(recovery.found),
    repaired: verdict === 'repaired' ? kindsOf(repairable) : {},
  })
}

const kindsOf = (findings: readonly Finding[]): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const { kind } of findings) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

type NotNow = Exclude<Outcome, { is: 'consistent' }>
type Obstructed = Extract<Outcome, { is: 'needs-operator' }>
const obstructed = ({ evidence, command }: Obstruction | Refused): Obstructed => ({
  is: 'needs-operator',
  kind: 'obstructed',
  evidence,
  command,
})

const owedSince = (owed: ReturnType<typeof readOwed>): 'no' | 'this-boot' | 'another-boot' => {
  if (owed === undefined) return 'no'
  return owed !== 'unknown' && owed.bootId === bootId() ? 'this-boot' : 'another-boot'
}

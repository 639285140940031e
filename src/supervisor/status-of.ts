/** How the state of the lifecycle becomes the status that is published, and what of an earlier one still counts. */
import { systemClock as clock } from '../host/clock.ts'
import { sameProcess, type Identity } from '../host/process-table.ts'
import { describeExit } from '../lifecycle/exit.ts'
import type { Event, Policy, State } from '../lifecycle/lifecycle.ts'
import { fullBudgets, type Budgets, type Spending } from '../lifecycle/restart-policy.ts'
import type { Recovery } from '../recovery/verdict.ts'
import type { ReadinessSeen } from './gateway.ts'
import type { Settings } from './settings.ts'
import { statusVersion, type Budget, type Status } from './status.ts'

/**
 * What an earlier supervisor had spent is spent, however it ended; but who starts it again after a stop, or
 * after a hold that needs a person, has looked at it.
 */
export function carriedOver(before: Status | null): Budgets {
  if (before === null || before.phase === 'stopped') return fullBudgets
  if (before.phase === 'held' && before.hold?.kind !== 'recovery') return fullBudgets
  const spent = (what: Spending): number => wholeNumber(before.budgets?.[what]?.spent)
  return {
    crashes: spent('crashes'),
    recoveries: spent('recoveries'),
    restarts: spent('restarts'),
    contentions: spent('contentions'),
    lastFailure: typeof before.budgets?.lastFailure === 'string' ? before.budgets.lastFailure : null,
  }
}

export function newStatus(settings: Settings, own: Identity, version: string, before: Status | null): Status {
  const now = new Date(clock.wallMs()).toISOString()
  return {
    version: statusVersion,
    phase: 'recovering',
    why: 'started',
    reason: 'first start',
    since: now,
    ready: false,
    readiness: nobodyReady,
    child: null,
    lastReady: before?.lastReady ?? null,
    lastExit: before?.lastExit ?? null,
    lastExits: before?.lastExits ?? [],
    lastRepairs: before?.lastRepairs ?? [],
    state: before?.state ?? null,
    budgets: budgetsOf(fullBudgets, settings.lifecycle),
    nextAttemptAt: null,
    hold: null,
    place: { stateDir: settings.stateDir, configPath: settings.configPath, port: settings.listening().port },
    supervisor: { ...own, startedAt: now, version },
  }
}

/** Until the orphan is gone: what was spent stays spent, should this supervisor be killed meanwhile. */
export const takingOver = (orphan: Identity, before: Status | null, now: number): Partial<Status> => {
  const at = new Date(now).toISOString()
  const known = before?.child ?? null
  return {
    phase: 'taking-over',
    reason: `stopping pid ${orphan.pid}, left behind by an earlier supervisor`,
    since: at,
    child:
      known !== null && sameProcess(known, orphan)
        ? known
        : {
            pid: orphan.pid,
            startTicks: orphan.startTicks,
            bootId: orphan.bootId,
            number: 1,
            startedAt: at,
            version: null,
          },
    ...(before === null ? {} : { budgets: before.budgets }),
  }
}

export const nobodyReady: Status['readiness'] = {
  is: 'none',
  since: null,
  evidence: 'no gateway runs',
  failing: [],
  suppressed: [],
}

export const readinessOf = (seen: ReadinessSeen, now: number): Status['readiness'] => ({
  ...seen,
  since: new Date(now).toISOString(),
})

/**
 * What is said follows from the last thing seen, not from what was seen at some moment: since 2026.8 a start is over
 * (READY=1) before its last channel is connected, or with channels that are kept down.
 */
export const changedBy = (status: Status, change: Partial<Status>): Status => {
  const next = { ...status, ...change }
  return { ...next, ready: next.phase === 'running' && next.readiness.is === 'ready' }
}

const budgetsOf = (budgets: Budgets, policy: Policy): Status['budgets'] => {
  const of = (what: Spending): Budget => ({
    spent: budgets[what],
    limit: policy.limits[what],
    left: Math.max(0, policy.limits[what] - budgets[what]),
  })
  return {
    crashes: of('crashes'),
    recoveries: of('recoveries'),
    restarts: of('restarts'),
    contentions: of('contentions'),
    lastFailure: budgets.lastFailure,
  }
}

export const stateOf = ({ inspection }: Recovery): Status['state'] => {
  const count = (severity: string): number =>
    inspection.findings.filter((f) => f.severity === severity).length
  return {
    at: new Date(clock.wallMs()).toISOString(),
    store: inspection.store,
    version: inspection.version,
    schema: inspection.schema,
    verdict: inspection.verdict,
    loses: count('loses'),
    blocks: count('blocks'),
    benign: count('benign'),
  }
}

export const quietly = 'a gateway started sooner would keep its channels down'

export function statusOf(
  to: State,
  event: Event | undefined,
  from: State | undefined,
  wasReady: boolean,
  policy: Policy,
  now: number,
): Partial<Status> {
  const at = new Date(now).toISOString()
  const hasChild = ['starting', 'running', 'draining', 'stopping'].includes(to.phase)
  const isQuiet = to.phase === 'backing-off' && event?.type === 'exited' && event.quietMs > 0
  const waits = to.phase === 'backing-off' || to.phase === 'held'
  return {
    phase: to.phase,
    why: to.reason.why,
    reason:
      to.phase === 'held'
        ? to.hold.evidence
        : `${to.reason.why}: ${to.reason.detail}${isQuiet ? `; ${quietly}` : ''}`,
    ...(to.phase === from?.phase ? {} : { since: at }),
    ...(hasChild ? {} : { child: null, readiness: nobodyReady }),
    ...(event?.type === 'exited'
      ? {
          lastExit: {
            at,
            exit: event.exit,
            why: to.reason.why,
            detail:
              event.cause === null ? describeExit(event.exit) : `${describeExit(event.exit)}: ${event.cause}`,
            wasReady,
          },
        }
      : {}),
    budgets: budgetsOf(to.budgets, policy),
    nextAttemptAt: waits && to.timeoutMs !== undefined ? new Date(now + to.timeoutMs).toISOString() : null,
    hold: to.phase === 'held' ? to.hold : null,
  }
}

/** The file may hold anything. */
const wholeNumber = (value: unknown): number =>
  Number.isSafeInteger(value) ? Math.max(0, value as number) : 0

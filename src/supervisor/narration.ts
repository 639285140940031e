/** What is said of each change: to a person who reads the log at three in the morning, and in one headline. */
import type { Log } from '../host/log.ts'
import type { Event, State } from '../lifecycle/lifecycle.ts'
import type { Recovery } from '../recovery/verdict.ts'
import { quietly } from './status-of.ts'
import type { Status } from './status.ts'
import { wholeCommand, type Meant } from './whole-command.ts'

/** What STATUS= and a person see first. */
export const headline = (status: Status): string => {
  if (status.phase === 'held') return `held (${status.hold?.kind}): ${status.hold?.evidence}`
  if (status.phase === 'running')
    return status.ready
      ? `ready: pid ${status.child?.pid}`
      : `running, not fully ready: ${status.readiness.evidence}`
  return `${status.phase}: ${status.reason}`
}

export function tellRecovery(recovery: Recovery, tookMs: number, meant: Meant, log: Log): void {
  const fields = { tookMs, ...(recovery.repairId === null ? {} : { repair: recovery.repairId }) }
  for (const finding of recovery.found) {
    const { kind, severity, path, evidence, repair: remedy, command } = finding
    const line = { kind, severity, path, evidence, remedy, ...fields }
    // A loss of before, which a word of theirs mends: nobody would look for it.
    if (severity === 'benign' && command !== undefined)
      log.warn('found', { ...line, command: wholeCommand(command, meant) })
    else if (severity === 'benign') log.debug('found', line)
    else log.info(remedy === null || recovery.repairId === null ? 'found' : 'found and repaired', line)
  }
  for (const why of recovery.trouble) log.warn('of the snapshots', { why, ...fields })
  switch (recovery.is) {
    case 'consistent':
      log.info('state is consistent', { ...fields, ...recovery.inspection.counts })
      break
    case 'repaired':
      log.info(
        `state was repaired and is consistent; take it back with: ${wholeCommand(`supervise undo ${recovery.repairId}`, meant)}`,
        { ...fields, ...(recovery.did.length > 0 && { did: recovery.did }) },
      )
      break
    case 'retry-later':
      log.warn('state could not be confirmed for now', { ...fields, evidence: recovery.evidence })
      break
    case 'needs-operator':
      log.error('state needs an operator', {
        ...fields,
        evidence: recovery.evidence,
        command: recovery.command === null ? null : wholeCommand(recovery.command, meant),
      })
      break
  }
}

/** Of a gateway that runs. */
export function tellReadiness({ child, ready, readiness }: Status, log: Log): void {
  const line = log.with({ phase: 'running', child: child?.number ?? 0 })
  if (ready) line.info('gateway is ready')
  else line.warn('gateway runs, and is not fully ready', { evidence: readiness.evidence })
}

export function tellChange(
  to: State,
  event: Event | undefined,
  from: State | undefined,
  status: Status,
  log: Log,
): void {
  if (from !== undefined && to.phase === from.phase && event?.type !== 'exited') return
  const line = log.with({ phase: to.phase, child: to.child })
  const why = { why: to.reason.why, detail: to.reason.detail }
  switch (to.phase) {
    case 'recovering':
      line.info('looking at the state before the start', why)
      break
    case 'backing-off':
      line.info(
        'waiting before the next attempt',
        event?.type === 'exited' && event.quietMs > 0
          ? { ...why, waitMs: to.timeoutMs, for: quietly }
          : { ...why, waitMs: to.timeoutMs },
      )
      break
    case 'starting':
      line.info('starting the gateway', why)
      break
    case 'running':
      tellReadiness(status, log)
      break
    case 'draining':
      line.warn('ending the gateway; a start follows', why)
      break
    case 'stopping':
      line.info('stopping the gateway')
      break
    case 'held':
      line.error('held: nothing is started', {
        kind: to.hold.kind,
        evidence: to.hold.evidence,
        command: to.hold.command,
      })
      break
    case 'stopped':
      line.info('stopped')
      break
  }
}

/**
 * `supervise stop|restart|retry`: reads the status file, checks that the supervisor it names is the one that
 * lives, sends it the signal, and waits for the state to follow.
 */
import { systemClock as clock } from '../host/clock.ts'
import { isAlive } from '../host/process-table.ts'
import { sendSignal } from '../host/send-signal.ts'
import type { Environment } from '../openclaw/settings.ts'
import { ownPaths } from '../supervisor/own-paths.ts'
import { judge, readStatusFile, type Status } from '../supervisor/status.ts'
import { wholeCommand } from '../supervisor/whole-command.ts'
import { complain } from './complain.ts'
import { exitStatus, statusStatus } from './exit-statuses.ts'
import { durationOf, whereFlags, type Flags, type Parsed } from './flags.ts'
import { say } from './output.ts'
import { noArguments, stateOrUsage } from './where.ts'

export const controlFlags = {
  ...whereFlags,
  wait: { value: 'TIME', help: 'for it to happen', fallback: '6m' },
} satisfies Flags

type Order = 'stop' | 'restart' | 'retry'
const everyMs = 100

export const control =
  (order: Order) =>
  async (parsed: Parsed, env: Environment): Promise<number> => {
    noArguments(parsed)
    const where = stateOrUsage(parsed.given, env)
    const path = ownPaths(where.stateDir).status
    const look = wholeCommand('supervise status', where)
    const waitMs = durationOf(parsed.given, 'wait', 360_000)
    const read = readStatusFile(path)
    if ('why' in read) {
      complain(read.why)
      return statusStatus.cannotTell
    }
    const before = read.is === 'known' ? judge(read.status) : undefined
    if (before?.supervisor == null) {
      complain('no supervisor is running here')
      return statusStatus.notRunning
    }
    const { supervisor } = before
    if (order === 'retry' && before.phase !== 'held' && before.phase !== 'backing-off') {
      say(`nothing to retry: ${before.phase}`)
      return exitStatus.ok
    }
    const sent = sendSignal(supervisor, order === 'stop' ? 'SIGTERM' : 'SIGHUP')
    if (sent !== 'sent') {
      complain(
        sent === 'gone'
          ? 'the supervisor ended meanwhile'
          : `pid ${supervisor.pid} may not be signalled by this user`,
      )
      return sent === 'gone' ? statusStatus.notRunning : exitStatus.later
    }
    const until = clock.monotonicMs() + waitMs
    while (clock.monotonicMs() < until) {
      const now = readStatusFile(path)
      const status = now.is === 'known' ? now.status : undefined
      if (
        order === 'stop'
          ? !isAlive(supervisor)
          : status !== undefined && hasFollowed(order, before, judge(status))
      ) {
        say(order === 'stop' ? 'stopped' : `${order}: ${status?.phase}`)
        return exitStatus.ok
      }
      if (order !== 'stop' && !isAlive(supervisor)) {
        complain(`the supervisor ended: ${status?.reason ?? `see \`${look}\``}`)
        return statusStatus.notRunning
      }
      await new Promise<void>((go) => void clock.after(everyMs, go))
    }
    complain(`not within ${Math.round(waitMs / 1000)} s; see \`${look}\``)
    return exitStatus.later
  }

function hasFollowed(order: Order, before: Status, now: Status): boolean {
  if (order === 'retry') return now.phase !== before.phase || now.since !== before.since
  const isAnother = now.child !== null && now.child.number !== before.child?.number
  return isAnother && now.ready
}

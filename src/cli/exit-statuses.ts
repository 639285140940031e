/** What each exit status means: one table for the program, the help texts, the units and their tests. */
import type { Hold } from '../lifecycle/lifecycle.ts'

export const exitStatus = {
  ok: 0,
  usage: 64,
  needsOperator: 65,
  obstructed: 69,
  defect: 70,
  later: 75,
  refused: 78,
} as const

/** Ended by a signal: 128 and its number, as a shell says it. */
export const signalStatus = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

/** Starting again changes nothing: what a unit lists in RestartPreventExitStatus=. */
export const finalStatuses: readonly number[] = [
  exitStatus.usage,
  exitStatus.needsOperator,
  exitStatus.obstructed,
  exitStatus.refused,
]

export const statusOfHold: Readonly<Record<Hold['kind'], number>> = {
  state: exitStatus.needsOperator,
  'gateway-fails': exitStatus.needsOperator,
  'restart-storm': exitStatus.needsOperator,
  obstructed: exitStatus.obstructed,
  recovery: exitStatus.later,
  refused: exitStatus.refused,
  'cannot-start': exitStatus.usage,
}

/** Of `supervise status`, after the convention of `systemctl status`. */
export const statusStatus = { ready: 0, notReady: 1, notRunning: 3, cannotTell: 4 } as const

/** The last words of each `--help`. */
export const explained = {
  run: [
    [0, 'stopped as ordered'],
    [64, 'wrong usage or configuration of supervise'],
    [65, 'held: the state, or a gateway that keeps failing, needs an operator'],
    [69, 'held: something else owns the port or the state directory, or that cannot be locked'],
    [70, 'a defect of supervise itself; the gateway is left stopped'],
    [75, 'recovery could not be confirmed for a cause that may pass: start it again later'],
    [78, 'held: the gateway refuses its configuration'],
    ['128+n', 'ended by signal n before anything was started'],
  ],
  status: [
    [0, 'ready'],
    [1, 'running but not ready'],
    [3, 'not running'],
    [4, 'cannot tell'],
    [64, 'wrong usage'],
  ],
  check: [
    [0, 'consistent'],
    [64, 'wrong usage'],
    [65, 'something loses data or blocks'],
    [75, 'could not look'],
  ],
  repair: [
    [0, 'consistent, repaired if it had to be; with --dry-run: looked'],
    [64, 'wrong usage'],
    [65, 'the state needs an operator'],
    [69, 'refused: the state is held by a supervisor or a gateway'],
    [75, 'could not be confirmed for a cause that may pass'],
  ],
  undo: [
    [0, 'undone'],
    [64, 'wrong usage, or no such repair'],
    [65, 'refused: files have changed since, or the state needs an operator'],
    [69, 'refused: the state is held by a supervisor or a gateway'],
    [75, 'could not be done for a cause that may pass'],
  ],
  history: [
    [0, 'told'],
    [64, 'wrong usage'],
    [75, 'could not look'],
  ],
  control: [
    [0, 'done'],
    [3, 'nothing is running'],
    [4, 'cannot tell'],
    [64, 'wrong usage'],
    [75, 'could not look; or ordered, but it did not happen in time'],
  ],
} as const satisfies Record<string, readonly (readonly [number | string, string])[]>

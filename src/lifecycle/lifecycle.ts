/**
 * The lifecycle: what the supervisor does next, as a pure function.
 *
 *   step(state, event, policy) -> [state, effects]
 *
 * Nothing here reads a clock, touches a file or starts a process. The loop (../supervisor/loop.ts) carries the
 * effects out and reports what happened.
 *
 *   recovering --consistent--> starting --ready--> running
 *     |   ^  ^                    |  |               |  |
 *     |   |  +---- draining <-----+--|---------------+  |      draining: asked to end by us (hang, too slow,
 *     |   |                          |                  |      operator's restart); a start follows
 *     |   +---- backing-off <--------+----- exited -----+
 *     |                              |                  |
 *     +--not confirmed--> held <-----+---- give up -----+
 *
 *   any of these --stop--> stopping (while a child lives) --> stopped
 *
 * Invariants (test/lifecycle/walk.test.ts checks each in every reachable state):
 *
 *   (1) At most one child exists at any time.
 *   (2) A child is spawned only with the confirmation of a recovery that began after the previous child was
 *       gone. A spawn uses the confirmation up.
 *   (3) Once a stop is requested, no child is spawned.
 *   (4) Ready is announced at most once per child, and only for a child that was observed ready.
 *   (5) `held` has no child. Only a stop, an operator's retry, or, for causes that can pass, its own timer
 *       leaves it.
 *   (6) After a stop, `stopped` is reached even if the child ignores SIGTERM.
 *   (7) An event about an earlier child or run changes nothing.
 *   (8) Recovery attempts and child crashes spend separate budgets. A budget is given back only by real
 *       uptime, not by one good probe. Both survive a restart of the supervisor.
 *
 * Where we are (`phase`) is kept apart from why (`reason`): the same back-off follows a crash, a hang, a
 * failed recovery. Times are milliseconds of a clock that never jumps.
 *
 * Rejected: a class with a method per event (cells can be forgotten), and timers as effects (each needs to be
 * disarmed somewhere). Here a timeout belongs to its phase: the loop forgets it when the state changes.
 */
import { describeExit, type Exit, type Meaning } from './exit.ts'
import {
  delayMs,
  fullBudgets,
  overspent,
  spend,
  wasGood,
  type Budgets,
  type RestartPolicy,
  type Spending,
} from './restart-policy.ts'

/** Proof that recovery number `run` looked at the state and found it consistent. */
export interface Confirmation {
  readonly run: number
}

export type Verdict =
  | { readonly is: 'consistent'; readonly confirmation: Confirmation }
  | { readonly is: 'retry-later'; readonly evidence: string }
  | {
      readonly is: 'needs-operator'
      readonly kind: 'state' | 'obstructed'
      readonly evidence: string
      readonly command: string | null
    }

/** Why a person is needed (or, where `canPass`, why nothing is tried for a while). */
export interface Hold {
  readonly kind:
    | 'state' // the state is damaged beyond the rules, or not understood
    | 'recovery' // recovery could not be confirmed, for a cause that may pass
    | 'obstructed' // something else owns the port or the state
    | 'refused' // the gateway refuses its configuration or state
    | 'gateway-fails' // it fails in the same way, or too often
    | 'restart-storm' // it asks for restarts without end
    | 'cannot-start' // its command cannot be executed
  readonly evidence: string
  readonly command: string | null
  readonly canPass: boolean
}

export type Why =
  | 'started'
  | 'crashed'
  | 'hung'
  | 'too-slow-to-start'
  | 'could-not-be-spawned'
  | 'gave-way'
  | 'ended-early'
  | 'refused'
  | 'gateway-asked'
  | 'operator-asked'
  | 'recovery-unconfirmed'
  | 'stop-asked'

export interface Reason {
  readonly why: Why
  readonly detail: string
}

/**
 * `child` and `run` count the children spawned and the recoveries begun, so they name the current ones.
 * `timeoutMs` belongs to the phase.
 */
export type State = {
  readonly child: number
  readonly run: number
  readonly budgets: Budgets
  readonly reason: Reason
  readonly timeoutMs?: number
} & (
  | { readonly phase: 'recovering'; readonly stop: boolean }
  | { readonly phase: 'backing-off' }
  | { readonly phase: 'starting'; readonly spawnedAt: number }
  | { readonly phase: 'running'; readonly readyAt: number }
  | { readonly phase: 'draining'; readonly readyAt: number | null; readonly crash: boolean }
  | { readonly phase: 'stopping' }
  | { readonly phase: 'held'; readonly hold: Hold }
  | { readonly phase: 'stopped' }
)

export type Event =
  | {
      readonly type: 'recovered'
      readonly run: number
      readonly verdict: Verdict
      readonly now: number
      readonly chance: number
    }
  | {
      readonly type: 'spawn-failed'
      readonly child: number
      readonly why: string
      readonly canPass: boolean
      readonly now: number
      readonly chance: number
    }
  /** The child reports start-up work, or is installing packages: it is slow for a reason. */
  | { readonly type: 'progress'; readonly child: number; readonly now: number }
  | { readonly type: 'ready'; readonly child: number; readonly now: number }
  | { readonly type: 'hung'; readonly child: number; readonly evidence: string; readonly now: number }
  | {
      readonly type: 'exited'
      readonly child: number
      readonly exit: Exit
      readonly meaning: Meaning
      readonly cause: string | null
      /** A gateway started sooner would keep its channels down, because too many before it ended unclean. */
      readonly quietMs: number
      readonly now: number
      readonly chance: number
    }
  | { readonly type: 'timeout'; readonly child: number; readonly run: number; readonly phase: Phase }
  | { readonly type: 'stop' }
  /** SIGHUP: restart the child gracefully, or try again now. */
  | { readonly type: 'restart' }

export type Effect =
  | { readonly do: 'recover'; readonly trigger: 'preflight' | 'after-exit' | 'retry' }
  | { readonly do: 'abort-recovery' }
  | { readonly do: 'spawn'; readonly confirmation: Confirmation }
  | { readonly do: 'kill'; readonly signal: 'SIGTERM' | 'SIGKILL' }
  | { readonly do: 'announce'; readonly what: 'ready' | 'stopping' }
  | { readonly do: 'leave'; readonly because: 'stopped' | Hold['kind'] }

export interface Policy extends RestartPolicy {
  /** A recovery that takes longer is aborted between two steps and counted as not confirmed. */
  readonly recoveryTimeoutMs: number
  /** No sign of progress for so long, and the start is given up ... */
  readonly startTimeoutMs: number
  /** ... and in any case after this long. */
  readonly startBoundMs: number
  /** From SIGTERM to SIGKILL, for a gateway that works. */
  readonly stopTimeoutMs: number
  /** The same for one that hangs or does not get ready: its drain would wait for what does not move. */
  readonly hungStopTimeoutMs: number
  /** What `held` does: end the supervisor with the status of its kind, or stay for an operator's retry. */
  readonly onHold: 'leave' | 'wait'
  /** When staying: how often a cause that can pass is looked at again. */
  readonly heldRetryMs: number
}

export type Phase = State['phase']
export type Next = readonly [State, readonly Effect[]]
type In<P extends Phase> = Extract<State, { phase: P }>
type On<E extends Event['type']> = Extract<Event, { type: E }>
type Cell<P extends Phase, E extends Event['type']> = (state: In<P>, event: On<E>, policy: Policy) => Next
/** Total on purpose: a new phase or event does not compile until every cell is decided. */
type Table = { readonly [P in Phase]: { readonly [E in Event['type']]: Cell<P, E> } }

/** An impossible cell: the loop or the table is wrong. The supervisor ends with 70 rather than guess. */
export class Impossible extends Error {
  override name = 'Impossible'
}

export const begin = (policy: Policy, budgets: Budgets = fullBudgets): Next =>
  recover({ child: 0, run: 0, budgets }, { why: 'started', detail: 'first start' }, 'preflight', policy)

/** Late events stop at the door, as a message of an old term does in Raft. */
export function step(state: State, event: Event, policy: Policy): Next {
  const late =
    ('child' in event && event.child !== state.child) ||
    ('run' in event && event.run !== state.run) ||
    ('phase' in event && event.phase !== state.phase)
  if (late) return ignore(state)
  return (table[state.phase][event.type] as Cell<Phase, Event['type']>)(state, event, policy)
}

/** The event is repeated, or true but of no consequence here. */
const ignore = (state: State): Next => [state, []]

/** The event contradicts the phase. */
const impossible = (state: State, event: Event): never => {
  throw new Impossible(`${event.type} while ${state.phase}`)
}

const table: Table = {
  recovering: {
    recovered: (state, event, policy) => {
      if (state.stop) return stopped(state)
      const { verdict } = event
      if (verdict.is === 'consistent') return spawn(state, verdict.confirmation, event.now, policy)
      if (verdict.is === 'needs-operator')
        return held(state, { ...verdict, canPass: verdict.kind === 'obstructed' }, policy)
      return failed(
        state,
        'recoveries',
        { why: 'recovery-unconfirmed', detail: verdict.evidence },
        event,
        policy,
      )
    },
    // The step under way finishes; the journal lets the next start resume the rest.
    stop: (state) =>
      state.stop
        ? ignore(state)
        : [
            { ...state, stop: true, reason: stopAsked },
            [{ do: 'announce', what: 'stopping' }, { do: 'abort-recovery' }],
          ],
    timeout: ({ timeoutMs: _, ...state }) => [state, [{ do: 'abort-recovery' }]],
    restart: ignore,
    ready: ignore,
    progress: ignore,
    hung: ignore,
    exited: impossible,
    'spawn-failed': impossible,
  },
  'backing-off': {
    timeout: (state, _, policy) => recover(state, state.reason, 'retry', policy),
    restart: (state, _, policy) => recover(state, state.reason, 'retry', policy),
    stop: (state) => stopped(state, [{ do: 'announce', what: 'stopping' }]),
    ready: ignore,
    progress: ignore,
    hung: ignore,
    recovered: impossible,
    exited: impossible,
    'spawn-failed': impossible,
  },
  starting: {
    ready: ({ child, run, budgets, reason }, { now }) => [
      { phase: 'running', child, run, budgets, reason, readyAt: now },
      [{ do: 'announce', what: 'ready' }],
    ],
    progress: (state, { now }, policy) => {
      const leftMs = state.spawnedAt + policy.startBoundMs - now
      return leftMs <= 0
        ? ignore(state)
        : [{ ...state, timeoutMs: Math.min(policy.startTimeoutMs, leftMs) }, []]
    },
    timeout: (state, _, policy) =>
      draining(
        state,
        { why: 'too-slow-to-start', detail: 'not ready within the start limit' },
        null,
        true,
        policy,
      ),
    restart: (state, _, policy) => draining(state, operatorAsked, null, false, policy),
    exited: (state, event, policy) => afterExit(state, event, null, policy),
    'spawn-failed': (state, event, policy) =>
      event.canPass
        ? failed(state, 'crashes', { why: 'could-not-be-spawned', detail: event.why }, event, policy)
        : held(
            { ...state, reason: { why: 'could-not-be-spawned', detail: event.why } },
            { kind: 'cannot-start', evidence: event.why, command: 'supervise history', canPass: false },
            policy,
          ),
    stop: (state, _, policy) => stopping(state, policy),
    hung: ignore,
    recovered: impossible,
  },
  running: {
    exited: (state, event, policy) => afterExit(state, event, state.readyAt, policy),
    hung: (state, { evidence }, policy) =>
      draining(state, { why: 'hung', detail: evidence }, state.readyAt, true, policy),
    restart: (state, _, policy) => draining(state, operatorAsked, state.readyAt, false, policy),
    stop: (state, _, policy) => stopping(state, policy),
    ready: ignore,
    progress: ignore,
    timeout: impossible,
    recovered: impossible,
    'spawn-failed': impossible,
  },
  draining: {
    exited: (state, event, policy) => {
      const earned = earnBack(state.budgets, state.readyAt, event.now, policy)
      return state.crash
        ? failed({ ...state, budgets: earned }, 'crashes', state.reason, event, policy)
        : recover({ ...state, budgets: earned }, state.reason, 'after-exit', policy)
    },
    // No child was made after all: what was asked for is done.
    'spawn-failed': (state, _, policy) => recover(state, state.reason, 'after-exit', policy),
    timeout: ({ timeoutMs: _, ...state }) => [state, [{ do: 'kill', signal: 'SIGKILL' }]],
    // Who hangs, hangs in its drain too.
    stop: (state, _, policy) =>
      stopping(state, policy, state.crash ? policy.hungStopTimeoutMs : policy.stopTimeoutMs),
    ready: ignore,
    progress: ignore,
    hung: ignore,
    restart: ignore,
    recovered: impossible,
  },
  stopping: {
    exited: (state) => stopped(state),
    'spawn-failed': (state) => stopped(state),
    timeout: ({ timeoutMs: _, ...state }) => [state, [{ do: 'kill', signal: 'SIGKILL' }]],
    stop: ignore,
    restart: ignore,
    ready: ignore,
    progress: ignore,
    hung: ignore,
    recovered: impossible,
  },
  held: {
    timeout: (state, _, policy) => recover(state, state.reason, 'retry', policy),
    // A person looked at it: what was spent is forgiven.
    restart: (state, _, policy) =>
      recover({ ...state, budgets: fullBudgets }, operatorAsked, 'retry', policy),
    stop: (state) => stopped(state, [{ do: 'announce', what: 'stopping' }]),
    ready: ignore,
    progress: ignore,
    hung: ignore,
    recovered: impossible,
    exited: impossible,
    'spawn-failed': impossible,
  },
  stopped: {
    stop: ignore,
    restart: ignore,
    ready: ignore,
    progress: ignore,
    hung: ignore,
    timeout: impossible,
    recovered: impossible,
    exited: impossible,
    'spawn-failed': impossible,
  },
}

const operatorAsked: Reason = { why: 'operator-asked', detail: 'restart ordered' }
const stopAsked: Reason = { why: 'stop-asked', detail: 'stop ordered' }

type Carried = Pick<State, 'child' | 'run' | 'budgets' | 'reason'>

/** Preflight and crash recovery are one path: there is no other way to `starting`. */
const recover = (
  { child, run, budgets }: Omit<Carried, 'reason'>,
  reason: Reason,
  trigger: 'preflight' | 'after-exit' | 'retry',
  policy: Policy,
): Next => [
  {
    phase: 'recovering',
    child,
    run: run + 1,
    budgets,
    reason,
    stop: false,
    timeoutMs: policy.recoveryTimeoutMs,
  },
  [{ do: 'recover', trigger }],
]

const spawn = (
  { child, run, budgets, reason }: State,
  confirmation: Confirmation,
  now: number,
  policy: Policy,
): Next => [
  {
    phase: 'starting',
    child: child + 1,
    run,
    budgets,
    reason,
    spawnedAt: now,
    timeoutMs: policy.startTimeoutMs,
  },
  [{ do: 'spawn', confirmation }],
]

const earnBack = (budgets: Budgets, readyAt: number | null, now: number, policy: Policy): Budgets =>
  wasGood(readyAt, now, policy) ? fullBudgets : budgets

function afterExit(state: State, event: On<'exited'>, readyAt: number | null, policy: Policy): Next {
  const earned = { ...state, budgets: earnBack(state.budgets, readyAt, event.now, policy) }
  const detail =
    event.cause === null ? describeExit(event.exit) : `${describeExit(event.exit)}: ${event.cause}`
  switch (event.meaning) {
    case 'restart-wanted':
      return again(earned, 'restarts', { why: 'gateway-asked', detail }, 0, policy)
    case 'gave-way':
      return failed(earned, 'contentions', { why: 'gave-way', detail }, event, policy)
    case 'ended-early': {
      const early = { why: 'ended-early', detail: `${detail} before it was ready` } as const
      return failed(earned, 'crashes', early, event, policy)
    }
    case 'refused':
      return held(
        { ...earned, reason: { why: 'refused', detail } },
        { kind: 'refused', evidence: detail, command: 'supervise history', canPass: false },
        policy,
      )
    case 'timed-out':
    case 'crash':
      if (readyAt === null && event.exit.by === 'code' && event.meaning === 'crash') {
        const failure = withoutNumbers(describeExit(event.exit), event.cause)
        if (state.budgets.lastFailure === failure) {
          const evidence = `failed twice in the same way before it was ready: ${detail}`
          return held(
            { ...earned, reason: { why: 'crashed', detail } },
            { kind: 'gateway-fails', evidence, command: 'supervise history', canPass: false },
            policy,
          )
        }
        earned.budgets = { ...earned.budgets, lastFailure: failure }
      } else earned.budgets = { ...earned.budgets, lastFailure: null }
      return failed(earned, 'crashes', { why: 'crashed', detail }, event, policy)
  }
}

/** Two failures are the same when they differ in nothing but the numbers of their cause: pids, ports, times. */
const withoutNumbers = (exit: string, cause: string | null): string =>
  cause === null ? exit : `${exit}: ${cause.replace(/\d+/g, '#')}`

/** A failure: spend, wait the longer the more was spent, recover, try again. */
const failed = (
  state: State,
  what: Spending,
  reason: Reason,
  { chance, quietMs }: { readonly chance: number; readonly quietMs?: number },
  policy: Policy,
): Next => again(state, what, reason, delayMs(state.budgets[what] + 1, policy, chance, quietMs), policy)

function again(state: Carried, what: Spending, reason: Reason, waitMs: number, policy: Policy): Next {
  const { child, run } = state
  const budgets = spend(state.budgets, what, policy)
  if (overspent(budgets, what, policy))
    return held({ child, run, budgets, reason }, exhausted(what, reason, policy), policy)
  if (waitMs > 0) return [{ phase: 'backing-off', child, run, budgets, reason, timeoutMs: waitMs }, []]
  return recover({ child, run, budgets }, reason, what === 'recoveries' ? 'retry' : 'after-exit', policy)
}

function exhausted(what: Spending, { why, detail }: Reason, policy: Policy): Hold {
  const times = `${policy.limits[what] + 1} times without a good run in between`
  const hold = { command: 'supervise history', canPass: false }
  switch (what) {
    case 'crashes':
      // A full disk, a table of processes that is full: no fault of the gateway's, and it may pass.
      if (why === 'could-not-be-spawned')
        return {
          ...hold,
          kind: 'recovery',
          canPass: true,
          evidence: `the gateway could not be started ${times}; last: ${detail}`,
        }
      return {
        ...hold,
        kind: 'gateway-fails',
        evidence: `the gateway failed ${times}; last: ${why}, ${detail}`,
      }
    case 'recoveries':
      return {
        ...hold,
        kind: 'recovery',
        canPass: true,
        evidence: `recovery was not confirmed ${times}; last: ${detail}`,
      }
    case 'restarts':
      return {
        ...hold,
        kind: 'restart-storm',
        evidence: `the gateway asked to be restarted ${times}; last: ${detail}`,
      }
    case 'contentions':
      return {
        ...hold,
        kind: 'obstructed',
        canPass: true,
        evidence: `the gateway gave way to another owner ${times}; last: ${detail}`,
      }
  }
}

const draining = (
  { child, run, budgets }: State,
  reason: Reason,
  readyAt: number | null,
  crash: boolean,
  policy: Policy,
): Next => [
  {
    phase: 'draining',
    child,
    run,
    budgets,
    reason,
    readyAt,
    crash,
    timeoutMs: crash ? policy.hungStopTimeoutMs : policy.stopTimeoutMs,
  },
  [{ do: 'kill', signal: 'SIGTERM' }],
]

const stopping = (
  { child, run, budgets }: State,
  policy: Policy,
  timeoutMs: number = policy.stopTimeoutMs,
): Next => [
  { phase: 'stopping', child, run, budgets, reason: stopAsked, timeoutMs },
  [
    { do: 'announce', what: 'stopping' },
    { do: 'kill', signal: 'SIGTERM' },
  ],
]

function held({ child, run, budgets, reason }: Carried, hold: Hold, policy: Policy): Next {
  const state: State = { phase: 'held', child, run, budgets, reason, hold }
  if (policy.onHold === 'leave') return [state, [{ do: 'leave', because: hold.kind }]]
  return [hold.canPass ? { ...state, timeoutMs: policy.heldRetryMs } : state, []]
}

const stopped = ({ child, run, budgets }: State, before: readonly Effect[] = []): Next => [
  { phase: 'stopped', child, run, budgets, reason: stopAsked },
  [...before, { do: 'leave', because: 'stopped' }],
]

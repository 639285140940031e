/** The stories that matter, as transcripts: what happened, where that leads, why, and what is done. */
import { expect, test } from 'vitest'
import {
  begin,
  step,
  type Event,
  type Policy,
  type State,
  type Verdict,
} from '../../src/lifecycle/lifecycle.ts'
import { fullBudgets, type Budgets } from '../../src/lifecycle/restart-policy.ts'

const policy: Policy = {
  limits: { crashes: 3, recoveries: 2, restarts: 2, contentions: 2 },
  backoffMs: 500,
  maxBackoffMs: 30_000,
  mostQuietMs: 300_000,
  goodRunMs: 300_000,
  recoveryTimeoutMs: 600_000,
  startTimeoutMs: 120_000,
  startBoundMs: 300_000,
  stopTimeoutMs: 330_000,
  hungStopTimeoutMs: 20_000,
  onHold: 'leave',
  heldRetryMs: 60_000,
}

const row = (said: string, state: State, effects: readonly object[]): string => {
  const { phase, reason, timeoutMs, budgets, child } = state
  const spent = (['crashes', 'recoveries', 'restarts', 'contentions'] as const)
    .flatMap((what) => (budgets[what] > 0 ? `${what} ${budgets[what]}` : []))
    .join(' ')
  const words = effects.map((effect) =>
    Object.values(effect)
      .map((value) => (typeof value === 'object' ? '' : String(value)))
      .filter(Boolean)
      .join(' '),
  )
  const where = phase === 'held' ? `held (${state.hold.kind})` : phase
  const parts = [
    said.padEnd(26),
    where.padEnd(22),
    `${child}`.padEnd(2),
    `${reason.why}: ${reason.detail}`.padEnd(50),
    (timeoutMs === undefined ? '' : `${timeoutMs} ms`).padEnd(10),
    spent.padEnd(14),
    words.length === 0 ? '' : `-> ${words.join(', ')}`,
  ]
  return parts.join(' ').trimEnd()
}

interface Story {
  readonly policy?: Partial<Policy>
  readonly budgets?: Budgets
}

/** `now` and who it is about are filled in, as the loop does. */
type Told = Event extends infer E
  ? E extends Event
    ? Omit<E, 'child' | 'run' | 'chance' | 'phase' | 'now'> & { now?: number }
    : never
  : never

function tell(
  events: readonly (readonly [string, Told])[],
  { policy: more = {}, budgets }: Story = {},
): string {
  const rules = { ...policy, ...more }
  let [state, effects] = begin(rules, budgets ?? fullBudgets)
  const rows = [row('', state, effects)]
  for (const [said, event] of events) {
    const { child, run, phase } = state
    const about = {
      recovered: { run },
      timeout: { child, run, phase },
      stop: {},
      restart: {},
    } as Record<string, object>
    const whole = { now: 0, chance: 0, ...(about[event.type] ?? { child }), ...event } as Event
    const next = step(state, whole, rules)
    ;[state, effects] = next
    rows.push(row(said, state, effects))
  }
  return `\n${rows.join('\n')}\n`
}

const verdict = (value: Verdict): Told => ({ type: 'recovered', verdict: value })
const consistent: readonly [string, Told] = [
  'consistent',
  verdict({ is: 'consistent', confirmation: { run: 1 } }),
]
const unconfirmed: readonly [string, Told] = ['disk full', verdict({ is: 'retry-later', evidence: 'ENOSPC' })]
const ready = (now = 0): readonly [string, Told] => [`ready at ${now}`, { type: 'ready', now }]
const code = (value: number, now = 0): readonly [string, Told] => [
  `exit ${value} at ${now}`,
  {
    type: 'exited',
    exit: { by: 'code', code: value },
    meaning: value === 78 ? 'refused' : value === 0 ? 'restart-wanted' : 'crash',
    cause: null,
    quietMs: 0,
    now,
  },
]
const gaveWay: readonly [string, Told] = [
  'already running',
  {
    type: 'exited',
    exit: { by: 'code', code: 0 },
    meaning: 'gave-way',
    cause: 'gateway already running',
    quietMs: 0,
  },
]
const killed = (now = 0): readonly [string, Told] => [
  `SIGKILL at ${now}`,
  {
    type: 'exited',
    exit: { by: 'signal', signal: 'SIGKILL', coreDumped: false },
    meaning: 'crash',
    cause: null,
    quietMs: 0,
    now,
  },
]
const timeout: readonly [string, Told] = ['time is up', { type: 'timeout' }]
const stop: readonly [string, Told] = ['stop', { type: 'stop' }]
const restart: readonly [string, Told] = ['SIGHUP', { type: 'restart' }]
const hung: readonly [string, Told] = ['hung', { type: 'hung', evidence: 'no answer for 180 s' }]

test('first start, and an ordered stop', () => {
  expect(tell([consistent, ready(900), stop, code(0, 5000)])).toMatchInlineSnapshot(`
    "
                               recovering             0  started: first start                               600000 ms                 -> recover preflight
    consistent                 starting               1  started: first start                               120000 ms                 -> spawn
    ready at 900               running                1  started: first start                                                         -> announce ready
    stop                       stopping               1  stop-asked: stop ordered                           330000 ms                 -> announce stopping, kill SIGTERM
    exit 0 at 5000             stopped                1  stop-asked: stop ordered                                                     -> leave stopped
    "
  `)
})

test('a crash after ready: at once for the first, then the back-off, then ready again', () => {
  expect(tell([consistent, ready(), killed(), consistent, ready(), killed(), timeout, consistent, ready()]))
    .toMatchInlineSnapshot(`
    "
                               recovering             0  started: first start                               600000 ms                 -> recover preflight
    consistent                 starting               1  started: first start                               120000 ms                 -> spawn
    ready at 0                 running                1  started: first start                                                         -> announce ready
    SIGKILL at 0               recovering             1  crashed: killed by SIGKILL                         600000 ms  crashes 1      -> recover after-exit
    consistent                 starting               2  crashed: killed by SIGKILL                         120000 ms  crashes 1      -> spawn
    ready at 0                 running                2  crashed: killed by SIGKILL                                    crashes 1      -> announce ready
    SIGKILL at 0               backing-off            2  crashed: killed by SIGKILL                         500 ms     crashes 2
    time is up                 recovering             2  crashed: killed by SIGKILL                         600000 ms  crashes 2      -> recover retry
    consistent                 starting               3  crashed: killed by SIGKILL                         120000 ms  crashes 2      -> spawn
    ready at 0                 running                3  crashed: killed by SIGKILL                                    crashes 2      -> announce ready
    "
  `)
})

test('a crash loop ends in held, and the supervisor with it', () => {
  const crash = [ready(), code(3)]
  expect(
    tell([
      consistent,
      ...crash,
      consistent,
      ...crash,
      timeout,
      consistent,
      ...crash,
      timeout,
      consistent,
      ...crash,
    ]),
  ).toMatchInlineSnapshot(`
    "
                               recovering             0  started: first start                               600000 ms                 -> recover preflight
    consistent                 starting               1  started: first start                               120000 ms                 -> spawn
    ready at 0                 running                1  started: first start                                                         -> announce ready
    exit 3 at 0                recovering             1  crashed: exit status 3                             600000 ms  crashes 1      -> recover after-exit
    consistent                 starting               2  crashed: exit status 3                             120000 ms  crashes 1      -> spawn
    ready at 0                 running                2  crashed: exit status 3                                        crashes 1      -> announce ready
    exit 3 at 0                backing-off            2  crashed: exit status 3                             500 ms     crashes 2
    time is up                 recovering             2  crashed: exit status 3                             600000 ms  crashes 2      -> recover retry
    consistent                 starting               3  crashed: exit status 3                             120000 ms  crashes 2      -> spawn
    ready at 0                 running                3  crashed: exit status 3                                        crashes 2      -> announce ready
    exit 3 at 0                backing-off            3  crashed: exit status 3                             1000 ms    crashes 3
    time is up                 recovering             3  crashed: exit status 3                             600000 ms  crashes 3      -> recover retry
    consistent                 starting               4  crashed: exit status 3                             120000 ms  crashes 3      -> spawn
    ready at 0                 running                4  crashed: exit status 3                                        crashes 3      -> announce ready
    exit 3 at 0                held (gateway-fails)   4  crashed: exit status 3                                        crashes 4      -> leave gateway-fails
    "
  `)
})

test('one good probe in each life does not keep a crash loop alive', () => {
  const life = [consistent, ready(1000), code(3, 1000 + policy.goodRunMs - 1), timeout]
  expect(tell([...life.slice(0, 3), ...life, ...life, ...life.slice(0, 3)])).toMatchInlineSnapshot(`
    "
                               recovering             0  started: first start                               600000 ms                 -> recover preflight
    consistent                 starting               1  started: first start                               120000 ms                 -> spawn
    ready at 1000              running                1  started: first start                                                         -> announce ready
    exit 3 at 300999           recovering             1  crashed: exit status 3                             600000 ms  crashes 1      -> recover after-exit
    consistent                 starting               2  crashed: exit status 3                             120000 ms  crashes 1      -> spawn
    ready at 1000              running                2  crashed: exit status 3                                        crashes 1      -> announce ready
    exit 3 at 300999           backing-off            2  crashed: exit status 3                             500 ms     crashes 2
    time is up                 recovering             2  crashed: exit status 3                             600000 ms  crashes 2      -> recover retry
    consistent                 starting               3  crashed: exit status 3                             120000 ms  crashes 2      -> spawn
    ready at 1000              running                3  crashed: exit status 3                                        crashes 2      -> announce ready
    exit 3 at 300999           backing-off            3  crashed: exit status 3                             1000 ms    crashes 3
    time is up                 recovering             3  crashed: exit status 3                             600000 ms  crashes 3      -> recover retry
    consistent                 starting               4  crashed: exit status 3                             120000 ms  crashes 3      -> spawn
    ready at 1000              running                4  crashed: exit status 3                                        crashes 3      -> announce ready
    exit 3 at 300999           held (gateway-fails)   4  crashed: exit status 3                                        crashes 4      -> leave gateway-fails
    "
  `)
})

test('a good run gives all budgets back', () => {
  expect(
    tell([consistent, ready(1000), killed(1000 + policy.goodRunMs)], {
      budgets: { crashes: 3, recoveries: 2, restarts: 2, contentions: 2, lastFailure: 'exit status 1' },
    }),
  ).toMatchInlineSnapshot(`
    "
                               recovering             0  started: first start                               600000 ms  crashes 3 recoveries 2 restarts 2 contentions 2 -> recover preflight
    consistent                 starting               1  started: first start                               120000 ms  crashes 3 recoveries 2 restarts 2 contentions 2 -> spawn
    ready at 1000              running                1  started: first start                                          crashes 3 recoveries 2 restarts 2 contentions 2 -> announce ready
    SIGKILL at 301000          recovering             1  crashed: killed by SIGKILL                         600000 ms  crashes 1      -> recover after-exit
    "
  `)
})

test('a hang: SIGTERM, SIGKILL, and then as a crash', () => {
  expect(tell([consistent, ready(), hung, timeout, killed(), consistent, ready()])).toMatchInlineSnapshot(`
    "
                               recovering             0  started: first start                               600000 ms                 -> recover preflight
    consistent                 starting               1  started: first start                               120000 ms                 -> spawn
    ready at 0                 running                1  started: first start                                                         -> announce ready
    hung                       draining               1  hung: no answer for 180 s                          20000 ms                  -> kill SIGTERM
    time is up                 draining               1  hung: no answer for 180 s                                                    -> kill SIGKILL
    SIGKILL at 0               recovering             1  hung: no answer for 180 s                          600000 ms  crashes 1      -> recover after-exit
    consistent                 starting               2  hung: no answer for 180 s                          120000 ms  crashes 1      -> spawn
    ready at 0                 running                2  hung: no answer for 180 s                                     crashes 1      -> announce ready
    "
  `)
})

test('a start that shows progress is given longer, up to the bound, and then ended', () => {
  expect(
    tell([
      consistent,
      ['progress at 100 s', { type: 'progress', now: 100_000 }],
      ['progress at 200 s', { type: 'progress', now: 200_000 }],
      ['progress at 299 s', { type: 'progress', now: 299_000 }],
      ['progress at 301 s', { type: 'progress', now: 301_000 }],
      timeout,
      timeout,
      killed(),
    ]),
  ).toMatchInlineSnapshot(`
    "
                               recovering             0  started: first start                               600000 ms                 -> recover preflight
    consistent                 starting               1  started: first start                               120000 ms                 -> spawn
    progress at 100 s          starting               1  started: first start                               120000 ms
    progress at 200 s          starting               1  started: first start                               100000 ms
    progress at 299 s          starting               1  started: first start                               1000 ms
    progress at 301 s          starting               1  started: first start                               1000 ms
    time is up                 draining               1  too-slow-to-start: not ready within the start limit 20000 ms                  -> kill SIGTERM
    time is up                 draining               1  too-slow-to-start: not ready within the start limit                           -> kill SIGKILL
    SIGKILL at 0               recovering             1  too-slow-to-start: not ready within the start limit 600000 ms  crashes 1      -> recover after-exit
    "
  `)
})

test('78: the gateway refuses, nothing is tried again', () => {
  expect(tell([consistent, code(78)])).toMatchInlineSnapshot(`
    "
                               recovering             0  started: first start                               600000 ms                 -> recover preflight
    consistent                 starting               1  started: first start                               120000 ms                 -> spawn
    exit 78 at 0               held (refused)         1  refused: exit status 78                                                      -> leave refused
    "
  `)
})

test('the same failure twice before it was ever ready is held; another one in between is not', () => {
  expect(tell([consistent, code(1), consistent, code(1)])).toMatchInlineSnapshot(`
    "
                               recovering             0  started: first start                               600000 ms                 -> recover preflight
    consistent                 starting               1  started: first start                               120000 ms                 -> spawn
    exit 1 at 0                recovering             1  crashed: exit status 1                             600000 ms  crashes 1      -> recover after-exit
    consistent                 starting               2  crashed: exit status 1                             120000 ms  crashes 1      -> spawn
    exit 1 at 0                held (gateway-fails)   2  crashed: exit status 1                                        crashes 1      -> leave gateway-fails
    "
  `)
  expect(tell([consistent, code(1), consistent, code(2), timeout, consistent, code(1)]))
    .toMatchInlineSnapshot(`
    "
                               recovering             0  started: first start                               600000 ms                 -> recover preflight
    consistent                 starting               1  started: first start                               120000 ms                 -> spawn
    exit 1 at 0                recovering             1  crashed: exit status 1                             600000 ms  crashes 1      -> recover after-exit
    consistent                 starting               2  crashed: exit status 1                             120000 ms  crashes 1      -> spawn
    exit 2 at 0                backing-off            2  crashed: exit status 2                             500 ms     crashes 2
    time is up                 recovering             2  crashed: exit status 2                             600000 ms  crashes 2      -> recover retry
    consistent                 starting               3  crashed: exit status 2                             120000 ms  crashes 2      -> spawn
    exit 1 at 0                backing-off            3  crashed: exit status 1                             1000 ms    crashes 3
    "
  `)
})

test('exit 0 after ready asks for a start: at once, until it is a storm', () => {
  const life = [consistent, ready(), code(0)]
  expect(tell([...life, ...life, ...life])).toMatchInlineSnapshot(`
    "
                               recovering             0  started: first start                               600000 ms                 -> recover preflight
    consistent                 starting               1  started: first start                               120000 ms                 -> spawn
    ready at 0                 running                1  started: first start                                                         -> announce ready
    exit 0 at 0                recovering             1  gateway-asked: exit status 0                       600000 ms  restarts 1     -> recover after-exit
    consistent                 starting               2  gateway-asked: exit status 0                       120000 ms  restarts 1     -> spawn
    ready at 0                 running                2  gateway-asked: exit status 0                                  restarts 1     -> announce ready
    exit 0 at 0                recovering             2  gateway-asked: exit status 0                       600000 ms  restarts 2     -> recover after-exit
    consistent                 starting               3  gateway-asked: exit status 0                       120000 ms  restarts 2     -> spawn
    ready at 0                 running                3  gateway-asked: exit status 0                                  restarts 2     -> announce ready
    exit 0 at 0                held (restart-storm)   3  gateway-asked: exit status 0                                  restarts 3     -> leave restart-storm
    "
  `)
})

test('one that gives way to another owner is tried again within a bound, and then held as obstructed', () => {
  expect(tell([consistent, gaveWay, consistent, gaveWay, timeout, consistent, gaveWay]))
    .toMatchInlineSnapshot(`
      "
                                 recovering             0  started: first start                               600000 ms                 -> recover preflight
      consistent                 starting               1  started: first start                               120000 ms                 -> spawn
      already running            recovering             1  gave-way: exit status 0: gateway already running   600000 ms  contentions 1  -> recover after-exit
      consistent                 starting               2  gave-way: exit status 0: gateway already running   120000 ms  contentions 1  -> spawn
      already running            backing-off            2  gave-way: exit status 0: gateway already running   500 ms     contentions 2
      time is up                 recovering             2  gave-way: exit status 0: gateway already running   600000 ms  contentions 2  -> recover retry
      consistent                 starting               3  gave-way: exit status 0: gateway already running   120000 ms  contentions 2  -> spawn
      already running            held (obstructed)      3  gave-way: exit status 0: gateway already running              contentions 3  -> leave obstructed
      "
    `)
})

test('one that ends with 0 before it is ready, and says nothing, is no restart of its own and met no other owner', () => {
  const early: readonly [string, Told] = [
    'exit 0 before ready',
    { type: 'exited', exit: { by: 'code', code: 0 }, meaning: 'ended-early', cause: null, quietMs: 0 },
  ]
  const limits = { ...policy.limits, crashes: 1 }
  expect(tell([consistent, early, consistent, early], { policy: { limits } })).toMatchInlineSnapshot(`
    "
                               recovering             0  started: first start                               600000 ms                 -> recover preflight
    consistent                 starting               1  started: first start                               120000 ms                 -> spawn
    exit 0 before ready        recovering             1  ended-early: exit status 0 before it was ready     600000 ms  crashes 1      -> recover after-exit
    consistent                 starting               2  ended-early: exit status 0 before it was ready     120000 ms  crashes 1      -> spawn
    exit 0 before ready        held (gateway-fails)   2  ended-early: exit status 0 before it was ready                crashes 2      -> leave gateway-fails
    "
  `)
})

test('a start that gave up at a limit of its own twice is no damage that never passes: it is tried again, as long as the budget lasts', () => {
  const late: readonly [string, Told] = [
    'out of time',
    {
      type: 'exited',
      exit: { by: 'code', code: 1 },
      meaning: 'timed-out',
      cause: 'trigger=timeout',
      quietMs: 0,
    },
  ]
  expect(tell([consistent, late, consistent, late, timeout, consistent, late])).toMatchInlineSnapshot(`
    "
                               recovering             0  started: first start                               600000 ms                 -> recover preflight
    consistent                 starting               1  started: first start                               120000 ms                 -> spawn
    out of time                recovering             1  crashed: exit status 1: trigger=timeout            600000 ms  crashes 1      -> recover after-exit
    consistent                 starting               2  crashed: exit status 1: trigger=timeout            120000 ms  crashes 1      -> spawn
    out of time                backing-off            2  crashed: exit status 1: trigger=timeout            500 ms     crashes 2
    time is up                 recovering             2  crashed: exit status 1: trigger=timeout            600000 ms  crashes 2      -> recover retry
    consistent                 starting               3  crashed: exit status 1: trigger=timeout            120000 ms  crashes 2      -> spawn
    out of time                backing-off            3  crashed: exit status 1: trigger=timeout            1000 ms    crashes 3
    "
  `)
})

test('recovery that cannot be confirmed has a budget of its own, and is held with a cause that can pass', () => {
  expect(tell([unconfirmed, unconfirmed, timeout, unconfirmed])).toMatchInlineSnapshot(`
    "
                               recovering             0  started: first start                               600000 ms                 -> recover preflight
    disk full                  recovering             0  recovery-unconfirmed: ENOSPC                       600000 ms  recoveries 1   -> recover retry
    disk full                  backing-off            0  recovery-unconfirmed: ENOSPC                       500 ms     recoveries 2
    time is up                 recovering             0  recovery-unconfirmed: ENOSPC                       600000 ms  recoveries 2   -> recover retry
    disk full                  held (recovery)        0  recovery-unconfirmed: ENOSPC                                  recoveries 3   -> leave recovery
    "
  `)
})

test('a state that needs an operator; retried by hand with all budgets', () => {
  const needs: readonly [string, Told] = [
    'unknown store',
    verdict({ is: 'needs-operator', kind: 'state', evidence: 'unknown store', command: 'supervise check' }),
  ]
  expect(
    tell([needs, restart, consistent, ready()], {
      policy: { onHold: 'wait' },
      budgets: { ...fullBudgets, crashes: 2 },
    }),
  ).toMatchInlineSnapshot(`
    "
                               recovering             0  started: first start                               600000 ms  crashes 2      -> recover preflight
    unknown store              held (state)           0  started: first start                                          crashes 2
    SIGHUP                     recovering             0  operator-asked: restart ordered                    600000 ms                 -> recover retry
    consistent                 starting               1  operator-asked: restart ordered                    120000 ms                 -> spawn
    ready at 0                 running                1  operator-asked: restart ordered                                              -> announce ready
    "
  `)
})

test('an obstruction passes by itself when the supervisor waits', () => {
  const obstructed: readonly [string, Told] = [
    'port held',
    verdict({ is: 'needs-operator', kind: 'obstructed', evidence: 'pid 7 holds it', command: 'ss -ltnp' }),
  ]
  expect(tell([obstructed, timeout, consistent], { policy: { onHold: 'wait' } })).toMatchInlineSnapshot(`
    "
                               recovering             0  started: first start                               600000 ms                 -> recover preflight
    port held                  held (obstructed)      0  started: first start                               60000 ms
    time is up                 recovering             0  started: first start                               600000 ms                 -> recover retry
    consistent                 starting               1  started: first start                               120000 ms                 -> spawn
    "
  `)
})

test('a restart by the operator drains, and spends nothing', () => {
  expect(tell([consistent, ready(), restart, restart, code(0), consistent, ready()])).toMatchInlineSnapshot(`
    "
                               recovering             0  started: first start                               600000 ms                 -> recover preflight
    consistent                 starting               1  started: first start                               120000 ms                 -> spawn
    ready at 0                 running                1  started: first start                                                         -> announce ready
    SIGHUP                     draining               1  operator-asked: restart ordered                    330000 ms                 -> kill SIGTERM
    SIGHUP                     draining               1  operator-asked: restart ordered                    330000 ms
    exit 0 at 0                recovering             1  operator-asked: restart ordered                    600000 ms                 -> recover after-exit
    consistent                 starting               2  operator-asked: restart ordered                    120000 ms                 -> spawn
    ready at 0                 running                2  operator-asked: restart ordered                                              -> announce ready
    "
  `)
})

test('a stop in each phase', () => {
  expect(tell([stop, consistent])).toMatchInlineSnapshot(`
    "
                               recovering             0  started: first start                               600000 ms                 -> recover preflight
    stop                       recovering             0  stop-asked: stop ordered                           600000 ms                 -> announce stopping, abort-recovery
    consistent                 stopped                0  stop-asked: stop ordered                                                     -> leave stopped
    "
  `)
  expect(tell([unconfirmed, unconfirmed, stop])).toMatchInlineSnapshot(`
    "
                               recovering             0  started: first start                               600000 ms                 -> recover preflight
    disk full                  recovering             0  recovery-unconfirmed: ENOSPC                       600000 ms  recoveries 1   -> recover retry
    disk full                  backing-off            0  recovery-unconfirmed: ENOSPC                       500 ms     recoveries 2
    stop                       stopped                0  stop-asked: stop ordered                                      recoveries 2   -> announce stopping, leave stopped
    "
  `)
  expect(tell([consistent, stop, timeout, killed()])).toMatchInlineSnapshot(`
    "
                               recovering             0  started: first start                               600000 ms                 -> recover preflight
    consistent                 starting               1  started: first start                               120000 ms                 -> spawn
    stop                       stopping               1  stop-asked: stop ordered                           330000 ms                 -> announce stopping, kill SIGTERM
    time is up                 stopping               1  stop-asked: stop ordered                                                     -> kill SIGKILL
    SIGKILL at 0               stopped                1  stop-asked: stop ordered                                                     -> leave stopped
    "
  `)
  expect(tell([consistent, ready(), stop, stop, restart, code(0)])).toMatchInlineSnapshot(`
    "
                               recovering             0  started: first start                               600000 ms                 -> recover preflight
    consistent                 starting               1  started: first start                               120000 ms                 -> spawn
    ready at 0                 running                1  started: first start                                                         -> announce ready
    stop                       stopping               1  stop-asked: stop ordered                           330000 ms                 -> announce stopping, kill SIGTERM
    stop                       stopping               1  stop-asked: stop ordered                           330000 ms
    SIGHUP                     stopping               1  stop-asked: stop ordered                           330000 ms
    exit 0 at 0                stopped                1  stop-asked: stop ordered                                                     -> leave stopped
    "
  `)
  expect(tell([consistent, ready(), hung, stop, killed()])).toMatchInlineSnapshot(`
    "
                               recovering             0  started: first start                               600000 ms                 -> recover preflight
    consistent                 starting               1  started: first start                               120000 ms                 -> spawn
    ready at 0                 running                1  started: first start                                                         -> announce ready
    hung                       draining               1  hung: no answer for 180 s                          20000 ms                  -> kill SIGTERM
    stop                       stopping               1  stop-asked: stop ordered                           20000 ms                  -> announce stopping, kill SIGTERM
    SIGKILL at 0               stopped                1  stop-asked: stop ordered                                                     -> leave stopped
    "
  `)
  expect(tell([consistent, code(78), stop], { policy: { onHold: 'wait' } })).toMatchInlineSnapshot(`
    "
                               recovering             0  started: first start                               600000 ms                 -> recover preflight
    consistent                 starting               1  started: first start                               120000 ms                 -> spawn
    exit 78 at 0               held (refused)         1  refused: exit status 78
    stop                       stopped                1  stop-asked: stop ordered                                                     -> announce stopping, leave stopped
    "
  `)
})

test('a command that cannot be executed is held; one for which there was no room is tried again', () => {
  const failed = (canPass: boolean): readonly [string, Told] => [
    canPass ? 'EAGAIN' : 'ENOEXEC',
    { type: 'spawn-failed', why: canPass ? 'no room for another process' : 'is not executable', canPass },
  ]
  expect(tell([consistent, failed(false)])).toMatchInlineSnapshot(`
    "
                               recovering             0  started: first start                               600000 ms                 -> recover preflight
    consistent                 starting               1  started: first start                               120000 ms                 -> spawn
    ENOEXEC                    held (cannot-start)    1  could-not-be-spawned: is not executable                                      -> leave cannot-start
    "
  `)
  expect(tell([consistent, failed(true), consistent, ready()])).toMatchInlineSnapshot(`
    "
                               recovering             0  started: first start                               600000 ms                 -> recover preflight
    consistent                 starting               1  started: first start                               120000 ms                 -> spawn
    EAGAIN                     recovering             1  could-not-be-spawned: no room for another process  600000 ms  crashes 1      -> recover after-exit
    consistent                 starting               2  could-not-be-spawned: no room for another process  120000 ms  crashes 1      -> spawn
    ready at 0                 running                2  could-not-be-spawned: no room for another process             crashes 1      -> announce ready
    "
  `)
})

test('a disk or a system without room to start anything is no fault of the gateway: held as what may pass', () => {
  const full: readonly [string, Told] = [
    'ENOSPC',
    { type: 'spawn-failed', why: 'cannot mark that recovery is owed: ENOSPC', canPass: true },
  ]
  expect(tell([consistent, full, consistent, full], { policy: { limits: { ...policy.limits, crashes: 1 } } }))
    .toMatchInlineSnapshot(`
    "
                               recovering             0  started: first start                               600000 ms                 -> recover preflight
    consistent                 starting               1  started: first start                               120000 ms                 -> spawn
    ENOSPC                     recovering             1  could-not-be-spawned: cannot mark that recovery is owed: ENOSPC 600000 ms  crashes 1      -> recover after-exit
    consistent                 starting               2  could-not-be-spawned: cannot mark that recovery is owed: ENOSPC 120000 ms  crashes 1      -> spawn
    ENOSPC                     held (recovery)        2  could-not-be-spawned: cannot mark that recovery is owed: ENOSPC            crashes 2      -> leave recovery
    "
  `)
})

test('a recovery that takes too long is aborted and counts as not confirmed', () => {
  expect(tell([timeout, unconfirmed])).toMatchInlineSnapshot(`
    "
                               recovering             0  started: first start                               600000 ms                 -> recover preflight
    time is up                 recovering             0  started: first start                                                         -> abort-recovery
    disk full                  recovering             0  recovery-unconfirmed: ENOSPC                       600000 ms  recoveries 1   -> recover retry
    "
  `)
})

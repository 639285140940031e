/**
 * Walks every reachable pair of (state, world) and checks the numbered invariants of lifecycle.ts in each.
 * The world is what can be true outside: a child alive or not, a recovery under way, timeouts armed or already
 * queued, events that were overtaken. Small limits keep the space finite; time is folded into "the run so far
 * was good" or "was not".
 */
import assert from 'node:assert/strict'
import { expect, test } from 'vitest'
import {
  begin,
  step,
  type Effect,
  type Event,
  type Next,
  type Policy,
  type State,
} from '../../src/lifecycle/lifecycle.ts'
import { fullBudgets } from '../../src/lifecycle/restart-policy.ts'

const policyThat = (onHold: Policy['onHold']): Policy => ({
  limits: { crashes: 1, recoveries: 1, restarts: 1, contentions: 1 },
  backoffMs: 1,
  maxBackoffMs: 1,
  mostQuietMs: 300_000,
  goodRunMs: 10,
  recoveryTimeoutMs: 1,
  startTimeoutMs: 1,
  startBoundMs: 5,
  stopTimeoutMs: 1,
  hungStopTimeoutMs: 1,
  onHold,
  heldRetryMs: 1,
})

interface World {
  child: 'none' | 'spawning' | 'alive' | 'sigkilled'
  recovering: boolean
  stops: number
  restarts: number
  freshConfirmation: boolean
  announced: number
  told: boolean
  left: boolean
  stubborn: boolean
}

const start: World = {
  child: 'none',
  recovering: false,
  stops: 0,
  restarts: 0,
  freshConfirmation: false,
  announced: 0,
  told: false,
  left: false,
  stubborn: false,
}

function perform(before: World, effects: readonly Effect[]): World {
  const w = { ...before }
  for (const effect of effects) {
    switch (effect.do) {
      case 'recover':
        assert(!w.recovering, 'two recoveries at once')
        assert.equal(w.child, 'none', '(2) a recovery while a child lives confirms nothing')
        w.recovering = true
        w.freshConfirmation = false
        break
      case 'abort-recovery':
        assert(w.recovering, 'aborted a recovery that does not run')
        break
      case 'spawn':
        assert.equal(w.child, 'none', '(1) two children')
        assert(w.freshConfirmation, '(2) spawn without a fresh confirmation')
        assert.equal(w.stops, 0, '(3) spawn after a stop')
        w.freshConfirmation = false
        w.child = 'spawning'
        w.told = false
        w.announced = 0
        break
      case 'kill':
        assert.notEqual(w.child, 'none', 'kill without a child')
        if (effect.signal === 'SIGKILL') w.child = 'sigkilled'
        break
      case 'announce':
        if (effect.what === 'ready') {
          w.announced++
          assert(w.told, '(4) ready announced for a child that was not seen ready')
          assert.equal(w.announced, 1, '(4) ready announced twice')
        }
        break
      case 'leave':
        assert(!w.left, 'left twice')
        assert.equal(w.child, 'none', 'left with a child alive')
        assert(!w.recovering, 'left while a recovery writes')
        w.left = true
        break
    }
  }
  return w
}

const exits = [
  { exit: { by: 'code', code: 0 }, meaning: 'restart-wanted', quietMs: 0 },
  { exit: { by: 'code', code: 0 }, meaning: 'gave-way', quietMs: 0 },
  { exit: { by: 'code', code: 0 }, meaning: 'ended-early', quietMs: 0 },
  { exit: { by: 'code', code: 78 }, meaning: 'refused', quietMs: 0 },
  { exit: { by: 'code', code: 1 }, meaning: 'crash', quietMs: 0 },
  { exit: { by: 'code', code: 1 }, meaning: 'timed-out', quietMs: 0 },
  { exit: { by: 'signal', signal: 'SIGKILL', coreDumped: false }, meaning: 'crash', quietMs: 0 },
  { exit: { by: 'signal', signal: 'SIGKILL', coreDumped: false }, meaning: 'crash', quietMs: 300_000 },
] as const

/** Everything that can happen next, with the world just after it. */
function* possible(w: World, state: State): Generator<[Event, World]> {
  if (w.left) return
  const { child, run, phase } = state
  if (w.recovering) {
    const after = { ...w, recovering: false }
    const about = { type: 'recovered', run, now: 0, chance: 0 } as const
    yield [
      { ...about, verdict: { is: 'consistent', confirmation: { run } } },
      { ...after, freshConfirmation: true },
    ]
    yield [{ ...about, verdict: { is: 'retry-later', evidence: 'x' } }, after]
    for (const kind of ['state', 'obstructed'] as const)
      yield [{ ...about, verdict: { is: 'needs-operator', kind, evidence: 'x', command: null } }, after]
  }
  if (w.child === 'spawning')
    for (const canPass of [true, false])
      yield [
        { type: 'spawn-failed', child, why: 'x', canPass, now: 0, chance: 0 },
        { ...w, child: 'none' },
      ]
  if (w.child !== 'none') {
    if (!w.stubborn || w.child === 'sigkilled')
      for (const { exit, meaning, quietMs } of exits)
        for (const now of [0, 100])
          yield [
            { type: 'exited', child, exit, meaning, cause: null, quietMs, now, chance: 0 },
            { ...w, child: 'none' },
          ]
    if (w.child !== 'sigkilled' && !w.told) {
      yield [
        { type: 'ready', child, now: 0 },
        { ...w, told: true, child: 'alive' },
      ]
      yield [{ type: 'progress', child, now: 0 }, w]
      yield [{ type: 'progress', child, now: 100 }, w]
    }
    if (w.child === 'alive') yield [{ type: 'hung', child, evidence: 'x', now: 0 }, w]
  }
  if (state.timeoutMs !== undefined) yield [{ type: 'timeout', child, run, phase }, w]
  if (w.stops < 2) yield [{ type: 'stop' }, { ...w, stops: w.stops + 1 }]
  if (w.restarts < 1) yield [{ type: 'restart' }, { ...w, restarts: w.restarts + 1 }]
}

/** What may arrive after it was overtaken: news of a child or a run gone, the timeout of a phase left. */
function* overtaken(w: World, { child, run, phase }: State): Generator<Event> {
  for (const of of w.child === 'none' ? [child - 1, child] : [child - 1]) {
    yield { type: 'ready', child: of, now: 0 }
    yield { type: 'progress', child: of, now: 0 }
    yield { type: 'hung', child: of, evidence: 'late', now: 0 }
  }
  yield { type: 'exited', child: child - 1, ...exits[3], cause: null, now: 0, chance: 0 }
  yield { type: 'spawn-failed', child: child - 1, why: 'late', canPass: false, now: 0, chance: 0 }
  yield {
    type: 'recovered',
    run: run - 1,
    verdict: { is: 'retry-later', evidence: 'late' },
    now: 0,
    chance: 0,
  }
  for (const left of phases) if (left !== phase) yield { type: 'timeout', child, run, phase: left }
  yield { type: 'timeout', child: child - 1, run, phase }
  yield { type: 'timeout', child, run: run - 1, phase }
}
const phases = [
  'recovering',
  'backing-off',
  'starting',
  'running',
  'draining',
  'stopping',
  'held',
  'stopped',
] as const

/** Numbers that only name things grow for ever, and words decide nothing: the space is finite without them. */
const keyOf = (state: State, world: World): string =>
  JSON.stringify([
    {
      ...state,
      child: 0,
      run: 0,
      reason: 0,
      budgets: { ...state.budgets, lastFailure: state.budgets.lastFailure === null },
      ...(state.phase === 'held' ? { hold: state.hold.canPass } : {}),
    },
    world,
  ])

test.each([
  [false, 'leave'],
  [true, 'leave'],
  [false, 'wait'],
  [true, 'wait'],
] as const)(
  'every reachable state keeps the invariants (stubborn children: %s, on hold: %s)',
  (stubborn, onHold) => {
    const policy = policyThat(onHold)
    const seen = new Map<string, { state: State; world: World; next: string[] }>()
    const queue: string[] = []
    const add = ([state, effects]: Next, before: World): string => {
      const world = perform(before, effects)
      if (state.phase === 'held') {
        assert.equal(world.child, 'none', '(5) held with a child')
        if (!state.hold.canPass || onHold === 'leave')
          assert.equal(state.timeoutMs, undefined, '(5) held with a timer')
      }
      if (state.phase === 'stopped') assert(world.left)
      if (world.stops > 0) assert.notEqual(state.phase, 'starting', '(3) starting after a stop')
      const key = keyOf(state, world)
      if (!seen.has(key)) {
        assert(seen.size < 100_000, 'the space is not finite')
        seen.set(key, { state, world, next: [] })
        queue.push(key)
      }
      return key
    }
    const take = (state: State, event: Event): Next => {
      const next = step(state, event, policy)
      const isSpent = (budget: 'crashes' | 'recoveries'): boolean =>
        next[0].budgets[budget] > state.budgets[budget]
      assert(!isSpent('crashes') || event.type !== 'recovered', '(8) a recovery spent the budget of crashes')
      assert(
        !isSpent('recoveries') || event.type === 'recovered',
        `(8) ${event.type} spent the budget of recoveries`,
      )
      for (const budget of ['crashes', 'recoveries', 'restarts', 'contentions'] as const)
        if (next[0].budgets[budget] < state.budgets[budget]) {
          const good = event.type === 'exited' && event.now >= policy.goodRunMs
          const operator = event.type === 'restart' && state.phase === 'held'
          assert(good || operator, `(8) ${budget} given back by ${event.type}`)
        }
      // A crash is followed by the wait that the gateway's own count of crashes asks for, or by no start.
      if (event.type === 'exited' && event.quietMs > 0) {
        const [{ phase, timeoutMs = 0 }] = next
        const isOrdered = state.phase === 'draining' && !state.crash
        if (phase === 'backing-off') assert(timeoutMs >= event.quietMs, 'started too soon')
        else assert(phase === 'held' || phase === 'stopped' || isOrdered, `no wait: ${phase}`)
      }
      return next
    }
    add(begin(policy), { ...start, stubborn })
    let transitions = 0
    for (let key = queue.shift(); key !== undefined; key = queue.shift()) {
      const node = seen.get(key)!
      const moves = [...possible(node.world, node.state)]
      const ordered = (e: Event): boolean => e.type === 'stop' || e.type === 'restart'
      if (!['running', 'held', 'stopped'].includes(node.state.phase) && !node.world.left)
        assert(
          moves.some(([e]) => !ordered(e)),
          `nothing but an order leaves ${key}`,
        )
      if (!node.world.left)
        for (const event of overtaken(node.world, node.state))
          assert.deepEqual(
            step(node.state, event, policy),
            [node.state, []],
            `(7) ${JSON.stringify(event)} in ${key}`,
          )
      for (const [event, world] of moves) {
        transitions++
        try {
          node.next.push(add(take(node.state, event), world))
        } catch (error) {
          throw new Error(`${JSON.stringify(event)} in ${key}: ${(error as Error).message}`, { cause: error })
        }
      }
    }
    // (6) from every state in which a stop was asked for, leaving can be reached
    const reaches = new Set([...seen].filter(([, n]) => n.world.left).map(([k]) => k))
    for (let grew = true; grew;) {
      grew = false
      for (const [k, n] of seen)
        if (!reaches.has(k) && n.next.some((x) => reaches.has(x))) {
          reaches.add(k)
          grew = true
        }
    }
    for (const [k, n] of seen) if (n.world.stops > 0) assert(reaches.has(k), `(6) stuck: ${k}`)
    console.log(`${seen.size} states, ${transitions} transitions`)
  },
)

test('(8) budgets are taken over from a supervisor before', () => {
  const [state] = begin(policyThat('leave'), { ...fullBudgets, crashes: 1 })
  expect(state.budgets.crashes).toBe(1)
})

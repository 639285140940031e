/**
 * The loop: carries out effects, says of each thing that happens which child or run it is about, and hands it
 * to step(). All waiting is here; no deciding is.
 */
import {
  begin,
  step,
  type Effect,
  type Event,
  type Hold,
  type Next,
  type Policy,
  type State,
  type Verdict,
} from '../lifecycle/lifecycle.ts'
import type { Exit, Meaning } from '../lifecycle/exit.ts'
import type { Budgets } from '../lifecycle/restart-policy.ts'

/** What the loop learns of a living child. */
export type News =
  | { readonly type: 'ready' }
  | { readonly type: 'progress' }
  | { readonly type: 'hung'; readonly evidence: string }

export interface Ending {
  readonly exit: Exit
  readonly meaning: Meaning
  /** What the gateway's own log says of it, where it says something. */
  readonly cause: string | null
  readonly quietMs: number
}

export type Spawned =
  | {
      readonly is: 'started'
      /** Of the child, and of what it left behind. */
      readonly ended: Promise<Ending>
      kill(signal: 'SIGTERM' | 'SIGKILL'): void
    }
  | { readonly is: 'failed'; readonly why: string; readonly canPass: boolean }

/** The loop adds which run it was. */
type WithoutRun<V> = V extends { is: 'consistent' } ? { readonly is: 'consistent' } : V
export type Outcome = WithoutRun<Verdict>

export interface World {
  /** ms of a clock that never jumps. */
  now(): number
  /** In [0, 1). */
  chance(): number
  after(ms: number, fire: () => void): () => void
  recover(trigger: Extract<Effect, { do: 'recover' }>['trigger'], signal: AbortSignal): Promise<Outcome>
  spawn(child: number, tell: (news: News) => void): Promise<Spawned>
  announce(what: 'ready' | 'stopping'): void
  /** After each change, before its effects are carried out; the first has no event. */
  changed(to: State, event: Event | undefined, from: State | undefined): void
}

export type Order = 'stop' | 'restart'
export type Left = 'stopped' | Hold['kind']

/** Ends when the lifecycle says so; rejects on a defect (Impossible, or a bug), with no child left running by it. */
export function runLoop(
  world: World,
  policy: Policy,
  budgets: Budgets,
  listen: (order: (order: Order) => void) => () => void,
): Promise<Left> {
  return new Promise((resolve, reject) => {
    let state: State
    let child: Promise<Spawned> | undefined
    let recovery = new AbortController()
    let forgetTimeout = (): void => {}
    let deaf = (): void => {}
    let over = false
    // Held, nothing else may be pending: listening for signals alone keeps no program of Node's alive.
    const fallAsleep = world.after(Infinity, () => {})

    const end = (settle: () => void): void => {
      over = true
      forgetTimeout()
      fallAsleep()
      deaf()
      settle()
    }
    const fail = (error: unknown): void => {
      if (over) return
      end(() => {})
      recovery.abort()
      const ended = child?.then((spawned) => {
        if (spawned.is === 'failed') return undefined
        spawned.kill('SIGTERM')
        const last = world.after(policy.stopTimeoutMs, () => spawned.kill('SIGKILL'))
        return spawned.ended.finally(last)
      })
      // A child without a loop would be nobody's.
      void Promise.resolve(ended).finally(() => reject(error))
    }
    const happen = (event: Event): void => {
      if (over) return
      try {
        advance(step(state, event, policy), event)
      } catch (error) {
        fail(error)
      }
    }
    const advance = ([next, effects]: Next, event?: Event): void => {
      const before: State | undefined = state
      if (next !== before) {
        state = next
        forgetTimeout()
        forgetTimeout = () => {}
        if (next.timeoutMs !== undefined) {
          const { child, run, phase } = next
          forgetTimeout = world.after(next.timeoutMs, () => happen({ type: 'timeout', child, run, phase }))
        }
        world.changed(next, event, before)
      }
      for (const effect of effects) perform(effect, next)
    }
    const perform = (effect: Effect, { child: number, run }: State): void => {
      switch (effect.do) {
        case 'recover':
          recovery = new AbortController()
          void world.recover(effect.trigger, recovery.signal).then((outcome) => {
            const verdict: Verdict =
              outcome.is === 'consistent' ? { is: 'consistent', confirmation: { run } } : outcome
            happen({ type: 'recovered', run, verdict, now: world.now(), chance: world.chance() })
          }, fail)
          break
        case 'abort-recovery':
          recovery.abort()
          break
        case 'spawn': {
          const tell = (news: News): void => happen({ ...news, child: number, now: world.now() })
          child = world.spawn(number, tell)
          void child
            .then(async (spawned) => {
              if (spawned.is === 'failed') {
                const { why, canPass } = spawned
                happen({
                  type: 'spawn-failed',
                  child: number,
                  why,
                  canPass,
                  now: world.now(),
                  chance: world.chance(),
                })
                return
              }
              const ending = await spawned.ended
              happen({ type: 'exited', child: number, ...ending, now: world.now(), chance: world.chance() })
            })
            .catch(fail)
          break
        }
        case 'kill':
          void child?.then((spawned) => {
            if (spawned.is === 'started') spawned.kill(effect.signal)
          }, fail)
          break
        case 'announce':
          world.announce(effect.what)
          break
        case 'leave':
          end(() => resolve(effect.because))
          break
      }
    }
    advance(begin(policy, budgets))
    // Only now: an order that came before it is given at once, and needs a state to be given to.
    deaf = listen((order) => happen({ type: order }))
  })
}

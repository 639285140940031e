/** The loop by itself, in a world that is scripted: order of orders, late news, and what is left after a defect. */
import { expect, test } from 'vitest'
import { systemClock } from '../../src/host/clock.ts'
import { Impossible, type Policy } from '../../src/lifecycle/lifecycle.ts'
import { fullBudgets } from '../../src/lifecycle/restart-policy.ts'
import {
  runLoop,
  type Ending,
  type News,
  type Order,
  type Outcome,
  type World,
} from '../../src/supervisor/loop.ts'

const policy: Policy = {
  limits: { crashes: 3, recoveries: 3, restarts: 3, contentions: 3 },
  backoffMs: 10,
  maxBackoffMs: 10,
  mostQuietMs: 300_000,
  goodRunMs: 1000,
  recoveryTimeoutMs: 1000,
  startTimeoutMs: 1000,
  startBoundMs: 1000,
  stopTimeoutMs: 1000,
  hungStopTimeoutMs: 1000,
  onHold: 'leave',
  heldRetryMs: 10,
}
const exit0: Ending = { exit: { by: 'code', code: 0 }, meaning: 'restart-wanted', cause: null, quietMs: 0 }

interface Scripted extends World {
  readonly done: string[]
  /** Of each child, how it tells its news. */
  readonly tells: ((news: News) => void)[]
  readonly end: (ending: Ending) => void
}

function scripted(more: Partial<World> = {}): Scripted {
  const done: string[] = []
  const tells: ((news: News) => void)[] = []
  let endChild = (_: Ending): void => {}
  return {
    done,
    tells,
    end: (ending) => endChild(ending),
    now: () => systemClock.monotonicMs(),
    chance: () => 0,
    after: (ms, fire) => systemClock.after(ms, fire),
    recover: (trigger) => {
      done.push(`recover ${trigger}`)
      return Promise.resolve<Outcome>({ is: 'consistent' })
    },
    spawn: (child, tell) => {
      done.push(`spawn ${child}`)
      tells.push(tell)
      return Promise.resolve({
        is: 'started',
        ended: new Promise<Ending>((resolve) => {
          endChild = resolve
        }),
        kill: (signal) => {
          done.push(`kill ${signal}`)
          endChild(exit0)
        },
      })
    },
    announce: (what) => void done.push(what),
    changed: (to) => void done.push(`-> ${to.phase}`),
    ...more,
  }
}
const soon = (): Promise<void> => new Promise((go) => setImmediate(go))

test('an order that came before the loop is given to it at once, and no child is made', async () => {
  const world = scripted()
  const left = await runLoop(world, policy, fullBudgets, (order) => {
    order('stop')
    return () => world.done.push('deaf')
  })
  expect(left).toBe('stopped')
  expect(world.done).toEqual([
    '-> recovering',
    'recover preflight',
    '-> recovering',
    'stopping',
    '-> stopped',
    'deaf',
  ])
})

test('a recovery that was not confirmed is followed by no child, but by another one, at once and then after a wait', async () => {
  const waits: number[] = []
  let outcome: Outcome = { is: 'retry-later', evidence: 'x' }
  const world = scripted({
    after: (ms, fire) => {
      waits.push(ms)
      if (ms !== policy.backoffMs) return systemClock.after(ms, fire)
      outcome = { is: 'consistent' }
      return systemClock.after(0, fire)
    },
    recover: (trigger) => {
      world.done.push(`recover ${trigger}`)
      return Promise.resolve(outcome)
    },
  })
  let give = (_: Order): void => {}
  const left = runLoop(world, { ...policy, maxBackoffMs: policy.backoffMs }, fullBudgets, (order) => {
    give = order
    return () => {}
  })
  for (let tries = 0; !world.done.includes('spawn 1'); tries++) {
    expect(tries).toBeLessThan(1000)
    await soon()
  }
  expect(world.done).toEqual([
    '-> recovering',
    'recover preflight',
    '-> recovering',
    'recover retry',
    '-> backing-off',
    '-> recovering',
    'recover retry',
    '-> starting',
    'spawn 1',
  ])
  expect(waits).toContain(policy.backoffMs)
  give('stop')
  expect(await left).toBe('stopped')
})

test('a stop between the order to spawn and the child: the child is ended as soon as it is there', async () => {
  let give = (_: Order): void => {}
  let born = (): void => {}
  const world = scripted()
  const slow: World = {
    ...world,
    spawn: async (child, tell) => {
      await new Promise<void>((go) => {
        born = go
      })
      return await world.spawn(child, tell)
    },
  }
  const left = runLoop(slow, policy, fullBudgets, (order) => {
    give = order
    return () => {}
  })
  for (let tries = 0; !world.done.includes('-> starting'); tries++) {
    expect(tries).toBeLessThan(100)
    await soon()
  }
  give('stop')
  expect(world.done).not.toContain('kill SIGTERM')
  born()
  expect(await left).toBe('stopped')
  expect(world.done.slice(-3)).toEqual(['spawn 1', 'kill SIGTERM', '-> stopped'])
})

test('(lifecycle.ts 7) news of a child that is gone changes nothing', async () => {
  const world = scripted()
  let give = (_: Order): void => {}
  const left = runLoop(world, policy, fullBudgets, (order) => {
    give = order
    return () => {}
  })
  const reach = async (what: string): Promise<void> => {
    for (let tries = 0; !world.done.includes(what); tries++) {
      expect(tries, what).toBeLessThan(1000)
      await soon()
    }
  }
  await reach('spawn 1')
  await soon()
  const [first] = world.tells
  first!({ type: 'ready' })
  world.end(exit0)
  await reach('spawn 2')
  const before = [...world.done]
  for (const news of [{ type: 'ready' }, { type: 'progress' }, { type: 'hung', evidence: 'late' }] as const)
    first!(news)
  expect(world.done).toEqual(before)
  world.tells[1]!({ type: 'ready' })
  expect(world.done.slice(before.length)).toEqual(['-> running', 'ready'])
  give('stop')
  expect(await left).toBe('stopped')
  expect(world.done.filter((each) => each.startsWith('spawn'))).toEqual(['spawn 1', 'spawn 2'])
})

test.each(['recover', 'changed'] as const)(
  'a defect in %s ends the loop, and the child with it',
  async (where) => {
    const world = scripted()
    let give = (_: Order): void => {}
    let broken = false
    const defect = (): never => {
      throw new Impossible('a defect')
    }
    const failing: World = {
      ...world,
      recover: async (trigger, signal) => (broken ? defect() : await world.recover(trigger, signal)),
      changed: (to, event, from) =>
        broken && where === 'changed' ? defect() : world.changed(to, event, from),
    }
    const left = runLoop(failing, policy, fullBudgets, (order) => {
      give = order
      return () => world.done.push('deaf')
    })
    for (let tries = 0; !world.done.includes('spawn 1'); tries++) {
      expect(tries).toBeLessThan(1000)
      await soon()
    }
    broken = true
    give('restart')
    await expect(left).rejects.toThrow('a defect')
    expect(world.done).toContain('kill SIGTERM')
    expect(world.done).toContain('deaf')
    expect(world.done.filter((each) => each.startsWith('spawn'))).toEqual(['spawn 1'])
  },
)

test('it keeps the program alive while nothing is pending, and lets go at its end', async () => {
  const pending: number[] = []
  const world = scripted({
    after: (ms, fire) => {
      pending.push(ms)
      const cancel = systemClock.after(ms, fire)
      return () => {
        pending.splice(pending.indexOf(ms), 1)
        cancel()
      }
    },
    recover: () =>
      Promise.resolve<Outcome>({ is: 'needs-operator', kind: 'state', evidence: 'x', command: null }),
  })
  let give = (_: Order): void => {}
  const left = runLoop(world, { ...policy, onHold: 'wait' }, fullBudgets, (order) => {
    give = order
    return () => {}
  })
  for (let tries = 0; !world.done.includes('-> held'); tries++) {
    expect(tries).toBeLessThan(1000)
    await soon()
  }
  expect(pending).toEqual([Infinity])
  give('stop')
  expect(await left).toBe('stopped')
  expect(pending).toEqual([])
})

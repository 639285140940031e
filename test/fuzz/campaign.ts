/** Many cases from one seed, each judged; what fails is made as short as it can be. */
import type { Site } from '../../src/recovery/site.ts'
import { defaultPolicy, type Policy } from '../../src/recovery/site.ts'
import type { Ask, Recovery } from '../../src/recovery/verdict.ts'
import { mutated, mutation, type Mutation } from './mutate.ts'
import { judge, type Verdict } from './oracle.ts'
import { inMemory, onRealDisk } from './places.ts'
import { random } from './random.ts'
import { bases, type Base } from './state.ts'

export interface Case {
  readonly seed: number
  readonly base: Base
  readonly mutations: readonly Mutation[]
  readonly policy: Partial<Policy>
  readonly isPidAlive: boolean
  readonly again: Ask['owed']
}

/** The seed alone tells everything about a case. */
function caseOf(seed: number, all: readonly Base[]): Case {
  const next = random(seed)
  const base = all[Math.floor(next() * all.length)]!
  // Mostly few: many at once hide each other.
  const many = Math.floor(next() ** 2 * 9)
  const mutations = Array.from({ length: many }, () => mutation(next))
  const rarely = (): boolean => next() < 0.15
  return {
    seed,
    base,
    mutations,
    policy: {
      unarchive: rarely(),
      adopt: rarely(),
      tidy: rarely(),
      configRollback: rarely(),
      resume: rarely() ? 'all' : 'crashed',
      onLoss: rarely() ? 'hold' : 'start',
    },
    isPidAlive: next() < 0.5,
    again: next() < 0.5 ? 'no' : 'another-boot',
  }
}

const machineOf = ({ policy, isPidAlive }: Case): Partial<Site> => ({
  policy: { ...defaultPolicy, ...policy },
  startTicksOf: (pid) => (isPidAlive && pid === 4242 ? 7 : undefined),
})

async function run(one: Case, disk: 'memory' | 'real'): Promise<Verdict> {
  const state = mutated(one.base.things, one.mutations)
  if (disk === 'memory') return await judge(inMemory(state, machineOf(one)), one.again)
  const place = onRealDisk(state, machineOf(one))
  try {
    const outside = place.outside()
    const verdict = await judge(place, one.again)
    if (verdict.failed === undefined && place.outside() !== outside)
      return { ...verdict, failed: '(a) something outside the state was changed' }
    return verdict
  } finally {
    place.remove()
  }
}

/** The letter of the question that failed: what it becomes while it shrinks must be the same failure. */
const kindOf = (failed: string): string => failed.slice(0, 3)

/** Leaves out mutations as long as it fails in the same way; then it takes nothing that is not needed. */
async function shrunk(one: Case, failed: string, disk: 'memory' | 'real'): Promise<Case> {
  let least = one
  for (let at = 0; at < least.mutations.length;) {
    const shorter = { ...least, mutations: least.mutations.toSpliced(at, 1) }
    const verdict = await run(shorter, disk)
    if (verdict.failed !== undefined && kindOf(verdict.failed) === kindOf(failed)) least = shorter
    else at++
  }
  for (const simpler of [
    { ...least, policy: {} },
    { ...least, isPidAlive: false },
  ]) {
    const verdict = await run(simpler, disk)
    if (verdict.failed !== undefined && kindOf(verdict.failed) === kindOf(failed)) least = simpler
  }
  return least
}

export interface Count {
  readonly cases: number
  readonly onRealDisk: number
  readonly verdicts: Readonly<Partial<Record<Recovery['is'] | 'threw', number>>>
  /** Kinds of damage that were found, and how often. */
  readonly kinds: Readonly<Record<string, number>>
  readonly failures: readonly string[]
}

/** Of every hundred cases this many run on the real disk: it costs thirty times as much. */
const realShare = 1

export async function campaign(
  from: number,
  cases: number,
  how: { readonly mostFailures?: number; readonly tell?: (text: string) => void } = {},
): Promise<Count> {
  const all = bases()
  const verdicts: Partial<Record<Recovery['is'] | 'threw', number>> = {}
  const kinds: Record<string, number> = {}
  const failures: string[] = []
  let onReal = 0
  let done = 0
  for (let seed = from; seed < from + cases && failures.length < (how.mostFailures ?? 5); seed++) {
    const one = caseOf(seed, all)
    const disk = seed % 100 < realShare ? 'real' : 'memory'
    if (disk === 'real') onReal++
    done++
    const verdict = await run(one, disk)
    verdicts[verdict.is] = (verdicts[verdict.is] ?? 0) + 1
    for (const { kind } of verdict.found) kinds[kind] = (kinds[kind] ?? 0) + 1
    if (verdict.failed === undefined) continue
    const least = await shrunk(one, verdict.failed, disk)
    const again = await run(least, disk)
    const text = [
      `seed ${seed} (${disk} disk), on "${least.base.name}", policy ${JSON.stringify(least.policy)}${least.isPidAlive ? ', pid 4242 alive' : ''}, then ${least.again}:`,
      ...least.mutations.map(
        (each) => `  ${each.do} ${JSON.stringify(each.by.map((by) => Number(by.toFixed(4))))}`,
      ),
      `  ${again.failed ?? verdict.failed}`,
      `  alone: scripts/fuzz --seed ${seed} --cases 1`,
    ].join('\n')
    failures.push(text)
    how.tell?.(text)
  }
  return { cases: done, onRealDisk: onReal, verdicts, kinds, failures }
}

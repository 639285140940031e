/** Takes the steps of a repair's last round, in order. */
import { apply, sweep, type Task } from './apply.ts'
import { conflictIn, isSameInode, sight } from './fingerprint.ts'
import type { Step } from './finding.ts'
import { end, noteKept, type Repair, secure } from './journal.ts'
import { pathOf } from './places.ts'
import type { Site } from './site.ts'

export type Taken =
  | { readonly is: 'all' }
  | { readonly is: 'interrupted' }
  /** Something else changed a file meanwhile.  The repair is closed: what was done stands, and can be undone. */
  | { readonly is: 'abandoned'; readonly evidence: string; readonly repair: Repair }

export async function take(site: Site, repair: Repair, signal?: AbortSignal): Promise<Taken> {
  await secure(site, repair)
  for (let n = repair.roundFrom; n < repair.steps.length; n++) {
    if (signal?.aborted) return { is: 'interrupted' }
    const task = { site, id: repair.id, n, step: repair.steps[n]! }
    try {
      const kept = await apply(task)
      if (kept) await noteKept(site, repair, n, kept)
    } catch (error) {
      const conflict = conflictIn(error)
      if (conflict === undefined) throw error
      await clear(task)
      const evidence = error === conflict ? conflict.message : `${whatMoved(task.step)}: ${conflict.message}`
      const done = (await isPutBack(task)) ? n + 1 : n
      const closed = await end(site, repair, { outcome: 'abandoned', done, evidence })
      return { is: 'abandoned', evidence, repair: closed }
    }
  }
  return { is: 'all' }
}

/** It came back under its name, and only the other name would not go: what stands can be taken back, so it counts. */
async function isPutBack({ site, step }: Task): Promise<boolean> {
  if (step.change.do !== 'put-back') return false
  const now = await sight(site.disk, pathOf(site, step.path))
  const from = await site.disk.stat(pathOf(site, step.change.from))
  const isOne = now.stat !== undefined && from !== undefined && isSameInode(now.stat, from)
  return now.fingerprint === step.after && (step.before !== step.after || isOne)
}

/** A call that failed names a name of ours, often: whoever reads it wants the user's. */
function whatMoved({ path, change }: Step): string {
  const from = change.do === 'put-back' ? ` or ${JSON.stringify(change.from)}` : ''
  return `${JSON.stringify(path)}${from} was changed by another program during the repair`
}

/** Nothing of ours stays in the user's directories when a step is given up. */
async function clear(task: Task): Promise<void> {
  try {
    await sweep(task, await sight(task.site.disk, pathOf(task.site, task.step.path)))
  } catch (error) {
    // The other program is still writing: what lies there is hidden, and named by the journal.
    if (conflictIn(error) === undefined) throw error
  }
}

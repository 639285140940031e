/**
 * The only place of this program that signals a process.
 *
 * 1. Nobody with a pid of 0 or 1, or less, is ever signalled: to the kernel these mean groups, or everybody.
 * 2. Nobody is signalled whose identity (pid, start time, boot) does not match at that moment. The pid then
 *    belongs to somebody else, and the one that was meant is gone.
 * 3. A group is signalled only while its leader is the one that was meant, living or zombie, or while a member
 *    that was seen in that group before is still in it: the kernel does not give a pid away again while it names a group.
 * 4. Our own group is never signalled.
 */
import { presenceOf, processes, rowOf, sameProcess, type Identity } from './process-table.ts'

/** `gone`: there is nobody left of that identity. `refused`: one of the rules above, or the kernel's permission. */
export type Signalled = 'sent' | 'gone' | 'refused'

const namesOneProcess = (pid: number): boolean => Number.isSafeInteger(pid) && pid > 1

export const sendSignal = (to: Identity, signal: NodeJS.Signals): Signalled => {
  if (!namesOneProcess(to.pid)) return 'refused'
  const presence = presenceOf(to)
  if (presence === 'unseen') return 'refused'
  return presence === 'alive' ? kill(to.pid, signal) : 'gone'
}

/** `recorded`: members seen while the leader was known to be the leader; only needed once it is gone. */
export const sendSignalToGroup = (
  leader: Identity,
  signal: NodeJS.Signals,
  recorded: readonly Identity[] = [],
): Signalled => {
  const group = leader.pid
  if (!namesOneProcess(group)) return 'refused'
  if (rowOf(process.pid)?.group === group) return 'refused'
  const present = rowOf(group)
  if (present && !sameProcess(present, leader)) return 'gone'
  const members = processes().filter((row) => row.group === group && !row.zombie)
  if (members.length === 0) return 'gone'
  if (!present && !members.some((row) => recorded.some((known) => sameProcess(known, row)))) return 'refused'
  return kill(-group, signal)
}

const kill = (target: number, signal: NodeJS.Signals): Signalled => {
  try {
    process.kill(target, signal)
    return 'sent'
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ESRCH') return 'gone'
    if (code === 'EPERM') return 'refused'
    throw new Error(`cannot send ${signal} to ${target}`, { cause: error })
  }
}

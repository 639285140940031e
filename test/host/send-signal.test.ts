import { spawn } from 'node:child_process'
import { expect, test, vi } from 'vitest'
import { identityOf, isAlive, ownIdentity, presenceOf, rowOf } from '../../src/host/process-table.ts'
import { sendSignal, sendSignalToGroup } from '../../src/host/send-signal.ts'
import { until } from '../systemd/wait.ts'
import { compiledHost, runModule } from './compiled.ts'
import { endAfterTest, exited, started } from './started.ts'

const never = () => vi.spyOn(process, 'kill').mockClear()

test('the one that is meant gets the signal', async () => {
  const child = started('sleep', ['60'])
  expect(sendSignal(endAfterTest(child.pid), 'SIGTERM')).toBe('sent')
  expect(await exited(child)).toEqual({ code: null, signal: 'SIGTERM' })
})

test.each([1, 0, -1, -4711, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
  'pid %s is refused, whatever it is said to be',
  (pid) => {
    const kill = never()
    const identity = { ...(identityOf(1) ?? ownIdentity()), pid }
    expect(sendSignal(identity, 'SIGTERM')).toBe('refused')
    expect(sendSignalToGroup(identity, 'SIGTERM')).toBe('refused')
    expect(kill).not.toHaveBeenCalled()
  },
)

test('a pid that another process has now is not signalled', () => {
  const who = endAfterTest(started('sleep', ['60']).pid)
  const kill = never()
  for (const other of [
    { ...who, startTicks: who.startTicks - 1 },
    { ...who, bootId: 'another boot' },
  ]) {
    expect(sendSignal(other, 'SIGKILL')).toBe('gone')
    expect(sendSignalToGroup(other, 'SIGKILL')).toBe('gone')
  }
  expect(kill.mock.calls.filter(([, signal]) => signal !== 0)).toEqual([])
  expect(isAlive(who)).toBe(true)
})

test('one that ended is gone', async () => {
  const child = started('sleep', ['60'])
  const who = endAfterTest(child.pid)
  child.kill('SIGKILL')
  await exited(child)
  expect(sendSignal(who, 'SIGTERM')).toBe('gone')
  expect(sendSignalToGroup(who, 'SIGTERM')).toBe('gone')
})

const leaderWithMember = async () => {
  const leader = spawn('sh', ['-c', 'sleep 60 & echo $!; wait'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const who = endAfterTest(leader.pid)
  const member = await new Promise<number>((resolve) =>
    leader.stdout.once('data', (text) => resolve(Number(text))),
  )
  return { leader, who, member: endAfterTest(member) }
}

test('a group is signalled as a whole', async () => {
  const { leader, who, member } = await leaderWithMember()
  expect(sendSignalToGroup(who, 'SIGKILL')).toBe('sent')
  await exited(leader)
  await until('the member to end', async () => presenceOf(member) !== 'alive')
})

test('a group whose leader is gone: only by a member that was seen in it', async () => {
  const { leader, who, member } = await leaderWithMember()
  expect(sendSignal(who, 'SIGKILL')).toBe('sent')
  await exited(leader)
  expect(isAlive(member)).toBe(true)
  expect(sendSignalToGroup(who, 'SIGKILL')).toBe('refused')
  expect(sendSignalToGroup(who, 'SIGKILL', [{ ...member, startTicks: member.startTicks - 1 }])).toBe(
    'refused',
  )
  expect(sendSignalToGroup(who, 'SIGKILL', [ownIdentity()])).toBe('refused')
  expect(isAlive(member)).toBe(true)
  expect(sendSignalToGroup(who, 'SIGKILL', [member])).toBe('sent')
  await until('the member to end', async () => presenceOf(member) !== 'alive')
  expect(sendSignalToGroup(who, 'SIGKILL', [member])).toBe('gone')
})

test('our own group is never signalled', () => {
  const group = rowOf(process.pid)?.group ?? 0
  const leader = identityOf(group) ?? { ...ownIdentity(), pid: group }
  const kill = never()
  expect(sendSignalToGroup(leader, 'SIGWINCH', [ownIdentity()])).toBe('refused')
  expect(kill).not.toHaveBeenCalled()
})

test('a process that is no group leader has no group to signal', () => {
  const who = endAfterTest(started('sleep', ['60']).pid)
  expect(sendSignalToGroup(who, 'SIGKILL')).toBe('gone')
  expect(isAlive(who)).toBe(true)
})

const host = compiledHost()

test.runIf(process.getuid?.() === 0)('what the kernel forbids is refused', () => {
  const who = endAfterTest(started('sleep', ['60']).pid)
  const asNobody = runModule(
    `import { sendSignal } from ${JSON.stringify(host('send-signal.js'))}
     console.log(JSON.stringify(sendSignal(${JSON.stringify(who)}, 'SIGTERM')))`,
    { uid: 65534 },
  )
  expect(asNobody).toBe('refused')
  expect(isAlive(who)).toBe(true)
})

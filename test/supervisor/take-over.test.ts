/** Whose place is taken, and who is never touched (architecture: promise 3). With whole programs: test/processes/supervisor-killed.slow.test.ts. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock as clock } from '../../src/host/clock.ts'
import { takeLock, type HeldLock } from '../../src/host/lock.ts'
import { openLog } from '../../src/host/log.ts'
import { exeOf, identityOf, isAlive, rowOf, type Identity } from '../../src/host/process-table.ts'
import { runVariable } from '../../src/openclaw/launch.ts'
import { takeState, type Taken } from '../../src/supervisor/take-over.ts'
import { endAfterTest, exited, started, temporaryFolder } from '../host/started.ts'
import { until } from '../systemd/wait.ts'

interface Orphaned {
  readonly lockPath: string
  readonly owedPath: string
  readonly lock: HeldLock
  readonly who: Identity
  readonly gone: Promise<unknown>
}

/** A process that inherited the lock, as a gateway does. */
async function orphaned(run = 'a-run'): Promise<Orphaned> {
  const folder = temporaryFolder()
  const [lockPath, owedPath] = [join(folder, 'lock'), join(folder, 'owed.json')]
  const lock = await takeLock(lockPath)
  if (lock.is !== 'held') throw new Error('not held')
  const child = started('sleep', ['60'], {
    detached: true,
    env: { PATH: process.env['PATH'], [runVariable]: run },
    stdio: ['ignore', 'ignore', 'ignore', lock.fd],
  })
  // The lock's file names us, and we live: as if nobody could write there.
  writeFileSync(lockPath, '')
  return { lockPath, owedPath, lock, who: identityOf(child.pid!)!, gone: exited(child) }
}

const marked = ({ who, owedPath }: Orphaned, change: object = {}): void => {
  const child = { ...who, exe: exeOf(who.pid), ...change }
  writeFileSync(
    owedPath,
    JSON.stringify({ version: 1, bootId: who.bootId, run: 'a-run', openclaw: null, child }),
  )
}

const take = (from: Omit<Orphaned, 'who' | 'gone'>, waits = () => {}): Promise<Taken> =>
  takeState({
    lockPath: from.lockPath,
    owedPath: from.owedPath,
    orphan: 'stop',
    patienceMs: 5_000,
    clock,
    log: openLog({ level: 'error' }),
    isInterrupted() {
      waits()
      return false
    },
    taking: () => {},
  })

test('the orphan that the mark names is stopped, with what bears its run, and its place taken', async () => {
  const orphan = await orphaned()
  marked(orphan)
  const env = { PATH: process.env['PATH'], [runVariable]: 'a-run' }
  const tool = endAfterTest(started('sleep', ['61'], { detached: true, env }).pid)
  orphan.lock.release()
  const taken = await take(orphan)
  expect(taken).toMatchObject({
    is: 'ours',
    tookOver: orphan.who,
    leftBehind: expect.arrayContaining(['sleep 61']),
  })
  await orphan.gone
  expect(isAlive(tool)).toBe(false)
  if (taken.is === 'ours') taken.lock.release()
})

test.each([
  ['of another executable', { exe: '/bin/false' }, 'cannot be verified'],
  ['that started at another time', { startTicks: 7 }, 'left no mark'],
  ['of another boot', { bootId: 'another' }, 'left no mark'],
  ['with pid 1', { pid: 1 }, 'left no mark'],
])('one %s is not the orphan: refused, and nobody is signalled', async (_, change, said) => {
  const orphan = await orphaned()
  marked(orphan, change)
  orphan.lock.release()
  expect(await take(orphan)).toMatchObject({ is: 'refused', evidence: expect.stringContaining(said) })
  expect(isAlive(orphan.who)).toBe(true)
})

test('one whose supervisor lives, and has the lock open, is no orphan', async () => {
  const orphan = await orphaned()
  marked(orphan)
  try {
    expect(await take(orphan)).toMatchObject({
      is: 'refused',
      evidence: expect.stringContaining('held by another supervise'),
    })
    expect(isAlive(orphan.who)).toBe(true)
  } finally {
    orphan.lock.release()
  }
})

/**
 * What was killed in the middle of something: its main thread is gone, and with it all that /proc shows of it, while
 * another one, which has the lock open as well, is still on its way.
 */
test('one that is on its way out is waited for, though nothing is seen of it any more', async () => {
  const folder = temporaryFolder()
  const [lockPath, owedPath] = [join(folder, 'lock'), join(folder, 'owed.json')]
  const lock = await takeLock(lockPath)
  if (lock.is !== 'held') throw new Error('not held')
  const exit = process.arch === 'arm64' ? 93 : 60
  const script = `
    const { default: koffi } = await import(${JSON.stringify(import.meta.resolve('koffi'))})
    koffi.load(null).func('long syscall(long, long)')(${exit}, 0)`
  const child = started(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'ignore', 'ignore', lock.fd],
  })
  const who = identityOf(child.pid!)!
  lock.release()
  writeFileSync(lockPath, '')
  await until('its main thread is gone', async () => rowOf(who.pid)?.zombie)
  // At the third look, it ends.
  let looks = 0
  const taken = await take({ lockPath, owedPath, lock }, () => {
    if (++looks === 3) child.kill('SIGKILL')
  })
  expect(taken).toMatchObject({ is: 'ours', tookOver: null })
  if (taken.is === 'ours') taken.lock.release()
})

import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { closeSync, copyFileSync, openSync, readFileSync, readlinkSync, renameSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { describe as suite, expect, test } from 'vitest'
import {
  bootId,
  carriersOf,
  descendantsOf,
  describe,
  environmentOf,
  exeOf,
  hasOpen,
  identityOf,
  isAlive,
  membersOfGroup,
  membersOfSession,
  nameOfProcess,
  openFilesOf,
  ownIdentity,
  presenceOf,
  processes,
  rowOf,
  startTicksOf,
  unitOf,
  unitOfCgroups,
  userName,
} from '../../src/host/process-table.ts'
import { until } from '../systemd/wait.ts'
import { compiledHost } from './compiled.ts'
import { endAfterTest, exited, started, temporaryFolder } from './started.ts'

const host = compiledHost()
const sleep = (seconds = 60) => started('sleep', [String(seconds)])
const pidOf = (child: { pid?: number | undefined }): number => {
  if (child.pid === undefined) throw new Error('it did not start')
  return child.pid
}

suite('who is it', () => {
  test('a process is named by pid, start time and boot', () => {
    const own = ownIdentity()
    expect(own.pid).toBe(process.pid)
    expect(own.bootId).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    expect(identityOf(process.pid)).toEqual(own)
    expect(own.startTicks).toBe(startTicksOf(process.pid))
  })

  test.each([0, -1, 1.5, Number.NaN, 2 ** 40])('there is no process %s', (pid) => {
    expect(identityOf(pid)).toBeUndefined()
    expect(describe(pid)).toBeUndefined()
    expect(presenceOf({ ...ownIdentity(), pid })).toBe('gone')
  })

  test('a name with spaces and parentheses does not shift the fields', async () => {
    const folder = temporaryFolder()
    const program = join(folder, 'a) R 1 (b c')
    copyFileSync('/bin/sleep', program)
    const child = started(program, ['60'])
    const row = rowOf(pidOf(child))
    expect(row).toMatchObject({ pid: child.pid, ppid: process.pid, zombie: false })
    expect(row?.startTicks).toBeGreaterThan(ownIdentity().startTicks - 1)
    await until('its own name', async () => describe(pidOf(child))?.command === `${program} 60`)
  })

  test('a later process has a later start time, in ticks of this boot', () => {
    const uptimeTicks = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 100
    const startTicks = startTicksOf(pidOf(sleep())) ?? 0
    expect(startTicks).toBeGreaterThanOrEqual(ownIdentity().startTicks)
    expect(Math.abs(startTicks - uptimeTicks)).toBeLessThan(1000)
  })
})

suite('is it still there', () => {
  test('alive while it runs, gone when it was reaped', async () => {
    const child = sleep()
    const who = endAfterTest(child.pid)
    expect(presenceOf(who)).toBe('alive')
    expect(isAlive(who)).toBe(true)
    child.kill('SIGKILL')
    await exited(child)
    expect(presenceOf(who)).toBe('gone')
    expect(isAlive(who)).toBe(false)
  })

  test('a zombie is not alive', async () => {
    // The shell that would reap it becomes a program that does not.
    const parent = spawn('sh', ['-c', 'sleep 0.05 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    endAfterTest(parent.pid)
    const pid = await new Promise<number>((resolve) =>
      parent.stdout.once('data', (text) => resolve(Number(text))),
    )
    const who = identityOf(pid)
    if (!who) throw new Error('ended too early')
    await until('the zombie', async () => presenceOf(who) === 'zombie')
    expect(isAlive(who)).toBe(false)
    expect(startTicksOf(pid)).toBeUndefined()
    expect(identityOf(pid)).toEqual(who)
  })

  test('the same pid with another start time, or of another boot, is somebody else', () => {
    const own = ownIdentity()
    expect(presenceOf({ ...own, startTicks: own.startTicks - 1 })).toBe('gone')
    expect(presenceOf({ ...own, bootId: 'b'.repeat(8) })).toBe('gone')
  })
})

const inMounts = ['--mount', '--propagation', 'private']
const canHide =
  process.getuid?.() === 0 &&
  spawnSync('unshare', [...inMounts, 'mount', '-t', 'proc', '-o', 'hidepid=2', 'proc', '/proc']).status === 0

suite.runIf(canHide)('where /proc hides what belongs to others', () => {
  test('one that is hidden is not taken for gone, and is not signalled', () => {
    const who = endAfterTest(sleep().pid)
    const gone = { ...who, pid: 4_000_000 }
    const text = `
      const { isAlive, presenceOf, startTicksOf } = await import('${host('process-table.js')}')
      const { sendSignal } = await import('${host('send-signal.js')}')
      const [who, gone] = ${JSON.stringify([who, gone])}
      console.log(JSON.stringify([presenceOf(who), isAlive(who), sendSignal(who, 'SIGKILL'), startTicksOf(who.pid) ?? null, presenceOf(gone)]))`
    const asNobody =
      'mount -t proc -o hidepid=2 proc /proc && exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"'
    const args = [
      ...inMounts,
      'sh',
      '-c',
      asNobody,
      'sh',
      process.execPath,
      '--input-type=module',
      '-e',
      text,
    ]
    const said: unknown = JSON.parse(execFileSync('unshare', args, { encoding: 'utf8', cwd: '/' }))
    expect(said).toEqual(['unseen', true, 'refused', null, 'gone'])
    expect(isAlive(who)).toBe(true)
  })
})

suite('who belongs to whom', () => {
  test('descendants by parent, parents first; the group and the session apart from them', async () => {
    const child = spawn('sh', ['-c', 'sh -c "sleep 60 & setsid sleep 61 & wait" & echo ok; wait'], {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const leader = pidOf(child)
    endAfterTest(leader)
    const family = await until('three descendants', async () => {
      const found = descendantsOf(leader)
      const named = found.map((row) => describe(row.pid)?.command)
      return found.length >= 3 && named.includes('sleep 60') && named.includes('sleep 61') && found
    })
    for (const row of family) endAfterTest(row.pid)
    expect(family[0]?.ppid).toBe(leader)
    const inGroup = membersOfGroup(leader).map((row) => describe(row.pid)?.command)
    expect(inGroup).toContain('sleep 60')
    expect(inGroup).not.toContain('sleep 61')
    expect(membersOfSession(leader).map((row) => row.pid)).toContain(leader)
    expect(descendantsOf(process.pid).map((row) => row.pid)).toEqual(expect.arrayContaining([leader]))
  })

  test('a table that names a process its own ancestor comes to an end', () => {
    const row = { startTicks: 1, bootId: bootId(), group: 1, session: 1, zombie: false }
    const table = [
      { ...row, pid: 10, ppid: 11 },
      { ...row, pid: 11, ppid: 10 },
    ]
    expect(descendantsOf(10, table).map(({ pid }) => pid)).toEqual([11])
  })

  test('the table holds us and our parent', () => {
    const pids = processes().map((row) => row.pid)
    expect(pids).toEqual(expect.arrayContaining([process.pid, process.ppid]))
  })
})

suite('how is it called', () => {
  test('what a command line may hold is not printed raw', async () => {
    const words = ['\u001b]0;owned\u0007', 'two\nlines', '']
    const child = started('sh', ['-c', 'read line', ...words], { stdio: ['pipe', 'ignore', 'ignore'] })
    await until('the shell', async () => describe(pidOf(child))?.command.startsWith('sh '))
    expect(describe(pidOf(child))?.command).toBe('sh -c read line \\x1b]0;owned\\x07 two\\nlines')
  })

  test('without a command line, the name in brackets', () => {
    const kernelThread = processes().find((row) => row.ppid === 2)
    const command = kernelThread ? describe(kernelThread.pid)?.command : '[none in this namespace]'
    expect(command).toMatch(/^\[.+\]$/)
  })

  test('program, user, age and environment', () => {
    const child = started(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {
      env: { A: 'b=c', EMPTY: '' },
    })
    const found = describe(pidOf(child))
    expect(exeOf(pidOf(child))).toBe(readlinkSync('/proc/self/exe'))
    expect(found?.user).toBe(userInfo().username)
    expect(found?.uptimeMs).toBeLessThan(10_000)
    expect(Math.abs((found?.startedAtMs ?? 0) - Date.now())).toBeLessThan(10_000)
    expect(environmentOf(pidOf(child))).toEqual(
      new Map([
        ['A', 'b=c'],
        ['EMPTY', ''],
      ]),
    )
  })

  test('its short name, and what it has open', () => {
    const file = join(temporaryFolder(), 'open')
    const fd = openSync(file, 'w')
    const child = started('sleep', ['60'], { stdio: ['ignore', fd, 'ignore'] })
    closeSync(fd)
    expect(openFilesOf(pidOf(child))).toEqual(expect.arrayContaining(['/dev/null', file]))
    expect(openFilesOf(4_000_000)).toEqual([])
    expect(nameOfProcess(process.pid)).toBe(readFileSync('/proc/self/comm', 'utf8').trimEnd())
    expect(nameOfProcess(4_000_000)).toBe('')
  })

  test('what it has open for writing, and not what it only reads', async () => {
    const folder = temporaryFolder()
    const [read, written] = [join(folder, 'read'), join(folder, 'written')]
    closeSync(openSync(read, 'w'))
    const fds = [openSync(read, 'r'), openSync(written, 'a')]
    const child = started('sleep', ['60'], { stdio: ['ignore', ...fds] as ['ignore', number, number] })
    for (const fd of fds) closeSync(fd)
    const isMeant = (path: string) => path.startsWith(folder)
    expect(hasOpen(pidOf(child), 'for writing', isMeant)).toBe(written)
    expect(hasOpen(pidOf(child), 'for writing', (path) => path === read)).toBeUndefined()
    expect(hasOpen(pidOf(child), 'at all', (path) => path === read)).toBe(read)
    expect(hasOpen(4_000_000, 'at all', isMeant)).toBeUndefined()
    // What bears that name now is another file.
    renameSync(read, `${read}-then`)
    closeSync(openSync(read, 'w'))
    expect(hasOpen(pidOf(child), 'at all', (path) => path === read)).toBeUndefined()
    expect(hasOpen(pidOf(child), 'at all', (path) => path === `${read}-then`)).toBe(`${read}-then`)
  })

  test('who bears a variable: also the tool of a tool, without its parent; not who asks, nor who started that', async () => {
    const value = temporaryFolder()
    const env = { ...process.env, SUPERVISED_RUN: value }
    const ask = `const { carriersOf } = await import(${JSON.stringify(host('process-table.js'))})
      console.log(JSON.stringify(carriersOf('SUPERVISED_RUN', ${JSON.stringify(value)}).map(({ pid }) => pid)))`
    const tool = spawnSync('sh', ['-c', 'setsid sleep 60 >/dev/null 2>&1 & echo $!'], {
      env,
      encoding: 'utf8',
    })
    const { pid } = endAfterTest(Number(tool.stdout))
    await until('it is sleep', async () => nameOfProcess(pid) === 'sleep')
    expect(carriersOf('SUPERVISED_RUN', value).map((row) => row.pid)).toEqual([pid])
    const words = ['-c', '"$@"; true', 'sh', process.execPath, '--input-type=module', '-e', ask]
    const asked = spawnSync('sh', words, { env, cwd: '/', encoding: 'utf8' })
    expect(JSON.parse(asked.stdout)).toEqual([pid])
    expect(carriersOf('SUPERVISED_RUN', `${value}x`)).toEqual([])
  })

  test('a user without a name is named by number', () => {
    expect(userName(0)).toBe('root')
    expect(userName(4_000_000_000)).toBe('uid 4000000000')
  })
})

suite('which unit is it in', () => {
  test.each([
    ['0::/system.slice/openclaw.service', { name: 'openclaw.service', of: 'system' }],
    ['0::/system.slice/openclaw.service/payload', { name: 'openclaw.service', of: 'system' }],
    ['0::/system.slice/system-getty.slice/getty@tty1.service', { name: 'getty@tty1.service', of: 'system' }],
    [
      '0::/user.slice/user-1000.slice/user@1000.service/app.slice/openclaw.service',
      { name: 'openclaw.service', of: 'user' },
    ],
    ['0::/user.slice/user-1000.slice/user@1000.service/init.scope', { name: 'init.scope', of: 'user' }],
    ['0::/user.slice/user-1000.slice/session-3.scope', { name: 'session-3.scope', of: 'system' }],
    ['4:memory:/a\n1:name=systemd:/system.slice/a.service\n0::/', { name: 'a.service', of: 'system' }],
    ['4:memory:/a.service\n1:name=systemd:/system.slice/b.service', { name: 'b.service', of: 'system' }],
    ['0::/system.slice/od\u001bd.service', { name: 'od\\x1bd.service', of: 'system' }],
    ['0::/', undefined],
    ['0::/../../.service', undefined],
    ['', undefined],
  ])('%j', (cgroups, unit) => {
    expect(unitOfCgroups(cgroups)).toEqual(unit)
  })

  test('our own is what the kernel says of us', () => {
    expect(unitOf(process.pid)).toEqual(unitOfCgroups(readFileSync('/proc/self/cgroup', 'utf8')))
  })
})

import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { linkSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe as suite, expect, test } from 'vitest'
import { takeLock, warningAbout, whyNoLock, type Lock } from '../../src/host/lock.ts'
import { isAlive, openFilesOf, ownIdentity, presenceOf } from '../../src/host/process-table.ts'
import { sendSignal } from '../../src/host/send-signal.ts'
import { until } from '../systemd/wait.ts'
import { compiledHost, runModule } from './compiled.ts'
import { endAfterTest, exited, temporaryFolder } from './started.ts'

const lockFile = () => join(temporaryFolder(), 'lock')

const taken = async (path: string) => {
  const lock = await takeLock(path)
  if (lock.is !== 'held') throw new Error(`it is ${lock.is}`)
  return lock
}

suite('one holder', () => {
  test('the first has it, the second is told who', async () => {
    const path = lockFile()
    const lock = await taken(path)
    const { pid, startTicks, bootId } = ownIdentity()
    const second = await takeLock(path)
    expect(second).toMatchObject({ is: 'taken', holder: { pid, startTicks, bootId } })
    expect(second.is === 'taken' && second.holder?.command).toMatch(/node|vitest/)
    expect(second.is === 'taken' && Math.abs((second.holder?.since ?? 0) - Date.now())).toBeLessThan(10_000)
    lock.release()
    ;(await taken(path)).release()
  })

  test('another name of the same file is the same lock', async () => {
    const path = lockFile()
    const lock = await taken(path)
    linkSync(path, `${path}-too`)
    expect(await takeLock(`${path}-too`)).toMatchObject({ is: 'taken' })
    lock.release()
  })

  test('the file is for the owner only', async () => {
    const path = lockFile()
    const lock = await taken(path)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    lock.release()
  })
})

suite('what is in its place', () => {
  test.each([
    ['nothing', ''],
    ['half a line', '{"pid":47'],
    ['not JSON', 'hello'],
    ['not an object', '[1]'],
    ['null', 'null'],
    ['a holder without a start', '{"pid":4711,"bootId":"b","command":"c","since":1}'],
    ['a pid that is no pid', '{"pid":-1,"startTicks":1,"bootId":"b","command":"c","since":1}'],
    ['more than anybody writes', `{"command":"${'x'.repeat(10_000)}"}`],
  ])('%s: held by somebody, nobody knows who', async (_, content) => {
    const path = lockFile()
    const lock = await taken(path)
    writeFileSync(path, content)
    expect(await takeLock(path)).toEqual({ is: 'taken', holder: null })
    lock.release()
    ;(await taken(path)).release()
  })

  test('a holder that is dead does not hold', async () => {
    const path = lockFile()
    writeFileSync(path, JSON.stringify({ ...ownIdentity(), command: 'x', since: 1 }))
    ;(await taken(path)).release()
  })

  test('a symbolic link is not followed', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'precious'), 'precious')
    symlinkSync('precious', join(folder, 'lock'))
    await expect(takeLock(join(folder, 'lock'))).rejects.toThrow('ELOOP')
    expect(readFileSync(join(folder, 'precious'), 'utf8')).toBe('precious')
  })

  test('a folder, a FIFO, a folder that is missing: one line, at once', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'folder'))
    execFileSync('mkfifo', [join(folder, 'fifo')])
    await expect(takeLock(join(folder, 'folder'))).rejects.toThrow('EISDIR')
    await expect(takeLock(join(folder, 'fifo'))).rejects.toThrow('EINVAL')
    await expect(takeLock(join(folder, 'missing/lock'))).rejects.toThrow('ENOENT')
  })
})

const host = compiledHost()
/** This Node, and others where the machine has them: paths of their programs, separated by colons. */
const nodes = [process.execPath, ...(process.env['SUPERVISE_TEST_NODES'] ?? '').split(':').filter(Boolean)]

/** Processes, each a word that says how it begins, that all ask at the same instant, again and again. */
const oneHasItEachTime = async (
  node: string,
  beginnings: readonly string[],
  rounds: number,
): Promise<void> => {
  const path = lockFile()
  const ask = `
    const { takeLock } = await import(process.argv[1])
    let lock
    process.on('message', async (word) => {
      if (word === 'take') lock = await takeLock(process.argv[2])
      else if (lock.is === 'held') lock.release()
      process.send(lock.is)
    })
    process.send('here')`
  const askers = beginnings.map((beginning) => {
    const words = ['--input-type=module', '-e', `${beginning}${ask}`, host('lock.js'), path]
    const asker = spawn(node, words, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    endAfterTest(asker.pid)
    return asker
  })
  const said = (asker: ChildProcess) => new Promise<unknown>((resolve) => asker.once('message', resolve))
  const all = (word: string): Promise<unknown[]> => {
    const answers = askers.map(said)
    for (const asker of askers) asker.send(word)
    return Promise.all(answers)
  }
  await Promise.all(askers.map(said))
  for (let round = 0; round < rounds; round++) {
    const answers = await all('take')
    expect(answers.filter((is) => is === 'held')).toHaveLength(1)
    expect(answers.filter((is) => is === 'taken')).toHaveLength(askers.length - 1)
    await all('release')
  }
}

suite.each(nodes)('over the death of its holder: %s', (node) => {
  /** A supervisor that takes the lock, starts a child that inherits it or not, and says both pids. */
  const holder = async (path: string, child: 'inherits' | 'does not inherit') => {
    const script = `
      import { spawn } from 'node:child_process'
      const { takeLock } = await import(process.argv[1])
      const lock = await takeLock(process.argv[2])
      const stdio = ['ignore', 'ignore', 'ignore', process.argv[3] === 'inherits' ? lock.fd : 'ignore']
      const child = spawn('sleep', ['60'], { stdio, detached: true })
      console.log(JSON.stringify([lock.is, process.pid, child.pid]))
      setInterval(() => {}, 1000)`
    const supervisor = spawn(node, ['--input-type=module', '-e', script, host('lock.js'), path, child], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const line = await new Promise<string>((resolve) =>
      supervisor.stdout.once('data', (text) => resolve(String(text))),
    )
    const [is, own, gateway] = JSON.parse(line) as [Lock['is'], number, number]
    expect(is).toBe('held')
    return { supervisor, who: endAfterTest(own), gateway: endAfterTest(gateway) }
  }

  test('without a child it is free the moment the holder was killed', async () => {
    const path = lockFile()
    const { supervisor, who } = await holder(path, 'does not inherit')
    expect(await takeLock(path)).toMatchObject({ is: 'taken', holder: who })
    expect(sendSignal(who, 'SIGKILL')).toBe('sent')
    await exited(supervisor)
    ;(await taken(path)).release()
  })

  test('with a child that inherited it: taken until that child is gone, too', async () => {
    const path = lockFile()
    const { supervisor, who, gateway } = await holder(path, 'inherits')
    expect(sendSignal(who, 'SIGKILL')).toBe('sent')
    await exited(supervisor)
    expect(isAlive(gateway)).toBe(true)
    // It names the dead supervisor; the kernel knows better who holds it.
    expect(await takeLock(path)).toMatchObject({ is: 'taken', holder: who })
    expect(sendSignal(gateway, 'SIGKILL')).toBe('sent')
    await until('the child to end', async () => presenceOf(gateway) !== 'alive')
    const lock = await until('the lock to be free', async () => {
      const now = await takeLock(path)
      return now.is === 'held' && now
    })
    lock.release()
  })

  test('of many that ask at the same instant, one has it, three hundred times', async () => {
    await oneHasItEachTime(node, ['', '', '', ''], 300)
  })
})

test.each([
  [0x6969, 'NFS'],
  [0xfe534d42, 'SMB'],
  [0xfe534d42 | 0, 'SMB'],
  [0x01021997, '9p'],
  [0x65735546, 'FUSE'],
])('a file system of type %i is said to be %s', (type, name) => {
  expect(warningAbout(type)).toBe(
    `the state lies on ${name}: a supervisor on another machine may not be seen`,
  )
})

test.each([
  ['ext4', 0xef53],
  ['overlay', 0x794c7630],
  ['tmpfs', 0x01021994],
  ['btrfs', 0x9123683e],
  ['xfs', 0x58465342],
  ['zfs', 0x2fc12fc1],
])('%s is trusted', (_, type) => {
  expect(warningAbout(type)).toBeUndefined()
})

suite('without koffi', () => {
  const withoutKoffi = `import { register } from 'node:module'
    register('data:text/javascript,' + encodeURIComponent(\`export const resolve = (name, context, next) => {
      if (name === 'koffi') throw new Error('no koffi here')
      return next(name, context)
    }\`))`
  const there = (path: string, before = '', after = ''): unknown =>
    runModule(
      `${withoutKoffi}
       ${before}
       const { takeLock } = await import(${JSON.stringify(host('lock.js'))})
       const lock = await takeLock(${JSON.stringify(path)})
       ${after}
       console.log(JSON.stringify(lock.fd === undefined ? lock : { ...lock, fd: undefined }))`,
    )

  test('the program `flock` takes it, on the descriptor that a child inherits', async () => {
    const path = lockFile()
    const lock = there(
      path,
      `import { spawn } from 'node:child_process'`,
      `const stdio = ['ignore', 'ignore', 'ignore', lock.fd]
       const child = spawn('sleep', ['60'], { stdio, detached: true })
       child.unref()
       lock.child = child.pid`,
    ) as { is: string; child: number }
    expect(lock.is).toBe('held')
    const child = endAfterTest(lock.child)
    // Whoever took it is gone; both kinds of supervisor are told so by the kernel, not by the file.
    expect(await takeLock(path)).toMatchObject({ is: 'taken' })
    expect(there(path)).toMatchObject({ is: 'taken' })
    sendSignal(child, 'SIGKILL')
    await until('the child to end', async () => presenceOf(child) !== 'alive')
    expect(there(path)).toMatchObject({ is: 'held' })
  })

  test('who has koffi is seen by who has not', async () => {
    const path = lockFile()
    const lock = await taken(path)
    expect(there(path)).toMatchObject({ is: 'taken', holder: { pid: process.pid } })
    lock.release()
    expect(there(path)).toMatchObject({ is: 'held' })
  })

  test('of both kinds that ask at the same instant, one has it, a hundred times', async () => {
    await oneHasItEachTime(
      process.execPath,
      ['', '', withoutKoffi, withoutKoffi].map((one) => `${one}\n`),
      100,
    )
  })

  test.each([
    ['no such program', undefined, 'cannot be run (ENOENT): install util-linux'],
    ['one that does nothing', 'exit 0', 'took no lock: install util-linux'],
    ['one that fails', 'echo "no such option" >&2; exit 64', 'failed: no such option'],
    ['one that says nothing', 'exit 9', 'failed: status 9'],
  ])('and with %s it cannot be had', (_, script, why) => {
    const folder = temporaryFolder()
    if (script !== undefined) writeFileSync(join(folder, 'flock'), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    expect(there(join(folder, 'lock'), `process.env.PATH = ${JSON.stringify(folder)}`)).toEqual({
      is: 'unavailable',
      why: `koffi does not load: no koffi here, and the program \`flock\` ${why}`,
    })
  })
})

suite('a file system without locks', () => {
  test.each([
    [0x6969, 'it lies on NFS, which gives no locks here (ENOLCK): start its lock service, or'],
    [0x65735546, 'it lies on FUSE, which gives no locks here (ENOLCK): start its lock service, or'],
    [0xef53, 'its file system gives no locks (ENOLCK): move the state to another one'],
  ])('of type %i', (type, words) => {
    expect(whyNoLock('ENOLCK', type)).toContain(words)
  })

  const strace = spawnSync('strace', ['true']).status === 0
  test.runIf(strace)('is told from one where somebody holds the lock', () => {
    const path = lockFile()
    const ask = `const { takeLock } = await import(${JSON.stringify(host('lock.js'))})
      console.log(JSON.stringify(await takeLock(${JSON.stringify(path)})))`
    const inject = ['-f', '-qq', '-o', '/dev/null', '-P', path, '-e', 'inject=fcntl:error=ENOLCK']
    writeFileSync(path, '')
    const said = execFileSync('strace', [...inject, process.execPath, '--input-type=module', '-e', ask], {
      encoding: 'utf8',
      cwd: '/',
    })
    expect(JSON.parse(said)).toMatchObject({
      is: 'unavailable',
      why: expect.stringContaining('gives no locks') as string,
    })
  })
})

test('every descriptor is given back', async () => {
  const path = lockFile()
  // Of this file only: whoever else works in this process opens and closes others meanwhile.
  const descriptors = (): number => openFilesOf(process.pid).filter((name) => name === path).length
  const lock = await taken(path)
  expect(descriptors()).toBe(1)
  for (let round = 0; round < 20; round++) {
    await takeLock(path)
  }
  expect(descriptors()).toBe(1)
  lock.release()
  expect(descriptors()).toBe(0)
})

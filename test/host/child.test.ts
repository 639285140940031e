import { execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  readSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe as suite, expect, test } from 'vitest'
import { exitOfStatus, isStartedByUs, startChild, type Command } from '../../src/host/child.ts'
import { descendantsOf, describe, isAlive, presenceOf, rowOf } from '../../src/host/process-table.ts'
import { sendSignal } from '../../src/host/send-signal.ts'
import { until } from '../systemd/wait.ts'
import { compiledHost } from './compiled.ts'
import { childFile, endAfterTest, exited, notedPids, temporaryFolder } from './started.ts'

const command = (file: string, args: readonly string[] = [], more: Partial<Command> = {}): Command => ({
  file,
  args,
  cwd: '/',
  env: { PATH: process.env['PATH'] ?? '' },
  ...more,
})

const start = async (...given: Parameters<typeof command>) => {
  const child = await startChild(command(...given))
  if (child.is === 'failed') throw new Error(child.why)
  endAfterTest(child.identity.pid)
  return child
}

const shell = (script: string, more?: Partial<Command>) => start('sh', ['-c', script], more)

suite('how it ended', () => {
  test.each([0, 1, 3, 78, 128, 137, 255])('status %d', async (code) => {
    expect(await (await shell(`exit ${code}`)).exited).toEqual({ by: 'code', code })
  })

  test.each(['TERM', 'KILL', 'HUP', 'INT', 'USR1', 'PIPE', 'STKFLT'])('signal SIG%s', async (name) => {
    const { exited } = await start('bash', ['-c', `kill -${name} $$`])
    expect(await exited).toEqual({ by: 'signal', signal: `SIG${name}`, coreDumped: false })
  })

  test('a real-time signal, of which Node itself says that it was exit status 0', async () => {
    const { exited } = await start('bash', ['-c', 'kill -40 $$'])
    expect(await exited).toEqual({ by: 'signal', signal: 'signal 40', coreDumped: false })
  })

  test.each(['0', '$(ulimit -Hc)'])('a core dump is told: limit %s', async (limit) => {
    const script = `ulimit -c ${limit} && kill -ABRT $$`
    const allowed = execFileSync('bash', ['-c', `echo ${limit}`], { encoding: 'utf8' }).trim() !== '0'
    const { exited } = await start('bash', ['-c', script], { cwd: temporaryFolder() })
    expect(await exited).toEqual({ by: 'signal', signal: 'SIGABRT', coreDumped: allowed })
  })

  test('what wait(2) says, in words', () => {
    expect(exitOfStatus(0)).toEqual({ by: 'code', code: 0 })
    expect(exitOfStatus(78 << 8)).toEqual({ by: 'code', code: 78 })
    expect(exitOfStatus(6)).toEqual({ by: 'signal', signal: 'SIGABRT', coreDumped: false })
    expect(exitOfStatus(6 | 0x80)).toEqual({ by: 'signal', signal: 'SIGABRT', coreDumped: true })
    expect(exitOfStatus(64)).toEqual({ by: 'signal', signal: 'signal 64', coreDumped: false })
  })

  test('fifty at once, each with its own ending', async () => {
    const endings = await Promise.all(
      Array.from({ length: 50 }, async (_, code) => (await shell(`exit ${code}`)).exited),
    )
    expect(endings).toEqual(Array.from({ length: 50 }, (_, code) => ({ by: 'code', code })))
  })

  test('Node owns it until it has seen its end', async () => {
    const child = await shell('exec sleep 60')
    expect(isStartedByUs(child.identity.pid)).toBe(true)
    expect(child.kill('SIGKILL')).toBe('sent')
    expect(await child.exited).toMatchObject({ signal: 'SIGKILL' })
    expect(isStartedByUs(child.identity.pid)).toBe(false)
    expect(child.kill('SIGKILL')).toBe('gone')
  })
})

suite('what it is given', () => {
  test('the environment is what was given, and nothing else', async () => {
    const folder = temporaryFolder()
    const out = join(folder, 'env')
    const { exited } = await start('/usr/bin/env', ['-0'], {
      env: { ONLY: 'this', EMPTY: '' },
      cwd: folder,
    }).catch(() => {
      throw new Error('env did not start')
    })
    expect(await exited).toEqual({ by: 'code', code: 0 })
    await (
      await shell(`tr '\\0' '\\n' < /proc/$$/environ | sort > ${out}`, {
        env: { A: '1', PATH: '/usr/bin:/bin' },
      })
    ).exited
    expect(readFileSync(out, 'utf8')).toBe('A=1\nPATH=/usr/bin:/bin\n')
  })

  test('a session and a group of its own, no terminal, empty input, our output, the folder', async () => {
    const cwd = temporaryFolder()
    const { identity } = await shell('exec sleep 60', { cwd })
    const { pid } = identity
    expect(rowOf(pid)).toMatchObject({ group: pid, session: pid, ppid: process.pid })
    await until('the program', async () => describe(pid)?.command === 'sleep 60')
    expect(readlinkSync(`/proc/${pid}/fd/0`)).toBe('/dev/null')
    for (const fd of [1, 2])
      expect(readlinkSync(`/proc/${pid}/fd/${fd}`)).toBe(readlinkSync(`/proc/self/fd/${fd}`))
    expect(readlinkSync(`/proc/${pid}/cwd`)).toBe(cwd)
  })

  test('the descriptor, as its third', async () => {
    const file = join(temporaryFolder(), 'lock')
    const lockFd = openSync(file, 'w')
    const { identity } = await shell('exec sleep 60', { lockFd })
    closeSync(lockFd)
    await until('the program', async () => describe(identity.pid)?.command === 'sleep 60')
    expect(readlinkSync(`/proc/${identity.pid}/fd/3`)).toBe(file)
  })
})

suite('its output', () => {
  const host = compiledHost()

  // Importing execa and pino makes the pipes of this process non-blocking, for all who share them.
  test('blocks the child when nobody reads, as a pipe does, and does not fail it', async () => {
    const fifo = join(temporaryFolder(), 'fifo')
    execFileSync('mkfifo', [fifo])
    const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK)
    const writer = openSync(fifo, constants.O_WRONLY)
    const text = `
      const { startChild } = await import(${JSON.stringify(host('child.js'))})
      const { openLog } = await import(${JSON.stringify(host('log.js'))})
      openLog().info('x')
      const args = ['-c', 'grep flags: /proc/self/fdinfo/1 /proc/self/fdinfo/2']
      const child = await startChild({ file: 'sh', args, cwd: '/', env: { PATH: process.env.PATH } })
      process.exitCode = (await child.exited).code`
    const supervisor = spawn(process.execPath, ['--input-type=module', '-e', text], {
      stdio: ['ignore', writer, writer],
    })
    endAfterTest(supervisor.pid)
    closeSync(writer)
    expect(await exited(supervisor)).toEqual({ code: 0, signal: null })
    const buffer = Buffer.alloc(10_000)
    const flags = buffer.toString('utf8', 0, readSync(reader, buffer)).matchAll(/flags:\s*(\d+)/g)
    closeSync(reader)
    expect([...flags].map(([, octal = '']) => Number.parseInt(octal, 8) & constants.O_NONBLOCK)).toEqual([
      0, 0,
    ])
  })

  test('goes on when the supervisor is killed', async () => {
    const journal = join(temporaryFolder(), 'journal')
    const env = { PATH: process.env['PATH'], CHILD_JOURNAL: journal, OPENCLAW_GATEWAY_PORT: '0' }
    const text = `
      const { startChild } = await import(${JSON.stringify(host('child.js'))})
      const args = [${JSON.stringify(childFile('write-forever'))}]
      await startChild({ file: process.execPath, args, cwd: '/', env: ${JSON.stringify(env)} })`
    const output = openSync('/dev/null', 'w')
    const supervisor = spawn(process.execPath, ['--input-type=module', '-e', text], {
      stdio: ['ignore', output, output],
    })
    const who = endAfterTest(supervisor.pid)
    const [gateway] = await until('the child', async () => {
      const pids = notedPids(journal, 'listening')
      return pids.length > 0 && pids
    })
    const child = endAfterTest(gateway)
    expect(sendSignal(who, 'SIGKILL')).toBe('sent')
    await exited(supervisor)
    const written = () => Number(readFileSync(`/proc/${child.pid}/io`, 'utf8').match(/^wchar: (\d+)/m)?.[1])
    const before = written()
    await until('more output', async () => written() > before + 1_000_000)
    expect(isAlive(child)).toBe(true)
  })
})

suite('it could not be started', () => {
  const failing = async (...given: Parameters<typeof command>) => {
    const child = await startChild(command(...given))
    if (child.is === 'started') endAfterTest(child.identity.pid)
    expect(child.is).toBe('failed')
    return child.is === 'failed' ? child : undefined
  }
  const script = (text: string, mode = 0o755) => {
    const file = join(temporaryFolder(), 'script')
    writeFileSync(file, text)
    chmodSync(file, mode)
    return file
  }

  test('no such command', async () => {
    expect(await failing('no-such-command-here', [], { env: { PATH: '/usr/bin:/bin' } })).toEqual({
      is: 'failed',
      code: 'ENOENT',
      why: 'no such command in PATH: "no-such-command-here"',
    })
  })

  test.runIf(process.getuid?.() !== 0)(
    'a folder of PATH that may not be searched holds nothing',
    async () => {
      const folder = temporaryFolder()
      writeFileSync(join(folder, 'gateway'), '#!/bin/sh\n', { mode: 0o755 })
      chmodSync(folder, 0o600)
      const failed = await failing('gateway', [], { env: { PATH: folder } })
      chmodSync(folder, 0o700)
      expect(failed).toMatchObject({ code: 'EACCES', why: 'no such command in PATH: "gateway"' })
    },
  )

  test('no such file', async () => {
    expect(await failing('/no/such/file')).toMatchObject({
      code: 'ENOENT',
      why: 'no such file: "/no/such/file"',
    })
  })

  test('no such folder to start in', async () => {
    const cwd = join(temporaryFolder(), 'missing')
    expect(await failing('sleep', ['60'], { cwd })).toMatchObject({
      code: 'ENOENT',
      why: `the folder to start in is not there: "${cwd}"`,
    })
  })

  test('a folder', async () => {
    const folder = temporaryFolder()
    expect(await failing(folder)).toMatchObject({
      code: 'EACCES',
      why: `"${folder}" is a folder, not a program`,
    })
  })

  test('not executable', async () => {
    const file = script('#!/bin/sh\n', 0o644)
    expect(await failing(file)).toMatchObject({ code: 'EACCES', why: `"${file}" is not executable` })
  })

  test('not executable, found in PATH, before one that is not there at all', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'gateway'), '#!/bin/sh\n')
    expect(await failing('gateway', [], { env: { PATH: `${folder}:/nowhere` } })).toMatchObject({
      why: `"${folder}/gateway" is not executable`,
    })
  })

  test('an interpreter that is not there', async () => {
    const file = script('#! /no/such/interpreter -x\n')
    expect(await failing(file)).toMatchObject({
      code: 'ENOENT',
      why: `"${file}" asks for the interpreter "/no/such/interpreter", which is not there`,
    })
  })

  test('an interpreter that is not executable', async () => {
    const interpreter = script('', 0o644)
    const file = script(`#!${interpreter}\n`)
    expect(await failing(file)).toMatchObject({
      code: 'EACCES',
      why: `"${file}" asks for the interpreter "${interpreter}", which is not executable`,
    })
  })

  test('arguments too long', async () => {
    expect(await failing('true', ['x'.repeat(200_000)])).toMatchObject({
      code: 'E2BIG',
      why: 'the arguments and the environment of "true" are too long',
    })
  })

  test('a name with a control character is not printed raw', async () => {
    expect((await failing('/no/\u001b[2J'))?.why).toBe('no such file: "/no/\\u001b[2J"')
  })

  test('a folder named like the command is passed over', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'gateway'))
    expect((await failing('gateway', [], { env: { PATH: folder } }))?.why).toBe(
      `"${folder}/gateway" is a folder, not a program`,
    )
  })
})

suite('what it leaves behind', () => {
  test('those of its group and session, while they live; ended with the group', async () => {
    const journal = join(temporaryFolder(), 'journal')
    const env = { CHILD_JOURNAL: journal, OPENCLAW_GATEWAY_PORT: '0' }
    const child = await start(process.execPath, [childFile('leave-grandchild')], { env })
    const [grandchild] = await until('the grandchild', async () => {
      const pids = notedPids(journal, 'grandchild')
      return pids.length > 0 && notedPids(journal, 'listening').length > 0 && pids
    })
    const who = endAfterTest(grandchild)
    expect(child.remaining().map(({ pid }) => pid)).toEqual([grandchild])
    process.kill(child.identity.pid, 'SIGTERM')
    expect(await child.exited).toEqual({ by: 'code', code: 0 })
    expect(child.remaining().map(({ pid }) => pid)).toEqual([grandchild])
    expect(isAlive(who)).toBe(true)
    expect(child.kill('SIGKILL')).toBe('sent')
    await until('the end of the grandchild', async () => presenceOf(who) !== 'alive')
    expect(child.remaining()).toEqual([])
    expect(child.kill('SIGKILL')).toBe('gone')
  })

  test('SIGTERM to a child that ignores it changes nothing; SIGKILL ends it', async () => {
    const journal = join(temporaryFolder(), 'journal')
    const env = { CHILD_JOURNAL: journal, OPENCLAW_GATEWAY_PORT: '0' }
    const child = await start(process.execPath, [childFile('ignore-sigterm')], { env })
    await until('it listens', async () => notedPids(journal, 'listening').length > 0)
    expect(child.kill('SIGTERM')).toBe('sent')
    await until('the signal', async () => notedPids(journal, 'ignored-SIGTERM').length > 0)
    expect(isAlive(child.identity)).toBe(true)
    expect(child.kill('SIGKILL')).toBe('sent')
    expect(await child.exited).toEqual({ by: 'signal', signal: 'SIGKILL', coreDumped: false })
  })

  test('one in a session of its own is no longer found by group, only by parent', async () => {
    const child = await shell('setsid sleep 61 & wait')
    const [row] = await until('the runaway', async () => {
      const rows = descendantsOf(child.identity.pid).filter((row) => row.session !== child.identity.pid)
      return rows.length > 0 && rows
    })
    endAfterTest(row?.pid)
    expect(child.remaining()).toEqual([])
  })
})

suite('what it prints, where that is read', () => {
  test('is its standard output, whole; a standard output that is not read is ours', async () => {
    expect(await (await shell('echo one; echo two', { readUpTo: 100 })).printed).toBe('one\ntwo')
    expect(await (await shell('exit 0')).printed).toBe('')
  })

  test('is cut off, and it is ended, when it is longer', async () => {
    const { printed, exited } = await shell('while :; do echo again; done', { readUpTo: 1000 })
    expect((await printed).length).toBeLessThanOrEqual(1000)
    expect(await exited).toMatchObject({ by: 'signal' })
  })
})

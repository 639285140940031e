/** What a PID 1 owes, in a PID namespace of its own, as the kernel gives it to the entrypoint of a container. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { descendantsOf, isAlive, processes, type Identity } from '../../src/host/process-table.ts'
import { sendSignal } from '../../src/host/send-signal.ts'
import { rooms, type Supervisor } from './room.ts'
import { until } from './until.ts'

const under = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private']
const canUnshare = spawnSync(under[0]!, [...under.slice(1), 'true']).status === 0
const enter = rooms()

/** PID 1 of the namespace, by the pid that it has out here. */
const first = (supervisor: Supervisor): Promise<Identity> =>
  until('there is a PID 1', () =>
    descendantsOf(supervisor.who.pid).find(({ pid }) =>
      /^NSpid:.*\t1$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')),
    ),
  )

const catches = ({ pid }: Identity, signal: number): boolean => {
  const caught = /^SigCgt:\t(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0'
  return ((BigInt(`0x${caught}`) >> BigInt(signal - 1)) & 1n) === 1n
}

describe.runIf(canUnshare)('as PID 1', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s drains the gateway, and ends it with 0', async (signal) => {
    const room = await enter()
    const supervisor = room.run('slow-stop 300', { under })
    await room.reaches('ready', (status) => status.ready)
    sendSignal(await first(supervisor), signal)
    expect(await supervisor.ended).toEqual({ code: 0, signal: null })
    expect(room.journal().some((line) => line.startsWith('draining'))).toBe(true)
  })

  test('HUP restarts the gateway', async () => {
    const room = await enter()
    const supervisor = room.run('ready-then-wait', { under })
    await room.reaches('ready', (status) => status.ready)
    const init = await first(supervisor)
    sendSignal(init, 'SIGHUP')
    await room.reaches('another one is ready', (status) => status.ready && status.child?.number === 2)
    expect(isAlive(init)).toBe(true)
    sendSignal(init, 'SIGTERM')
    expect((await supervisor.ended).code).toBe(0)
  })

  test('TERM is not lost from the moment at which its handlers stand', async () => {
    const room = await enter()
    for (let times = 0; times < 10; times++) {
      const supervisor = room.run('ready-then-wait', { under })
      const init = await first(supervisor)
      // HUP is the last that it catches. For TERM there is a handler of Node's own before, which as PID 1 loses it.
      await until('it catches HUP', () => catches(init, 1))
      sendSignal(init, 'SIGTERM')
      const { code } = await supervisor.ended
      expect([0, 143], supervisor.said()).toContain(code)
      expect(room.inhabitants()).toEqual([])
    }
  })

  test.each([
    [64, 'exit-0', ['--no-such-flag']],
    [65, 'exit-1', []],
    [78, 'exit-78', []],
  ] as const)('it ends with %i as any other process would', async (status, child, flags) => {
    const room = await enter()
    expect(await room.run(child, { under, flags }).ended).toEqual({ code: status, signal: null })
  })

  test('it ends with 69 when another has the state, and with 75 when its disk is full', async () => {
    const room = await enter()
    const other = room.run('ready-then-wait')
    await room.reaches('ready', (status) => status.ready)
    expect((await room.run('ready-then-wait', { under }).ended).code).toBe(69)
    other.signal('SIGTERM')
    await other.ended

    const full = 'mount -t tmpfs -o size=4k none "$OPENCLAW_STATE_DIR/supervise" && exec "$@"'
    const state = join(room.stateDir, 'supervise')
    mkdirSync(state, { recursive: true })
    const onFullDisk = [...under, '--mount', 'sh', '-c', full, 'sh']
    expect((await room.run('ready-then-wait', { under: onFullDisk }).ended).code).toBe(75)
  })

  test('a flood of orphans is reaped, and the end of the gateway is still its own', async () => {
    const room = await enter()
    const supervisor = room.run('flood-of-orphans', { under, flags: ['--backoff=1h', '--backoff-max=1h'] })
    await room.reaches('ready', (status) => status.ready)
    const init = await first(supervisor)
    const children = (): readonly { zombie: boolean }[] => processes().filter(({ ppid }) => ppid === init.pid)
    await until('nothing is left but the gateway', () => children().length === 1 && !children()[0]!.zombie)
    const gateway = room
      .inhabitants()
      .find(({ pid }) => processes().some((row) => row.pid === pid && row.ppid === init.pid))
    sendSignal(gateway!, 'SIGTERM')
    const { lastExit } = await room.reaches('it is waited for', (status) => status.lastExit !== null)
    expect(lastExit).toMatchObject({ exit: { by: 'code', code: 3 } })
    sendSignal(init, 'SIGTERM')
    expect((await supervisor.ended).code).toBe(0)
  })

  test('a tool that left for a session of its own does not outlive the gateway', async () => {
    const room = await enter()
    const supervisor = room.run('leave-grandchild detached', { under })
    await room.reaches('ready', (status) => status.ready)
    await until('the tool runs', () => room.journal().some((line) => line.startsWith('grandchild')))
    sendSignal(await first(supervisor), 'SIGTERM')
    expect((await supervisor.ended).code).toBe(0)
    const ended = room.ledger().find(({ event }) => event === 'ended')
    expect(ended).toMatchObject({ leftBehind: [expect.stringContaining('grandchild.mjs')] })
  })
})

describe.runIf(canUnshare)("the image's init, as PID 1", () => {
  const init = fileURLToPath(new URL('../../units/container/init', import.meta.url))
  const shells = [['dash'], ['bash'], ['busybox', 'sh']].filter(
    ([shell = '']) => spawnSync('sh', ['-c', `command -v ${shell}`]).status === 0,
  )

  /** A program of that name, before any other. */
  const withSupervise = (folder: string, script: string): Record<string, string> => {
    const bin = join(folder, 'bin')
    mkdirSync(bin, { recursive: true })
    writeFileSync(join(bin, 'supervise'), `#!${process.execPath}\n${script}\n`)
    chmodSync(join(bin, 'supervise'), 0o755)
    return { PATH: `${bin}:${process.env['PATH']}` }
  }

  test.each(shells)('under %s a stop in its first instants is not lost', async (...shell) => {
    const room = await enter()
    const env = withSupervise(room.folder, 'setTimeout(() => {}, 600_000)')
    for (let times = 0; times < 20; times++) {
      const supervisor = room.run('none', { under: [...under, ...shell, init], env })
      const pid1 = await first(supervisor)
      // A shell needs a moment to its first line, too: two milliseconds, where Node needs a hundred.
      await until('it catches TERM', () => catches(pid1, 15))
      sendSignal(pid1, 'SIGTERM')
      expect(await supervisor.ended).toEqual({ code: 143, signal: null })
    }
  })

  test.each(shells)('under %s it ends with the status of supervise', async (...shell) => {
    const room = await enter()
    for (const status of [0, 69, 200]) {
      const env = withSupervise(room.folder, `process.exit(${status})`)
      expect((await room.run('none', { under: [...under, ...shell, init], env }).ended).code).toBe(status)
    }
  })

  test.each(shells)('under %s it hands on HUP as often as it comes', async (...shell) => {
    const room = await enter()
    const heard = join(room.folder, 'heard')
    const script = `
      const { appendFileSync } = require('node:fs')
      process.on('SIGHUP', () => appendFileSync(${JSON.stringify(heard)}, 'HUP\\n'))
      process.on('SIGTERM', () => process.exit(7))
      appendFileSync(${JSON.stringify(heard)}, 'up\\n')
      setTimeout(() => {}, 600_000)`
    const supervisor = room.run('none', {
      under: [...under, ...shell, init],
      env: withSupervise(room.folder, script),
    })
    const lines = (): number => {
      try {
        return readFileSync(heard, 'utf8').split('\n').length - 1
      } catch {
        return 0
      }
    }
    await until('it is up', () => lines() === 1)
    const pid1 = await first(supervisor)
    for (let times = 1; times <= 3; times++) {
      sendSignal(pid1, 'SIGHUP')
      await until('it was heard', () => lines() === times + 1)
    }
    sendSignal(pid1, 'SIGTERM')
    expect(await supervisor.ended).toEqual({ code: 7, signal: null })
  })
})

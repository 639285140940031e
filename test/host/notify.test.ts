import { randomUUID } from 'node:crypto'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe as suite, expect, test } from 'vitest'
import {
  encodeAssignments,
  openNotify,
  serviceManagerVariables,
  type Notifier,
} from '../../src/host/notify.ts'
import { until } from '../systemd/wait.ts'
import { compiledHost, runModule } from './compiled.ts'
import { receiveAt, type Receiver } from './datagrams.ts'
import { temporaryFolder } from './started.ts'

const toClose: { close(): void }[] = []
afterEach(() => {
  for (const each of toClose.splice(0)) each.close()
})

const managed = async (
  address = join(temporaryFolder(), 'notify'),
  env: Record<string, string> = {},
): Promise<{ manager: Receiver; notifier: Notifier }> => {
  const manager = receiveAt(address)
  toClose.push(manager)
  const opened = await openNotify({ NOTIFY_SOCKET: address, ...env })
  if (opened.is === 'refused') throw new Error(opened.why)
  toClose.push(opened.notifier)
  return { manager, notifier: opened.notifier }
}

suite('what is said', () => {
  test('each assignment on a line of its own, in one datagram', async () => {
    const { manager, notifier } = await managed()
    expect(notifier.notify({ ready: true, status: 'ready on port 18789' })).toEqual({ is: 'sent' })
    expect(notifier.notify({ watchdog: true })).toEqual({ is: 'sent' })
    expect(notifier.notify({ extendTimeoutMs: 1500.5, status: 'recovering' })).toEqual({ is: 'sent' })
    expect(notifier.notify({ stopping: true })).toEqual({ is: 'sent' })
    expect(manager.received()).toEqual([
      'READY=1\nSTATUS=ready on port 18789',
      'WATCHDOG=1',
      'EXTEND_TIMEOUT_USEC=1500500\nSTATUS=recovering',
      'STOPPING=1',
    ])
  })

  test('an abstract socket', async () => {
    const { manager, notifier } = await managed(`@supervise-test-${randomUUID()}`)
    expect(notifier.notify({ status: 'here' })).toEqual({ is: 'sent' })
    expect(manager.received()).toEqual(['STATUS=here'])
  })

  test('a line break in a value brings no second assignment', async () => {
    const { manager, notifier } = await managed()
    notifier.notify({ status: 'held: "a\nREADY=1\r\nMAINPID=1\u2028WATCHDOG=1\u0085X=1\u0000Y=1"' })
    const [datagram] = manager.received()
    expect(datagram).toBe('STATUS=held: "a READY=1 MAINPID=1 WATCHDOG=1 X=1 Y=1"')
  })

  test.each([4088, 4089, 4090, 5000, 100_000])(
    'a status of %d bytes fits what systemd takes',
    async (length) => {
      const { manager, notifier } = await managed()
      expect(notifier.notify({ status: 'x'.repeat(length) })).toEqual({ is: 'sent' })
      const [datagram = ''] = manager.received()
      const bytes = Buffer.byteLength(datagram)
      expect(bytes).toBeLessThanOrEqual(4096)
      expect(bytes).toBeGreaterThan(4090)
      expect(datagram.endsWith('…')).toBe(length > 4096 - 'STATUS='.length)
    },
  )

  test('it is cut between characters, at every offset', () => {
    for (let before = 0; before < 8; before++) {
      const status = 'x'.repeat(before) + '🦞'.repeat(2000)
      const message = encodeAssignments({ ready: true, status })
      expect(message.length).toBeLessThanOrEqual(4096)
      expect(message.length).toBeGreaterThan(4085)
      expect(message.toString('utf8')).not.toContain('\ufffd')
    }
  })
})

suite('what is lost, and what is not', () => {
  const fill = (notifier: Notifier) => {
    for (let beats = 0; beats < 100_000; beats++) {
      const delivery = notifier.notify({ watchdog: true })
      if (delivery.is === 'skipped') return delivery.why
    }
    throw new Error('the queue has no end')
  }

  test('a manager that does not keep up costs a beat, not time', async () => {
    const { manager, notifier } = await managed()
    expect(fill(notifier)).toBe('the service manager does not keep up')
    const begun = performance.now()
    expect(notifier.notify({ watchdog: true }).is).toBe('skipped')
    expect(performance.now() - begun).toBeLessThan(50)
    manager.received()
    expect(notifier.notify({ watchdog: true })).toEqual({ is: 'sent' })
    expect(manager.received()).toEqual(['WATCHDOG=1'])
  })

  test('READY goes through later, by itself', async () => {
    const { manager, notifier } = await managed()
    fill(notifier)
    expect(notifier.notify({ ready: true, status: 'ready' }).is).toBe('skipped')
    manager.received()
    const arrived: string[] = []
    await until('READY', async () => arrived.push(...manager.received()) > 0)
    expect(arrived).toEqual(['READY=1'])
    expect(notifier.notify({ watchdog: true })).toEqual({ is: 'sent' })
    expect(manager.received()).toEqual(['WATCHDOG=1'])
  })

  test('or with the next message', async () => {
    const { manager, notifier } = await managed()
    fill(notifier)
    notifier.notify({ ready: true })
    manager.received()
    notifier.notify({ status: 'next' })
    expect(manager.received()).toEqual(['READY=1\nSTATUS=next'])
  })

  test('a socket that went away is said, and hurts nobody', async () => {
    const address = join(temporaryFolder(), 'notify')
    const { manager, notifier } = await managed(address)
    manager.close()
    toClose.splice(toClose.indexOf(manager), 1)
    expect(notifier.notify({ status: 'x' })).toEqual({ is: 'skipped', why: 'ECONNREFUSED' })
  })
})

suite('who asks for it', () => {
  test('nobody: nothing is sent, nothing is owed', async () => {
    for (const env of [{}, { NOTIFY_SOCKET: '' }, { WATCHDOG_USEC: '1000000' }]) {
      const opened = await openNotify(env)
      expect(opened).toMatchObject({ is: 'open', notifier: { by: 'nobody', watchdogMs: undefined } })
      expect(opened.is === 'open' && opened.notifier.notify({ ready: true })).toMatchObject({ is: 'skipped' })
    }
  })

  test.each([
    [{ WATCHDOG_USEC: '3000000' }, 3000],
    [{ WATCHDOG_USEC: '3000000', WATCHDOG_PID: String(process.pid) }, 3000],
    [{ WATCHDOG_USEC: '3000000', WATCHDOG_PID: String(process.pid + 1) }, undefined],
    [{ WATCHDOG_USEC: '0' }, undefined],
    [{ WATCHDOG_USEC: '-5' }, undefined],
    [{ WATCHDOG_USEC: 'soon' }, undefined],
    [{ WATCHDOG_USEC: '' }, undefined],
    [{}, undefined],
  ])('beats owed for %j', async (env, watchdogMs) => {
    const { notifier } = await managed(undefined, env)
    expect(notifier.watchdogMs).toBe(watchdogMs)
    expect(notifier.by).toBe('datagram')
  })

  test.each(['relative/path', 'vsock:2:1234', '@', '/'.padEnd(200, 'x')])(
    'an address that is none: %s',
    async (address) => {
      expect(await openNotify({ NOTIFY_SOCKET: address })).toMatchObject({ is: 'refused' })
    },
  )

  test('what a child must not get is named', () => {
    expect(serviceManagerVariables).toEqual(
      expect.arrayContaining(['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']),
    )
  })
})

suite('where the system calls do not load', () => {
  const host = compiledHost()
  const withoutKoffi = (env: Record<string, string>, then: string) =>
    runModule(
      `import { register } from 'node:module'
       register('data:text/javascript,' + encodeURIComponent(\`export const resolve = (name, context, next) => {
         if (name === 'koffi') throw new Error('no koffi here')
         return next(name, context)
       }\`))
       Object.assign(process.env, ${JSON.stringify(env)})
       const { openNotify } = await import(${JSON.stringify(host('notify.js'))})
       const opened = await openNotify(process.env)
       ${then}`,
    )

  test('READY and STATUS go by the program systemd-notify, in their order, one line each', async () => {
    const folder = temporaryFolder()
    const said = join(folder, 'said')
    // Stands where the program stands: what the real one does with its arguments is systemd's affair.
    writeFileSync(
      join(folder, 'systemd-notify'),
      `#!/bin/sh\nfor word; do echo "$word" >> ${said}; done\necho . >> ${said}\n`,
    )
    chmodSync(join(folder, 'systemd-notify'), 0o755)
    const env = { NOTIFY_SOCKET: '/nowhere', PATH: `${folder}:/usr/bin:/bin` }
    const outcome = withoutKoffi(
      env,
      `const { notifier } = opened
       const say = (words) => notifier.notify(words).is
       console.log(JSON.stringify([notifier.by, say({ status: 'a\\nREADY=1' }), say({ ready: true, status: 'b' }), say({ watchdog: true })]))`,
    )
    expect(outcome).toEqual(['program', 'sent', 'sent', 'skipped'])
    expect(readFileSync(said, 'utf8')).toMatch(
      /^--pid=\d+\n--status=a READY=1\n\.\n--ready\n--pid=\d+\n--status=b\n\.\n$/,
    )
  })

  test('a program that is missing ends nothing', () => {
    const env = { NOTIFY_SOCKET: '/nowhere', PATH: '/nowhere' }
    expect(withoutKoffi(env, `console.log(JSON.stringify(opened.notifier.notify({ ready: true })))`)).toEqual(
      {
        is: 'sent',
      },
    )
  })

  test('a watchdog that would never be fed is a refusal to start', () => {
    const env = { NOTIFY_SOCKET: '/nowhere', WATCHDOG_USEC: '3000000' }
    expect(withoutKoffi(env, 'console.log(JSON.stringify(opened))')).toEqual({
      is: 'refused',
      why: 'the unit sets WatchdogSec=, and the beats it waits for cannot be sent here (koffi does not load: no koffi here): remove WatchdogSec= or install koffi for this machine',
    })
  })
})

/** Where koffi does not load there is still one copy, always; and where no lock can be had, none at all. */
import { expect, test } from 'vitest'
import { isAlive } from '../../src/host/process-table.ts'
import { sendSignal } from '../../src/host/send-signal.ts'
import { temporaryFolder } from '../host/started.ts'
import { rooms } from './room.ts'
import { until } from './until.ts'

const enter = rooms()

const hooks = `import { register } from 'node:module'
register('data:text/javascript,' + encodeURIComponent(\`export const resolve = (name, context, next) => {
  if (name === 'koffi') throw new Error('no koffi here')
  return next(name, context)
}\`))`
const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hooks)}` }

test('a second supervisor is refused, an orphan is taken over, and `repair` is refused meanwhile', async () => {
  const room = await enter()
  const first = room.run('one-at-a-time', { env })
  const before = await room.reaches('ready', (status) => status.ready)
  for (const more of [{}, { env }]) {
    const second = room.run('one-at-a-time', more)
    expect((await second.ended).code, second.said()).toBe(69)
    expect(second.said()).toContain(`held by another supervise: pid ${first.who.pid}`)
    expect((await room.supervise(['repair'], more.env)).code).toBe(69)
  }
  first.signal('SIGKILL')
  await first.ended
  expect((await room.supervise(['repair'], env)).code).toBe(69)
  const next = room.run('one-at-a-time', { env })
  await room.reaches('ready again', (s) => s.ready && s.supervisor?.pid === next.who.pid)
  expect(isAlive(before.child!)).toBe(false)
  expect(room.journal().filter((line) => line.startsWith('overlap'))).toEqual([])
  next.signal('SIGTERM')
  expect((await next.ended).code).toBe(0)
})

test('a tool that left group, session and parent is ended all the same: it bears the run', async () => {
  const room = await enter()
  const supervisor = room.run('leave-grandchild adopted', { env })
  const { child } = await room.reaches('ready', (status) => status.ready)
  await until('the tool runs', () => room.journal().some((line) => line.startsWith('grandchild')))
  sendSignal(child!, 'SIGKILL')
  await room.reaches('another one is ready', (status) => status.ready && status.child?.number === 2)
  const ended = room.ledger().find(({ event }) => event === 'ended')
  expect(ended).toMatchObject({ leftBehind: [expect.stringContaining('grandchild.mjs')] })
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
  expect(room.inhabitants()).toEqual([])
})

test('without the program `flock`, too: refused with 69 and one line, and no gateway', async () => {
  const room = await enter()
  const nowhere = { ...env, PATH: temporaryFolder() }
  const supervisor = room.run('one-at-a-time', { env: nowhere })
  expect((await supervisor.ended).code).toBe(69)
  const lines = supervisor.said().trimEnd().split('\n')
  expect(lines.filter((line) => line.includes('cannot be locked'))).toHaveLength(1)
  expect(lines.at(-1)).toContain('the program `flock` cannot be run (ENOENT): install util-linux')
  const repair = await room.supervise(['repair'], nowhere)
  expect(repair.code).toBe(69)
  expect(repair.stderr.trimEnd().split('\n')).toHaveLength(1)
  expect(repair.stderr).toContain('the state directory cannot be locked')
  expect(room.journal()).toEqual([])
})

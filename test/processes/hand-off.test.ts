/**
 * With --hand-off=consume: what OpenClaw's own command answers is told, bounded by the life of the hand-off and by an
 * order to stop, and a start follows in any case. (That a real one is taken: test/openclaw-real/hand-off.slow.test.ts.)
 */
import { copyFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { hasSqlite } from '../../src/host/sqlite.ts'
import { childFile, rooms, type Room } from './room.ts'
import { until } from './until.ts'

const enter = rooms()

const protocol = { ok: true, protocol: 'openclaw.gateway.restart-handoff', protocolVersion: 1 }
const offered = { ...protocol, operations: ['consume'] }
const accepted = { ...protocol, status: 'accepted', handoff: { reason: 'config reload' } }
const none = { ...protocol, status: 'none', reason: 'missing' }

/** The program, installed beside a package.json of its own. */
function install(room: Room, answers: object) {
  const folder = join(room.folder, 'openclaw')
  mkdirSync(folder)
  const told = (version: string): string =>
    JSON.stringify({ name: 'openclaw', version, openclaw: { schemaVersions: { state: 18, agent: 23 } } })
  const program = join(folder, 'openclaw.mjs')
  copyFileSync(childFile('asks-for-restart'), program)
  symlinkSync(childFile('endpoints'), join(folder, 'endpoints.mjs'))
  const write = (name: string, text: string): void => writeFileSync(join(dirname(program), name), text)
  write('package.json', told('2026.9.6'))
  write('answers', JSON.stringify({ capabilities: offered, ...answers }))
  return {
    command: [process.execPath, program, 'gateway', 'run'],
    restart: () => write('restart', ''),
    kill: () => write('kill', ''),
    update: () => write('package.json', told('2026.9.7')),
  }
}

const consume = ['--hand-off=consume']
const asked = (room: Room): readonly string[] =>
  room.journal().filter((line) => /^(capabilities|consume)/.test(line))
const isAsked = (room: Room) =>
  until('it is asked', () => asked(room).some((line) => line.startsWith(`consume ${firstPid(room)} `)))
const firstPid = (room: Room): string => room.journal()[0]!.split(' ')[1]!

test('it is asked what it offers once, and for the hand-off of each gateway that ended', async () => {
  const room = await enter('2026.9.6-sound')
  const openclaw = install(room, { consume: accepted })
  const supervisor = room.run('', { flags: consume, command: openclaw.command })
  for (const child of [1, 2, 3]) {
    await room.reaches(`ready ${child}`, (s) => s.ready && s.child?.number === child)
    if (child < 3) openclaw.restart()
  }
  expect(room.status()!.lastExit).toMatchObject({
    detail: 'exit status 0: restart: config reload (its hand-off was taken)',
    why: 'gateway-asked',
  })
  const started = room.journal().filter((line) => line.startsWith('started'))
  expect(asked(room).map((line) => line.split(' ').slice(0, -1).join(' '))).toEqual([
    'capabilities',
    `consume ${firstPid(room)}`,
    expect.stringMatching(/^consume \d+$/),
  ])
  // Each question is a start of the same program.
  expect(started).toHaveLength(3 + 3)
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
  expect(asked(room)).toHaveLength(3)
})

test.each([
  ['nothing to take', { consume: none }, 'its hand-off was not taken: none, missing'],
  [
    "another process's",
    { consume: { ...protocol, status: 'rejected', reason: 'pid-mismatch' } },
    'its hand-off was not taken: rejected, pid-mismatch',
  ],
  [
    'its store could not be opened',
    { consume: { ...protocol, ok: false, status: 'error', reason: 'store-unavailable' } },
    'its hand-off was not taken: error, store-unavailable',
  ],
  [
    'another protocol',
    { capabilities: { ...offered, protocolVersion: 2 } },
    'this OpenClaw does not offer that',
  ],
  ['no such command', { capabilities: 'unknown command' }, 'this OpenClaw does not offer that'],
])('%s: told, and a start follows', async (_, answers, why) => {
  const room = await enter('2026.9.6-sound')
  const openclaw = install(room, answers)
  const supervisor = room.run('', { flags: consume, command: openclaw.command })
  await room.reaches('ready', (s) => s.ready)
  openclaw.restart()
  await room.reaches('ready again', (s) => s.ready && s.child?.number === 2)
  const { lastExit, budgets } = room.status()!
  expect(lastExit?.detail).toContain(why)
  expect(budgets.crashes.spent).toBe(0)
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

test('a command that was killed has not said that it offers nothing: it is asked again', async () => {
  const room = await enter('2026.9.6-sound')
  const openclaw = install(room, { consume: accepted })
  const supervisor = room.run('', { flags: consume, command: openclaw.command })
  await room.reaches('ready', (s) => s.ready)
  openclaw.kill()
  openclaw.restart()
  await room.reaches('ready again', (s) => s.ready && s.child?.number === 2)
  expect(room.status()!.lastExit?.detail).toContain('the command was ended by SIGKILL')
  openclaw.restart()
  await room.reaches('ready once more', (s) => s.ready && s.child?.number === 3)
  expect(room.status()!.lastExit?.detail).toContain('its hand-off was taken')
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

test('an update that came in between is not asked, since it would begin to change what the older one left', async () => {
  const room = await enter('2026.9.6-sound')
  const openclaw = install(room, { consume: accepted })
  const supervisor = room.run('', { flags: consume, command: openclaw.command })
  await room.reaches('ready', (s) => s.ready)
  openclaw.update()
  openclaw.restart()
  await room.reaches('ready again', (s) => s.ready && s.child?.number === 2)
  expect(room.status()!.lastExit?.detail).toContain('another OpenClaw is installed by now')
  expect(asked(room)).toEqual([])
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

test('a command that never answers is ended by an order to stop, and no gateway is started', async () => {
  const room = await enter('2026.9.6-sound')
  const openclaw = install(room, { consume: 'hang' })
  const supervisor = room.run('', { flags: consume, command: openclaw.command })
  await room.reaches('ready', (s) => s.ready)
  openclaw.restart()
  await isAsked(room)
  // The gateway is gone by then: nobody may be told that it is ready.
  await room.reaches('not ready', (s) => !s.ready && s.readiness.is === 'silent', 2_000)
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
  expect(room.inhabitants()).toEqual([])
  expect(room.ledger().filter(({ event }) => event === 'started')).toHaveLength(1)
})

test.runIf(hasSqlite())(
  'one that never answers holds the start back for no longer than the hand-off is good',
  async () => {
    const room = await enter('2026.9.6-sound')
    const openclaw = install(room, { consume: 'hang', lifeMs: 2_500 })
    const supervisor = room.run('', { flags: consume, command: openclaw.command })
    await room.reaches('ready', (s) => s.ready)
    openclaw.restart()
    await isAsked(room)
    await room.reaches('ready again', (s) => s.ready && s.child?.number === 2)
    expect(room.status()!.lastExit?.detail).toBe(
      'exit status 0: restart: config reload (its hand-off was not taken: no answer for as long as it is good)',
    )
    expect(room.inhabitants()).toHaveLength(2)
    supervisor.signal('SIGTERM')
    expect((await supervisor.ended).code).toBe(0)
  },
)

test('a supervisor killed while it asks: the next one ends the command, and starts one gateway', async () => {
  const room = await enter('2026.9.6-sound')
  const openclaw = install(room, { consume: 'hang' })
  const killed = room.run('', { flags: consume, command: openclaw.command })
  await room.reaches('ready', (s) => s.ready)
  openclaw.restart()
  await isAsked(room)
  killed.signal('SIGKILL')
  await killed.ended
  const supervisor = room.run('', { flags: consume, command: openclaw.command })
  await room.reaches('ready', (s) => s.ready && s.supervisor?.pid === supervisor.who.pid)
  expect(room.inhabitants()).toHaveLength(2)
  const told = supervisor.said().split('\n')
  expect(told.filter((line) => line.includes('"phase":"taking-over"'))).not.toEqual([])
  // No line says one thing twice.
  expect(told.filter((line) => line.split('"phase":').length > 2)).toEqual([])
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

test.each([
  ['nothing', 0],
  ['no database', 'garbage'],
] as const)(
  'where %s is left of the control plane, nothing is asked, since the command would begin it anew',
  async (_, left) => {
    const room = await enter('2026.9.6-sound')
    const openclaw = install(room, { consume: accepted })
    const supervisor = room.run('', { flags: consume, command: openclaw.command })
    await room.reaches('ready', (s) => s.ready)
    const path = join(room.stateDir, 'state/openclaw.sqlite')
    for (const end of ['-wal', '-shm']) rmSync(path + end, { force: true })
    writeFileSync(path, left === 0 ? '' : left)
    openclaw.restart()
    await room.reaches('the end of the first', (s) => s.lastExit !== null)
    supervisor.signal('SIGTERM')
    await supervisor.ended
    expect(asked(room)).toEqual([])
  },
)

test('by itself, nothing is asked', async () => {
  const room = await enter('2026.9.6-sound')
  const openclaw = install(room, { consume: accepted })
  const supervisor = room.run('', { command: openclaw.command })
  await room.reaches('ready', (s) => s.ready)
  openclaw.restart()
  await room.reaches('ready again', (s) => s.ready && s.child?.number === 2)
  expect(room.status()!.lastExit?.detail).toBe(
    hasSqlite() ? 'exit status 0: restart: config reload' : 'exit status 0',
  )
  expect(asked(room)).toEqual([])
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

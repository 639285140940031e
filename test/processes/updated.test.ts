/** A start that has work of its own is given time for it: after an update, which is noticed, and after databases were mended. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { childFile, rooms } from './room.ts'

const enter = rooms()

test('an update is told, and a start that is slow because of it is not given up; the same without one is', async () => {
  const room = await enter()
  const program = join(room.folder, 'openclaw')
  mkdirSync(program)
  const install = (version: string): void =>
    writeFileSync(join(program, 'package.json'), JSON.stringify({ name: 'openclaw', version }))
  // Listens only after so long.
  writeFileSync(
    join(program, 'late.mjs'),
    `const { serve, stopOn, argument } = await import(${JSON.stringify(childFile('endpoints'))})
     stopOn('SIGTERM')
     setTimeout(serve, Number(argument(0)))`,
  )
  const run = (afterMs: number) =>
    room.run('', {
      flags: ['--start-limit=1500ms', '--start-bound=20s'],
      command: [process.execPath, join(program, 'late.mjs'), String(afterMs)],
    })

  install('2026.7.35')
  const first = run(0)
  await room.reaches('ready', (s) => s.ready && s.child?.version === '2026.7.35')
  expect(room.status()!.lastReady).toMatchObject({ version: '2026.7.35' })
  first.signal('SIGTERM')
  expect((await first.ended).code).toBe(0)

  install('2026.7.36')
  const updated = run(4000)
  await room.reaches('ready', (s) => s.ready && s.child?.version === '2026.7.36')
  expect(room.ledger().filter(({ event }) => event === 'updated')).toMatchObject([
    { from: '2026.7.35', to: '2026.7.36', child: 1 },
  ])
  expect(room.status()!.budgets.crashes.spent).toBe(0)
  updated.signal('SIGTERM')
  expect((await updated.ended).code).toBe(0)
  expect((await room.supervise(['history'])).stdout).toContain('what last worked here was 2026.7.35')

  const same = run(20_000)
  await room.reaches('given up', (s) => s.why === 'too-slow-to-start')
  same.signal('SIGTERM')
  expect((await same.ended).code).toBe(0)
})

test('a start on databases that were mended, by itself or by hand, is not given up as long as it was not seen ready', async () => {
  const room = await enter('2026.9.6-sound')
  const locks = join(room.stateDir, 'tmp/openclaw-0')
  const damage = (): void => {
    mkdirSync(locks, { recursive: true })
    writeFileSync(join(locks, 'gateway.0123abcd.lock'), '{"pid":')
  }
  const late = join(room.folder, 'late.mjs')
  writeFileSync(
    late,
    `const { serve, stopOn } = await import(${JSON.stringify(childFile('endpoints'))})
     stopOn('SIGTERM')
     setTimeout(serve, 4000)`,
  )
  const run = () =>
    room.run('', {
      flags: ['--start-limit=1500ms', '--start-bound=20s'],
      command: [process.execPath, late],
    })
  const getsReady = async (repairs: number): Promise<void> => {
    const supervisor = run()
    const { lastRepairs, budgets } = await room.reaches('ready', (s) => s.ready)
    expect(lastRepairs).toHaveLength(repairs)
    expect(budgets.crashes.spent).toBe(0)
    supervisor.signal('SIGTERM')
    expect((await supervisor.ended).code).toBe(0)
  }
  damage()
  await getsReady(1)

  damage()
  expect((await room.supervise(['repair'])).stdout).toContain('repaired')
  await getsReady(1)

  const unmended = run()
  await room.reaches('given up', (s) => s.why === 'too-slow-to-start')
  unmended.signal('SIGTERM')
  expect((await unmended.ended).code).toBe(0)
})

/** Another OpenClaw is installed between two starts: it is noticed, and its start is given time for work of its own. */
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

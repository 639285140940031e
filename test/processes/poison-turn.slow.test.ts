/** A turn that kills the gateway each time it is resumed is not resumed for ever (DAMAGE.md: poison-turn). */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { rooms } from './room.ts'
import { until } from './until.ts'

const enter = rooms()
const key = 'agent:main:main'

test(
  'after three deaths it is marked failed, its lock is kept, and the gateway lives',
  { timeout: 60_000 },
  async () => {
    const room = await enter('sound')
    const index = (): Record<string, { status?: string }> =>
      JSON.parse(readFileSync(join(room.stateDir, 'agents/main/sessions/sessions.json'), 'utf8')) as never
    const supervisor = room.run('dies-of-a-turn')
    await room.reaches('ready', (status) => status.ready)
    await fetch(`http://127.0.0.1:${room.port}/turn`, {
      method: 'POST',
      body: JSON.stringify({ key, message: 'poison', thinkMs: 60_000 }),
    }).catch(() => undefined)
    await until(
      'the turn was given up',
      () => index()[key]?.status === 'failed',
      25_000,
      () =>
        `${JSON.stringify(index()[key])}\n${JSON.stringify(room.ledger(), null, 1)}\n${supervisor.said()}`,
    )
    await room.reaches('ready again', (status) => status.ready)
    const ended = room.ledger().filter((entry) => entry.event === 'ended')
    // The one that it killed at first, and three that resumed it.
    expect(ended).toHaveLength(4)
    const repaired = room
      .ledger()
      .filter((entry) => entry.event === 'recovered' && 'poison-turn' in entry.repaired)
    expect(repaired).toHaveLength(1)
    expect(supervisor.said()).toContain('poison-turn')
    // It goes on: the other session's turns are done.
    const child = room.status()?.child?.pid
    const answer = await fetch(`http://127.0.0.1:${room.port}/turn`, {
      method: 'POST',
      body: JSON.stringify({ key: 'agent:main:other', message: 'still there?', thinkMs: 1 }),
    })
    expect(answer.status).toBe(200)
    expect(room.status()?.child?.pid).toBe(child)
    supervisor.signal('SIGTERM')
    expect(await supervisor.ended).toMatchObject({ code: 0 })
  },
)

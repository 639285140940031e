/** Since 2026.8 a start is over before everything is ready: what is said is the last thing seen, never an earlier one. */
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isAlive } from '../../src/host/process-table.ts'
import { freePort, rooms, type Room } from './room.ts'

const enter = rooms()
const says = (room: Room, readyz: object): void => {
  const path = join(room.folder, 'journal.readyz')
  writeFileSync(`${path}.new`, JSON.stringify(readyz))
  renameSync(`${path}.new`, path)
}

test('started is not ready: failing, suppressed and draining are told, and nothing is restarted for them', async () => {
  const room = await enter()
  const port = await freePort()
  const readyz = async (): Promise<{ status: number; body: unknown }> => {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`)
    return { status: answer.status, body: await answer.json() }
  }
  says(room, { ready: false, failing: ['telegram'] })
  const supervisor = room.run('as-told', { flags: [`--http=127.0.0.1:${port}`] })
  // The same answer before and after the start is over.
  const seen = { is: 'failing', failing: ['telegram'], suppressed: [] }
  const first = await room.reaches('failing', (s) => s.phase === 'running' && s.readiness.is === 'failing')
  expect(first).toMatchObject({ ready: false, readiness: seen })
  expect(supervisor.said()).toContain('"gateway runs, and is not fully ready"')
  expect(await readyz()).toMatchObject({ status: 503, body: { ready: false, readiness: seen } })

  says(room, { ready: true, failing: [], suppressed: ['telegram', 'signal'] })
  await room.reaches('suppressed', (s) => s.readiness.is === 'suppressed')
  expect(await readyz()).toMatchObject({
    status: 503,
    body: { ready: false, readiness: { suppressed: ['telegram', 'signal'] } },
  })
  const told = await room.supervise(['status'])
  expect(told.code).toBe(1)
  expect(told.stdout).toMatch(/^not ready: running,/)
  expect(told.stdout).toContain('keeps channels down: telegram, signal')

  says(room, { ready: false, failing: ['gateway-draining'] })
  await room.reaches('draining', (s) => s.readiness.is === 'draining')
  expect((await room.supervise(['status'])).stdout).toContain('the gateway drains')

  says(room, { ready: true, failing: [] })
  await room.reaches('ready', (s) => s.ready)
  expect(await readyz()).toMatchObject({ status: 200, body: { ready: true } })
  says(room, { ready: false, failing: ['telegram'] })
  await room.reaches('failing again', (s) => !s.ready && s.readiness.is === 'failing')
  expect(room.status()!.child).toEqual(first.child)
  expect(isAlive(first.child!)).toBe(true)
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

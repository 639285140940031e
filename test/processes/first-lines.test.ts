/** Which store, of which version, with which schema: in the first lines of `check`, and in `status`. */
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hasSqlite } from '../../src/host/sqlite.ts'
import { rooms } from './room.ts'

const enter = rooms()
const schema = 'state schema 18, agent schema 23'

test.each([
  ['sound', 'store: file', 'file store'],
  [
    '2026.9.6-sound',
    `store: sqlite${hasSqlite() ? ', written by OpenClaw 2026.9.6' : ''}, ${schema}`,
    `sqlite store${hasSqlite() ? ' of OpenClaw 2026.9.6' : ''}, ${schema}`,
  ],
  ['nothing yet', 'store: none', 'no store'],
] as const)('of %s', async (what, checked, shown) => {
  const room = await enter(what === 'nothing yet' ? 'sound' : what)
  if (what === 'nothing yet')
    for (const name of readdirSync(room.stateDir))
      if (name !== 'openclaw.json') rmSync(join(room.stateDir, name), { recursive: true })
  const supervisor = room.run('ready-then-wait')
  await room.reaches('ready', (status) => status.ready)
  expect((await room.supervise(['status'])).stdout).toContain(
    `\n  state       consistent, ${shown} (looked at `,
  )
  supervisor.signal('SIGTERM')
  await supervisor.ended
  const { stdout } = await room.supervise(['check'])
  expect(stdout.split('\n').slice(0, 2)).toEqual([`state: ${room.stateDir}`, checked])
})

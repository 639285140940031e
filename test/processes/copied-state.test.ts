/** A state that was copied while its gateway ran brings marks along that name living processes: none of them is its own. */
import { cpSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isAlive } from '../../src/host/process-table.ts'
import { freePort, rooms } from './room.ts'

const enter = rooms()

test('a copy is supervised on its own; the gateway and the supervisor of the other are not touched', async () => {
  const room = await enter()
  const supervisor = room.run('ready-then-wait')
  const first = await room.reaches('ready', (status) => status.ready)
  const copy = join(room.folder, 'copy')
  cpSync(room.stateDir, copy, { recursive: true, preserveTimestamps: true })
  const on = ['--state-dir', copy]

  for (const command of ['status', 'stop', 'restart', 'retry']) {
    const answer = await room.supervise([command, ...on])
    expect(answer, command).toMatchObject({ code: 4, stdout: '' })
    expect(answer.stderr).toContain(`was copied from another state, ${JSON.stringify(room.stateDir)}`)
  }
  const check = JSON.parse((await room.supervise(['check', '--json', ...on])).stdout) as object
  expect(check).toMatchObject({ gatewayRunning: false })
  expect(await room.supervise(['repair', ...on])).toMatchObject({ code: 0, stderr: '' })
  // What it starts bears the name of the copy.
  const own = ['run', ...on, `--port=${await freePort()}`, '--', 'sh', '-c', 'exit 78']
  expect((await room.supervise(own)).code).toBe(78)
  expect((await room.supervise(['status', ...on])).code).toBe(3)

  expect([supervisor.who, first.child!].map(isAlive)).toEqual([true, true])
  expect(room.status()).toMatchObject({ ready: true, child: { pid: first.child!.pid } })
})

test('a state that was moved is the same state', async () => {
  const room = await enter()
  const supervisor = room.run('exit-78')
  expect((await supervisor.ended).code).toBe(78)
  const moved = `${room.stateDir}-moved`
  renameSync(room.stateDir, moved)
  try {
    const answer = await room.supervise(['status', '--json', '--state-dir', moved])
    expect(answer.code).toBe(3)
    expect(JSON.parse(answer.stdout)).toMatchObject({ phase: 'held', hold: { kind: 'refused' } })
  } finally {
    renameSync(moved, room.stateDir)
  }
})

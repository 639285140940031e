/** What holds where the table of attacks cannot see it: limits of what is read, and files of our own. */
import { createHash } from 'node:crypto'
import {
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { takeLock } from '../../src/host/lock.ts'
import { ensureFolder } from '../../src/host/own-files.ts'
import { generationName, slotOf } from '../../src/recovery/generations.ts'
import { recover } from '../../src/recovery/recover.ts'
import { stateAt } from '../recovery/state.ts'
import { A, attackRoom, type AttackRoom } from './room.ts'

const grow = (path: string): void => {
  writeFileSync(path, '{')
  truncateSync(path, 10 * 2 ** 30)
}
const recovered = async (room: AttackRoom) =>
  await recover(stateAt(room.stateDir).site, { owed: 'another-boot', trigger: 'test' })

test('a configuration one byte over its limit is not read', async () => {
  const room = attackRoom()
  truncateSync(room.at('openclaw.json'), 16 * 2 ** 20 + 1)
  expect(await recovered(room)).toMatchObject({
    is: 'needs-operator',
    evidence: expect.stringContaining('over the'),
  })
})

test.each(['agents/main/sessions/sessions.json', 'openclaw.json', 'devices/paired.json'])(
  '10 GiB under the name of %s are not read',
  async (name) => {
    const room = attackRoom()
    mkdirSync(room.at('devices'))
    grow(room.at(name))
    const before = process.memoryUsage().rss
    expect(await recovered(room)).toMatchObject({
      is: 'needs-operator',
      evidence: expect.stringMatching(/^\S+: 10737418240 bytes, over the \d+ that are looked at$/),
    })
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 2 ** 20)
  },
)

test('10 GiB in a lock, a pointer and the gateway’s own leftovers are looked at by their beginning', async () => {
  const room = attackRoom()
  for (const name of [`${A}.jsonl.lock`, `${A}.trajectory-path.json`, `sessions.json.${A}.tmp`])
    grow(room.session(name))
  expect(await recovered(room)).toMatchObject({ is: 'repaired' })
})

test('a lock that is a second name of somebody else’s file is taken, and nothing written into it', async () => {
  const room = attackRoom()
  mkdirSync(room.at('supervise'))
  linkSync(join(room.outside, 'supervise/lock'), room.at('supervise/lock'))
  const text = readFileSync(room.at('supervise/lock'), 'utf8')
  const lock = await takeLock(room.at('supervise/lock'))
  expect(lock.is).toBe('held')
  expect(readFileSync(room.at('supervise/lock'), 'utf8')).toBe(text)
  if (lock.is === 'held') lock.release()
})

test('a folder of ours that is a link is not taken for one', () => {
  const room = attackRoom()
  symlinkSync(join(room.outside, 'supervise'), room.at('supervise'))
  expect(() => ensureFolder(room.at('supervise'))).toThrow('ENOTDIR')
})

test('a generation longer than any that is kept is not read', async () => {
  const room = attackRoom()
  const { site } = stateAt(room.stateDir)
  rmSync(room.session('sessions.json'))
  const slot = slotOf(site, room.session('sessions.json'))
  mkdirSync(slot, { recursive: true })
  const bytes = 2 ** 30
  const name = generationName({ takenAt: 1, ino: 1, mtimeMs: 1, bytes, sha256: '0'.repeat(64) })
  writeFileSync(join(slot, name), '{')
  truncateSync(join(slot, name), bytes)
  const before = process.memoryUsage().rss
  expect(await recovered(room)).toMatchObject({ is: 'repaired' })
  expect(process.memoryUsage().rss - before).toBeLessThan(200 * 2 ** 20)
})

const sound = { version: 2, bootId: 'a-boot', directories: [] }
test.each([
  ['nothing', null],
  ['no directories', { version: 2, bootId: 'a-boot' }],
  ['a directory that is none', { ...sound, directories: [null] }],
])('a checkpoint with the right hash that holds %s is none', async (_, stored) => {
  const room = attackRoom()
  mkdirSync(room.at('supervise'))
  const { dev } = statSync(room.stateDir)
  const body = JSON.stringify(stored && { dev, ...stored })
  const hash = createHash('sha256').update(body).digest('hex')
  writeFileSync(room.at('supervise/checkpoint.json'), `${body}\n${hash}\n`)
  const { site } = stateAt(room.stateDir)
  expect(await recover(site, { owed: 'no', trigger: 'test' })).toMatchObject({ is: 'repaired' })
})

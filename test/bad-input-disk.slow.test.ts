/**
 * A state that cannot be written: read-only, full, or somebody else's; before the start, and while the gateway runs.
 * Needs root, for the mounts and to become another user.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { isAlive } from '../src/host/process-table.ts'
import { rooms, type Room } from './processes/room.ts'
import { treeOf } from './tree.ts'

const enter = rooms()
const mounts: string[] = []
afterEach(() => {
  for (const path of mounts.splice(0).toReversed()) execFileSync('umount', ['--lazy', path])
})

/** The state of the room, moved onto a small file system of its own. */
const onSmallDisk = (room: Room): { fill: () => void; free: () => void } => {
  const aside = join(room.folder, 'aside')
  cpSync(room.stateDir, aside, { recursive: true, preserveTimestamps: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m,mode=700', 'none', room.stateDir])
  mounts.push(room.stateDir)
  cpSync(aside, room.stateDir, { recursive: true, preserveTimestamps: true })
  mkdirSync(join(room.stateDir, 'logs'), { recursive: true })
  const ballast = join(room.stateDir, 'logs/ballast')
  return {
    fill: () => {
      try {
        writeFileSync(ballast, Buffer.alloc(16 * 1024 * 1024))
      } catch (error) {
        expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC')
      }
    },
    free: () => rmSync(ballast),
  }
}

const lines = (text: string): readonly Record<string, unknown>[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

test('read-only: 75 and one line, nothing started; a check works', async () => {
  const room = await enter()
  execFileSync('mount', ['--bind', room.stateDir, room.stateDir])
  mounts.push(room.stateDir)
  execFileSync('mount', ['-o', 'remount,ro,bind', room.stateDir])
  const before = treeOf(room.stateDir)
  const supervisor = room.run('ready-then-wait')
  expect((await supervisor.ended).code).toBe(75)
  const said = lines(supervisor.said())
  expect(said).toHaveLength(1)
  expect(said[0]).toMatchObject({ level: 'error', msg: expect.stringMatching(/cannot make ".*": EROFS/) })
  expect((await room.supervise(['check'])).code).toBe(0)
  const repair = await room.supervise(['repair'])
  expect(repair.code).toBe(75)
  expect(repair.stderr.trimEnd().split('\n')).toHaveLength(1)
  expect(repair.stderr).toContain('EROFS')
  expect((await room.supervise(['status'])).code).toBe(3)
  expect(treeOf(room.stateDir)).toBe(before)
  expect(room.journal()).toEqual([])
})

test('another user’s: 64 where it cannot be read, 65 where it cannot be written, one line, nothing changed', async () => {
  const room = await enter()
  const asNobody = (words: readonly string[]): { code: number; stderr: string } => {
    const script = 'exec setpriv --reuid 65534 --regid 65534 --clear-groups -- "$@"'
    const main = room.main
    try {
      execFileSync('sh', ['-c', script, 'sh', process.execPath, main, ...words], {
        env: { PATH: process.env['PATH'], HOME: '/nonexistent', OPENCLAW_STATE_DIR: room.stateDir },
        stdio: 'pipe',
        encoding: 'utf8',
      })
      return { code: 0, stderr: '' }
    } catch (error) {
      const { status, stderr } = error as { status: number; stderr: string }
      return { code: status, stderr }
    }
  }
  chmodSync(join(room.stateDir, '..'), 0o755)
  chmodSync(room.stateDir, 0o700)
  const before = treeOf(room.stateDir)
  const unreadable = asNobody(['run', `--port=${room.port}`, '--', '/bin/true'])
  expect(unreadable.code).toBe(64)
  expect(unreadable.stderr).toMatch(/^supervise: .* cannot be read \(EACCES\).*\n$/)
  chmodSync(room.stateDir, 0o755)
  const open = treeOf(room.stateDir)
  const unwritable = asNobody(['run', `--port=${room.port}`, '--', '/bin/true'])
  expect(unwritable.code).toBe(65)
  expect(lines(unwritable.stderr)).toHaveLength(1)
  expect(lines(unwritable.stderr)[0]).toMatchObject({
    msg: expect.stringMatching(/cannot make ".*": EACCES/),
  })
  const repair = asNobody(['repair'])
  expect(repair.code).toBe(65)
  expect(repair.stderr).toMatch(/^supervise: cannot make .*: EACCES\n$/)
  expect(treeOf(room.stateDir)).toBe(open)
  expect(open).toBe(before)
})

test('full before the start: 75, nothing of the state changed, and nothing started', async () => {
  const room = await enter()
  const disk = onSmallDisk(room)
  disk.fill()
  const before = treeOf(room.stateDir, ['supervise'])
  const supervisor = room.run('ready-then-wait', { flags: ['--max-recoveries=1', '--max-crashes=1'] })
  const { code } = await supervisor.ended
  expect(code, supervisor.said()).toBe(75)
  const errors = lines(supervisor.said()).filter(({ level }) => level === 'error')
  expect(errors, supervisor.said()).toHaveLength(1)
  expect(errors[0]).toMatchObject({ phase: 'held', evidence: expect.stringContaining('ENOSPC') })
  expect(supervisor.said()).not.toContain('defect')
  expect(treeOf(room.stateDir, ['supervise'])).toBe(before)
  expect(room.journal()).toEqual([])
})

test('full while it runs: supervision goes on, a crash waits for room, and nothing is lost', async () => {
  const room = await enter()
  const disk = onSmallDisk(room)
  const flags = ['--max-recoveries=1000', '--max-crashes=1000', '--backoff-max=200ms']
  const supervisor = room.run('ready-then-wait', { flags })
  const first = await room.reaches('ready', (status) => status.ready)
  disk.fill()
  const before = readFileSync(join(room.stateDir, 'agents/main/sessions/sessions.json'), 'utf8')
  process.kill(first.child!.pid, 'SIGKILL')
  await new Promise((go) => setTimeout(go, 1000))
  expect(isAlive(supervisor.who)).toBe(true)
  disk.free()
  const second = await room.reaches('ready again', (s) => s.ready && s.child?.pid !== first.child!.pid)
  expect(second.supervisor!.pid).toBe(supervisor.who.pid)
  expect(readFileSync(join(room.stateDir, 'agents/main/sessions/sessions.json'), 'utf8')).toBe(before)
  disk.fill()
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
  expect(room.inhabitants()).toEqual([])
})

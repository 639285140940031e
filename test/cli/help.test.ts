/** The help texts: each ends in its exit statuses, and names every flag that is taken. */
import { expect, test } from 'vitest'
import { explained, finalStatuses, statusOfHold } from '../../src/cli/exit-statuses.ts'
import { helpOf } from '../../src/cli/help.ts'
import { runFlags } from '../../src/cli/run.ts'
import { rooms } from '../processes/room.ts'

const enter = rooms()
const commands = {
  run: 'run',
  status: 'status',
  check: 'check',
  repair: 'repair',
  undo: 'undo',
  history: 'history',
  stop: 'control',
  restart: 'control',
  retry: 'control',
} as const

test('each command explains itself, with 0, and ends in its exit statuses', async () => {
  const room = await enter()
  const overview = await room.supervise(['--help'])
  expect(overview).toMatchObject({ code: 0, stderr: '' })
  await Promise.all(
    Object.entries(commands).map(async ([command, statuses]) => {
      expect(overview.stdout).toMatch(new RegExp(`^  ${command} `, 'm'))
      const { code, stdout, stderr } = await room.supervise([command, '--help'])
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect((await room.supervise(['help', command])).stdout).toBe(stdout)
      expect(stdout).toMatch(new RegExp(`^usage: supervise ${command} `))
      const table = stdout.slice(stdout.indexOf('\nexit status:\n') + '\nexit status:\n'.length)
      const told = table
        .trimEnd()
        .split('\n')
        .map((line) => line.trim().split(/ {2,}/))
      expect(told, command).toEqual(explained[statuses].map(([status, meaning]) => [String(status), meaning]))
      for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(140)
    }),
  )
}, 60_000)

test('no word at all is wrong usage, answered by the overview', async () => {
  const room = await enter()
  expect(await room.supervise([])).toMatchObject({ code: 64, stdout: expect.stringContaining('usage:') })
  const { code, stdout } = await room.supervise(['--version'])
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
})

test('--help after -- belongs to the gateway', async () => {
  const room = await enter()
  const answer = await room.supervise(['run', '--port=x', '--', 'node', '--help'])
  expect(answer.code).toBe(64)
  expect(answer.stderr).toContain('--port')
})

test('every flag is in the help, with its default', () => {
  const text = helpOf({ usage: 'run', summary: '', flags: runFlags, statuses: 'run' })
  for (const [name, flag] of Object.entries(runFlags)) {
    expect(text).toContain(`--${name}`)
    if ('fallback' in flag) expect(text).toContain(`(default: ${flag.fallback})`)
  }
})

test('every hold ends with a status that is explained; those that a person must end are final', () => {
  const told = explained.run.map(([status]) => status)
  for (const status of Object.values(statusOfHold)) expect(told).toContain(status)
  expect(new Set(finalStatuses)).toEqual(new Set([64, 65, 69, 78]))
  expect(finalStatuses).not.toContain(statusOfHold.recovery)
})

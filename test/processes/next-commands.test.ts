/** Each command that an operator is told to run next is run, in a shell that knows nothing of the state, and is accepted. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { rooms, type Answer, type Room } from './room.ts'

const enter = rooms()

/** As a shell of its own reads it: the words, and none of the variables that led to the state. */
const runIt = async (room: Room, command: string | null | undefined): Promise<Answer> => {
  expect(command).toMatch(/^supervise [a-z]+ .*--state-dir \S/)
  const words = execFileSync('sh', ['-c', `printf '%s\\n' ${command!.replace(/^supervise /, '')}`], {
    encoding: 'utf8',
  })
  return await room.supervise(words.trimEnd().split('\n'), { OPENCLAW_STATE_DIR: '' })
}
/** What stands behind these words, up to the end of the line or of the string. */
const commandAfter = (words: string, text: string): string | undefined =>
  new RegExp(`${words} ?(supervise [^\\n"\`]+)`).exec(text)?.[1]
const damage = (room: Room): void =>
  writeFileSync(join(room.stateDir, 'agents/main/sessions/sessions.json.lock'), '{}')

test('a repair: how to take it back, in the log, in status, and from each undo to the next', async () => {
  const room = await enter()
  damage(room)
  const supervisor = room.run('exit-78')
  expect((await supervisor.ended).code).toBe(78)
  const inLog = commandAfter('take it back with:', supervisor.said())
  const status = await room.supervise(['status'])
  expect(commandAfter('ago;', status.stdout)).toBe(inLog)
  const undone = await runIt(room, inLog)
  expect(undone, undone.stderr).toMatchObject({ code: 0 })
  const again = await runIt(room, commandAfter('take this back with:', undone.stdout))
  expect(again, again.stderr).toMatchObject({ code: 0 })
  // Held, as it is: the one command to run next.
  const { hold } = room.status()!
  expect(supervisor.said()).toContain(JSON.stringify(hold!.command))
  expect(commandAfter('  run        ', status.stdout)).toBe(hold!.command)
  expect(await runIt(room, hold!.command)).toMatchObject({ code: 0 })
  const unknown = await room.supervise(['undo', 'none'])
  expect(await runIt(room, commandAfter('see `', unknown.stderr))).toMatchObject({ code: 0 })
})

test('a state that somebody has: who it is, and how to end it; refused for good, how to go on', async () => {
  const room = await enter()
  damage(room)
  const supervisor = room.run('ready-then-wait')
  await room.reaches('ready', (status) => status.ready)
  const second = room.run('ready-then-wait')
  expect((await second.ended).code).toBe(69)
  const { command } = JSON.parse(second.said()) as { command: string }
  expect(await runIt(room, command)).toMatchObject({ code: 0 })
  const refused = await room.supervise(['repair'])
  expect(refused.code).toBe(69)
  expect(await runIt(room, commandAfter('run:', refused.stderr))).toMatchObject({ code: 0 })
  expect((await supervisor.ended).code).toBe(0)
})

test('held and waiting: after a repair by hand, how to go on', async () => {
  const room = await enter()
  const config = join(room.stateDir, 'openclaw.json')
  writeFileSync(config, '{')
  const supervisor = room.run('ready-then-wait', { flags: ['--on-hold=wait'] })
  const { hold } = await room.reaches('held', (status) => status.phase === 'held')
  const repair = await runIt(room, hold!.command)
  expect(repair, repair.stderr).toMatchObject({ code: 0 })
  expect(await runIt(room, commandAfter('run:', repair.stdout))).toMatchObject({ code: 0 })
  await room.reaches('ready', (status) => status.ready)
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

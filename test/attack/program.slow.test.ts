/**
 * Each attack against the program as it ships, under strace: nothing outside is changed or read, the exit status is
 * a documented one, what is said is fit for a terminal, and it is over in bounded time and memory.
 */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { compiledProgram } from '../processes/program.ts'
import { attacks } from './attacks.ts'
import { attackRoom, type AttackRoom } from './room.ts'

const program = compiledProgram()

/** strace makes it several times slower, and others work on this machine. */
const mostMs = 30_000

interface Answer {
  readonly status: number | string
  readonly out: string
  /** Of what lies outside: every file and folder that was opened. */
  readonly opened: readonly string[]
}

function ask(room: AttackRoom, words: readonly string[]): Promise<Answer> {
  const log = join(room.outside, '..', `calls-${words[0]}`)
  const strace = ['-f', '-y', '-qq', '--seccomp-bpf', '-e', 'trace=open,openat,openat2,creat', '-o', log]
  const command = [...strace, process.execPath, program(), ...words, '--state-dir', room.stateDir]
  return new Promise((resolve) => {
    execFile('strace', command, { timeout: mostMs, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      const status = error === null ? 0 : (error.code ?? error.signal ?? 'unknown')
      const opened = readFileSync(log, 'utf8')
        .split('\n')
        .filter((line) => new RegExp(` = \\d+<${room.outside}[/>]`).test(line))
      resolve({ status, out: stdout + stderr, opened })
    })
  })
}

function assertFit(answer: Answer, inJson: boolean): void {
  // eslint-disable-next-line no-control-regex
  expect(answer.out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/)
  expect(answer.out).not.toMatch(/\n\s+at .*:\d+|node:internal|TypeError|RangeError/)
  expect(answer.out.length).toBeGreaterThan(0)
  if (inJson && answer.out.startsWith('{')) JSON.parse(answer.out)
}

describe.each(attacks)('$name', ({ make, check, repair }) => {
  test('check and repair', { timeout: 4 * mostMs }, async () => {
    const room = attackRoom()
    await make(room)
    const asked = [
      { words: ['check', '--json', '--thorough'], status: check },
      { words: ['repair'], status: repair },
      { words: ['status'], status: undefined },
    ]
    for (const { words, status } of asked) {
      const answer = await ask(room, words)
      assertFit(answer, words.includes('--json'))
      // Nothing runs; or what lies there is no status of ours.
      if (status === undefined) expect([3, 4], answer.out).toContain(answer.status)
      else expect(answer.status, `${words.join(' ')}: ${answer.out}`).toBe(status)
      expect(answer.opened, words.join(' ')).toEqual([])
      expect(room.touched(), words.join(' ')).toBeUndefined()
    }
  })
})

/** What is big: the program as it ships looks at it, and mends it, within a minute and a gigabyte. */
import { execFile } from 'node:child_process'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { compiledProgram } from '../processes/program.ts'
import { A, attackRoom, type AttackRoom, indexFor, transcript } from './room.ts'

const program = compiledProgram()
const mostMs = 60_000
const mostBytes = 2 ** 30

const cases: readonly { readonly name: string; readonly make: (room: AttackRoom) => void }[] = [
  {
    name: '100,000 files',
    make: (room) => {
      for (let n = 0; n < 100_000; n++) writeFileSync(room.session(`${n}.jsonl`), '{"ty')
    },
  },
  {
    name: 'a line of 100 MB in a transcript and in its trajectory',
    make: (room) => {
      const long = `${JSON.stringify({ type: 'message', id: 'aaaaaaa3', parentId: 'aaaaaaa2', message: { role: 'user', content: 'x'.repeat(100_000_000) } })}\n`
      writeFileSync(room.session(`${A}.jsonl`), `${transcript}${long}{"type":"mess`)
      writeFileSync(room.session(`${A}.trajectory.jsonl`), `${long}{"trace`)
    },
  },
  {
    name: '100 MB of garbage without a line break',
    make: (room) => appendFileSync(room.session(`${A}.jsonl`), Buffer.alloc(100_000_000, '{"type":"')),
  },
  {
    name: 'an index of 50 MB',
    make: (room) => {
      const padding = `"padding":${JSON.stringify('[{"'.repeat(12_000_000))},`
      writeFileSync(
        room.session('sessions.json'),
        indexFor(room.session('')).replace('"sessionId"', `${padding}"sessionId"`),
      )
    },
  },
]

function ask(room: AttackRoom, command: string) {
  const note = join(room.outside, '..', 'rss')
  const hook = `import fs from 'node:fs';process.on('exit',()=>fs.writeFileSync(${JSON.stringify(note)},String(process.resourceUsage().maxRSS*1024)))`
  const words = [
    '--import',
    `data:text/javascript,${encodeURIComponent(hook)}`,
    program(),
    command,
    '--state-dir',
    room.stateDir,
  ]
  const began = performance.now()
  return new Promise<{ status: number; out: string; ms: number; rss: number }>((resolve) => {
    execFile(process.execPath, words, { timeout: 2 * mostMs, maxBuffer: 64 << 20 }, (error, stdout, stderr) =>
      resolve({
        status: error === null ? 0 : Number(error.code),
        out: stdout + stderr,
        ms: performance.now() - began,
        rss: Number(readFileSync(note, 'utf8')),
      }),
    )
  })
}

test.each(cases)('$name', { timeout: 8 * mostMs }, async ({ name, make }) => {
  const room = attackRoom()
  make(room)
  for (const [command, status] of [
    ['check', 65],
    ['repair', 0],
    ['check', 0],
  ] as const) {
    const answer = await ask(room, command)
    console.log(
      `${name}: ${command} in ${(answer.ms / 1000).toFixed(1)} s, ${(answer.rss / 2 ** 20).toFixed(0)} MiB`,
    )
    expect(answer.status, answer.out.slice(0, 2000)).toBe(status)
    expect(answer.ms).toBeLessThan(mostMs)
    expect(answer.rss).toBeLessThan(mostBytes)
    expect(room.touched()).toBeUndefined()
  }
})

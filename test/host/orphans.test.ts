import { spawn } from 'node:child_process'
import { describe as suite, expect, test } from 'vitest'
import { compiledHost } from './compiled.ts'
import { endAfterTest } from './started.ts'

const host = compiledHost()

/** In a process of its own, since there is no way back from being a subreaper. */
const inSubreaper = async (body: string): Promise<unknown> => {
  const script = `
    const { adoptOrphans } = await import(process.argv[1] + '/orphans.js')
    const { startChild } = await import(process.argv[1] + '/child.js')
    const { sendSignal } = await import(process.argv[1] + '/send-signal.js')
    const { describe, rowOf } = await import(process.argv[1] + '/process-table.js')
    const until = async (look) => {
      for (let tries = 0; tries < 1000; tries++) {
        const value = look()
        if (value) return value
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      throw new Error('waited in vain for ' + look)
    }
    const start = (script) => startChild({ file: 'sh', args: ['-c', script], cwd: '/', env: { PATH: process.env.PATH } })
    const adoption = await adoptOrphans()
    if (adoption.is !== 'adopting') throw new Error(adoption.why)
    const { orphans } = adoption
    ${body}`
  const subreaper = spawn(
    process.execPath,
    ['--input-type=module', '-e', script, host('').replace(/\/$/, '')],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  endAfterTest(subreaper.pid)
  let text = ''
  subreaper.stdout.on('data', (chunk) => (text += chunk))
  await new Promise((resolve) => subreaper.once('close', resolve))
  return JSON.parse(text)
}

suite('what left the group and lost its parent', () => {
  test('comes to us, is ended, and its zombie is taken off', async () => {
    const outcome = await inSubreaper(`
      const child = await start('setsid sleep 61 & setsid sleep 62 & exit 0')
      const exit = await child.exited
      // setsid may not have become sleep yet.
      const isSleep = (row) => describe(row.pid)?.command.startsWith('sleep')
      const adopted = await until(() => {
        const rows = orphans.alive()
        return rows.length === 2 && rows.every(isSleep) && rows
      })
      const commands = adopted.map((row) => describe(row.pid).command).sort()
      for (const row of adopted) sendSignal(row, 'SIGKILL')
      await until(() => orphans.alive().length === 0)
      const reaped = orphans.reap()
      const left = adopted.filter((row) => rowOf(row.pid)).length
      console.log(JSON.stringify({ exit, commands, reaped, left, again: orphans.reap() }))`)
    expect(outcome).toEqual({
      exit: { by: 'code', code: 0 },
      commands: ['sleep 61', 'sleep 62'],
      reaped: 2,
      left: 0,
      again: 0,
    })
  })

  test('is taken off by itself while its tool still runs, as PID 1 owes it', async () => {
    const outcome = await inSubreaper(`
      const stop = orphans.keepReaping()
      const tool = await start('(setsid sleep 0.5 &) ; exec sleep 60')
      const orphan = await until(() => orphans.alive()[0])
      await until(() => rowOf(orphan.pid) === undefined)
      const toolLives = rowOf(tool.identity.pid)?.zombie === false
      stop()
      tool.kill('SIGKILL')
      console.log(JSON.stringify({ toolLives, exit: await tool.exited }))`)
    expect(outcome).toEqual({
      toolLives: true,
      exit: { by: 'signal', signal: 'SIGKILL', coreDumped: false },
    })
  })

  test("Node's own child is never taken from it, not even as a zombie", async () => {
    const outcome = await inSubreaper(`
      const endings = []
      for (let round = 0; round < 20; round++) {
        const child = await start('exit 7')
        // Ended, and Node has not had a turn to learn of it.
        for (let looks = 0; looks < 1_000_000 && !rowOf(child.identity.pid).zombie; looks++);
        endings.push(orphans.alive().length, orphans.reap(), (await child.exited).code)
      }
      console.log(JSON.stringify(endings))`)
    expect(outcome).toEqual(Array.from({ length: 20 }, () => [0, 0, 7]).flat())
  })
})

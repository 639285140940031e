import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe as suite, expect, test } from 'vitest'
import { sendSignal } from '../../src/host/send-signal.ts'
import { compiledHost } from './compiled.ts'
import { endAfterTest } from './started.ts'

const host = compiledHost()

const running = async (body: string) => {
  const text = `
    const { listenForSignals, keptSignals } = await import(${JSON.stringify(host('signals.js'))})
    const say = (word) => process.stdout.write(word + '\\n')
    const alive = setInterval(() => {}, 1000)
    const kept = async (count) => {
      for (let tries = 0; tries < 1000 && keptSignals().length < count; tries++)
        await new Promise((resolve) => setTimeout(resolve, 10))
    }
    say('up')
    ${body}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', text], { stdio: 'pipe' })
  const who = endAfterTest(child.pid)
  let [out, error] = ['', '']
  child.stdout.on('data', (chunk) => (out += chunk))
  child.stderr.on('data', (chunk) => (error += chunk))
  const ended = once(child, 'close')
  const said = (word: string) => expect.poll(() => out.split('\n'), { timeout: 10_000 }).toContain(word)
  await said('up')
  return {
    ended,
    said,
    send: (signal: NodeJS.Signals) => sendSignal(who, signal),
    out: () => out,
    error: () => error,
  }
}

suite('caught and kept', () => {
  test('what came before anybody listened comes first, in its order', async () => {
    const { said, send, out } = await running(`
      await kept(1); say('one'); await kept(2); say('two'); await kept(3)
      const heard = []
      const stop = listenForSignals((signal) => { heard.push(signal); say(heard.join(' ')) })`)
    send('SIGHUP')
    await said('one')
    send('SIGTERM')
    await said('two')
    send('SIGINT')
    await said('SIGHUP SIGTERM SIGINT')
    send('SIGTERM')
    await said('SIGHUP SIGTERM SIGINT SIGTERM')
    expect(
      out()
        .split('\n')
        .filter((line) => line.startsWith('SIG')),
    ).toHaveLength(4)
  })

  test('when the listener left, they are kept for the next', async () => {
    const { said, send } = await running(`
      const stop = listenForSignals((signal) => say('first ' + signal))
      stop(); say('left'); await kept(1)
      listenForSignals((signal) => say('second ' + signal))`)
    await said('left')
    send('SIGTERM')
    await said('second SIGTERM')
  })

  test('SIGUSR1 opens no inspector, and ends nothing', async () => {
    const { ended, said, send, error } = await running(
      `listenForSignals((signal) => { say(signal); process.exit(0) })`,
    )
    for (let round = 0; round < 3; round++) expect(send('SIGUSR1')).toBe('sent')
    // Signals of one process are handled in their order: when this one was heard, those were.
    send('SIGTERM')
    await said('SIGTERM')
    expect(await ended).toEqual([0, null])
    expect(error()).toBe('')
  })

  test('and without this file it would: the test above can fail', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); console.log("up")'], {
      stdio: 'pipe',
      env: { ...process.env, NODE_OPTIONS: '--inspect-port=127.0.0.1:0' },
    })
    const who = endAfterTest(child.pid)
    await once(child.stdout, 'data')
    sendSignal(who, 'SIGUSR1')
    expect(String((await once(child.stderr, 'data'))[0])).toContain('Debugger listening')
  })
})

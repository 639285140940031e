import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { describe as suite, expect, test } from 'vitest'
import { openLog, type LogSettings } from '../../src/host/log.ts'
import { compiledHost } from './compiled.ts'
import { endAfterTest, temporaryFolder } from './started.ts'

const written = (say: (log: ReturnType<typeof openLog>) => void, settings: LogSettings = {}): string => {
  const file = join(temporaryFolder(), 'log')
  const fd = openSync(file, 'a')
  say(openLog({ fd, ...settings }))
  closeSync(fd)
  return readFileSync(file, 'utf8')
}
const lines = (text: string) =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>)

suite('for machines', () => {
  test('one JSON object a line: level by name, time, what it is about, the message; nothing else', () => {
    const text = written((log) => {
      const about = log.with({ phase: 'recovering', child: 3 })
      about.info('repaired', { repair: 'r1', files: 2 })
      about.with({ child: 4 }).warn('a\nb\u001b[2J')
      log.error('failed', { err: new Error('why') })
      log.debug('not at this level')
    })
    expect(text.split('\n')).toHaveLength(4)
    const [first, second, third] = lines(text)
    expect(Object.keys(first ?? {})).toEqual(['level', 'time', 'phase', 'child', 'repair', 'files', 'msg'])
    expect(first).toMatchObject({
      level: 'info',
      phase: 'recovering',
      child: 3,
      repair: 'r1',
      files: 2,
      msg: 'repaired',
    })
    expect(first?.['time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    expect(second).toMatchObject({ level: 'warn', phase: 'recovering', child: 4, msg: 'a\nb\u001b[2J' })
    expect(third).toMatchObject({ level: 'error', err: { message: 'why', type: 'Error' }, msg: 'failed' })
  })

  test('the level can be chosen', () => {
    const all = (log: ReturnType<typeof openLog>) => {
      for (const level of ['debug', 'info', 'warn', 'error'] as const) log[level](level)
    }
    expect(lines(written(all, { level: 'debug' }))).toHaveLength(4)
    expect(lines(written(all, { level: 'error' }))).toHaveLength(1)
  })
})

suite('for people', () => {
  test('one readable line each, and nothing that a terminal obeys', () => {
    const text = written(
      (log) => log.with({ child: 3 }).warn('exited \u001b[31m', { path: 'a\nb\u202e', n: [1] }),
      {
        readable: true,
      },
    )
    expect(text).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} warn {2}exited \\x1b\[31m {2}child=3 {2}path=a\\nb\\u202e {2}n=\[1\]\n$/,
    )
  })
})

suite('where it goes', () => {
  const host = compiledHost()
  const program = (body: string) =>
    `const { openLog } = await import(${JSON.stringify(host('log.js'))}); const log = openLog(); ${body}`
  const running = (body: string) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program(body)], { stdio: 'pipe' })
    endAfterTest(child.pid)
    return child
  }

  test('on a terminal it is readable, on a pipe it is JSON, and standard output stays empty', async () => {
    const say = program(`log.info('hello')`)
    const quoted = `'${say.replaceAll("'", `'\\''`)}'`
    const command = `'${process.execPath}' --input-type=module -e ${quoted}`
    const onTerminal = execFileSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8', input: '' })
    expect(onTerminal).toMatch(/^\d\d:\d\d:\d\d\.\d{3} info {2}hello\r\n$/)
    const child = running(`log.info('hello')`)
    let [out, error] = ['', '']
    child.stdout.on('data', (chunk) => (out += chunk))
    child.stderr.on('data', (chunk) => (error += chunk))
    await once(child, 'close')
    expect(out).toBe('')
    expect(lines(error)).toMatchObject([{ level: 'info', msg: 'hello' }])
  })

  test('the last words before an end are there', async () => {
    const child = running(`log.error('last words'); process.exit(3)`)
    let error = ''
    child.stderr.on('data', (chunk) => (error += chunk))
    expect(await once(child, 'close')).toEqual([3, null])
    expect(lines(error)).toMatchObject([{ msg: 'last words' }])
  })

  test('a reader who went away ends nothing', async () => {
    const child = running(`
      await new Promise((resolve) => process.stdin.once('end', resolve).resume())
      for (let n = 0; n < 1000; n++) log.info('x'.repeat(1000))
      process.exit(7)`)
    child.stderr.destroy()
    child.stdin.end()
    expect(await once(child, 'close')).toEqual([7, null])
  })

  /** A pipe as a shell makes one; what Node makes for its children is a socket. */
  const onPipe = (body: string) => {
    const fifo = join(temporaryFolder(), 'fifo')
    execFileSync('mkfifo', [fifo])
    const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK)
    const writer = openSync(fifo, constants.O_WRONLY)
    const child = spawn(process.execPath, ['--input-type=module', '-e', program(body)], {
      stdio: ['pipe', 'pipe', writer],
    })
    endAfterTest(child.pid)
    closeSync(writer)
    const buffer = Buffer.alloc(1 << 20)
    const read = (): string => {
      try {
        return buffer.toString('utf8', 0, readSync(reader, buffer))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return ''
        throw error
      }
    }
    return { child, read, ended: once(child, 'close'), done: once(child.stdout as Readable, 'data') }
  }

  test('a reader who stopped reading stops nobody; whole lines only, and the lost ones are counted', async () => {
    const { child, read, ended, done } = onPipe(`
      for (let n = 0; n < 5000; n++) log.info('x'.repeat(300), { n })
      process.stdout.write('done')
      await new Promise((resolve) => process.stdin.once('end', resolve).resume())
      log.info('afterwards')`)
    await done
    let text = read()
    child.stdin?.end()
    await ended
    text += read()
    const told = lines(text)
    const notes = told.filter((line) => 'dropped' in line)
    expect(told.at(-1)).toMatchObject({ msg: 'afterwards' })
    expect(notes).toHaveLength(1)
    expect(told.filter((line) => 'n' in line).length + Number(notes[0]?.['dropped'])).toBe(5000)
    expect(Number(notes[0]?.['dropped'])).toBeGreaterThan(1000)
  })

  test('nor does one at the other end of a socket, such as the journal', async () => {
    const script = `
      const { openLog } = await import(process.argv[1] + '/log.js')
      const { loadSyscalls } = await import(process.argv[1] + '/syscalls.js')
      const log = openLog()
      if ((await loadSyscalls()).is !== 'loaded') throw new Error('no system calls')
      await new Promise((resolve) => setImmediate(resolve))
      for (let n = 0; n < 20000; n++) log.info('x'.repeat(200), { n })
      process.exit(7)`
    // Node's own pipes are pairs of sockets; this one is not read until its writer has ended.
    const talker = spawn(
      process.execPath,
      ['--input-type=module', '-e', script, host('').replace(/\/$/, '')],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    )
    endAfterTest(talker.pid)
    talker.stderr.pause()
    const [code] = (await once(talker, 'exit')) as [number]
    expect(code).toBe(7)
  })

  test('the pipe is not made non-blocking for the others who write there', () => {
    const fifo = join(temporaryFolder(), 'fifo')
    execFileSync('mkfifo', [fifo])
    const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK)
    const writer = openSync(fifo, constants.O_WRONLY)
    openLog({ fd: writer }).info('x')
    const flags = readFileSync(`/proc/self/fdinfo/${writer}`, 'utf8').match(/^flags:\s*(\d+)/m)?.[1] ?? ''
    expect(Number.parseInt(flags, 8) & constants.O_NONBLOCK).toBe(0)
    expect(readSync(reader, Buffer.alloc(1000))).toBeGreaterThan(10)
    for (const fd of [reader, writer]) closeSync(fd)
  })

  test.each([
    ['a full disk', () => openSync('/dev/full', 'w')],
    ['a descriptor that is closed', () => 987],
  ])('%s ends nothing', (_, open) => {
    const log = openLog({ fd: open() })
    expect(() => {
      for (let n = 0; n < 100; n++) log.error('lost')
    }).not.toThrow()
  })
})

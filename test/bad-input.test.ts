/** Wrong input: one clear line on standard error, the documented status, and nothing changed. */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { childFile, rooms, type Answer } from './processes/room.ts'
import { treeOf } from './tree.ts'

const enter = rooms()

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})
const folder = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'supervise-bad-'))
  folders.push(path)
  return path
}

/** The line itself, whether it stands alone or in the log. */
const lineOf = ({ stderr, stdout }: Answer): string => {
  expect(stdout).toBe('')
  expect(stderr.endsWith('\n')).toBe(true)
  const lines = stderr.trimEnd().split('\n')
  expect(lines, stderr).toHaveLength(1)
  expect(stderr).not.toMatch(/\n\s+at |Error:|node:internal/)
  // eslint-disable-next-line no-control-regex
  expect(lines[0]).not.toMatch(/[\u0000-\u001f\u007f]/)
  const line = lines[0]!
  return line.startsWith('{') ? (JSON.parse(line) as { msg: string }).msg : line.replace(/^supervise: /, '')
}

/** A few at a time: each is a process. */
async function each<T>(list: readonly T[], act: (one: T) => Promise<void>): Promise<void> {
  const rest = [...list]
  const work = async (): Promise<void> => {
    for (let one = rest.shift(); one !== undefined; one = rest.shift()) await act(one)
  }
  await Promise.all([work(), work(), work()])
}

const gateway = ['--', process.execPath, childFile('ready-then-wait')]
const onState: readonly string[] = ['check', 'repair', 'history', 'stop', 'restart', 'retry']

test('a state directory that is not there, or a file: named, with what to do, and not made', async () => {
  const room = await enter()
  const bad = folder()
  const missing = join(bad, 'none')
  const file = join(bad, 'file')
  writeFileSync(file, 'x')
  const before = treeOf(bad)
  for (const [path, words] of [
    [missing, `"${missing}" does not exist`],
    [file, `"${file}" is not a directory`],
    [join(file, 'below'), `"${file}/below" is not a directory`],
  ] as const)
    for (const [command, status] of [
      ['run', 64],
      ['status', 4],
      ['check', 64],
    ] as const) {
      const rest = command === 'run' ? gateway : []
      const answer = await room.supervise([command, '--state-dir', path, ...rest])
      expect(answer.code, command).toBe(status)
      expect(lineOf(answer)).toContain(words)
      expect(lineOf(answer)).toContain('--state-dir')
    }
  for (const command of onState.slice(1)) {
    const answer = await room.supervise([command, '--state-dir', missing])
    expect(answer.code, command).toBe(64)
    expect(lineOf(answer)).toContain('does not exist')
  }
  expect(treeOf(bad)).toBe(before)
})

test('a directory that is not OpenClaw’s is left alone', async () => {
  const room = await enter()
  const bad = folder()
  writeFileSync(join(bad, 'thesis.tex'), 'x')
  const before = treeOf(bad)
  const run = await room.supervise(['run', '--state-dir', bad, ...gateway])
  expect(run.code).toBe(65)
  expect(lineOf(run)).toContain('is no state directory of OpenClaw')
  const repair = await room.supervise(['repair', '--state-dir', bad])
  expect(repair.code).toBe(65)
  expect(lineOf(repair)).toContain('is no state directory of OpenClaw')
  const check = await room.supervise(['check', '--state-dir', bad, '--json'])
  expect(check.code).toBe(65)
  expect(JSON.parse(check.stdout)).toMatchObject({
    verdict: 'needs-operator',
    findings: [{ kind: 'unknown-store' }],
  })
  expect(treeOf(bad)).toBe(before)
  expect(room.journal()).toEqual([])
})

test('a command that cannot be executed', async () => {
  const room = await enter()
  const bad = folder()
  writeFileSync(join(bad, 'plain'), 'x', { mode: 0o644 })
  symlinkSync('nowhere', join(bad, 'dangling'))
  const before = treeOf(room.stateDir)
  for (const name of ['/no/such', 'no-such-command', bad, join(bad, 'plain'), join(bad, 'dangling')]) {
    const answer = await room.supervise(['run', '--', name])
    expect(answer.code, name).toBe(64)
    expect(lineOf(answer)).toBe(
      `the gateway's command cannot be executed: ${JSON.stringify(name)} is no program here`,
    )
  }
  const none = await room.supervise(['run', '--'], { PATH: bad })
  expect(none.code).toBe(64)
  expect(lineOf(none)).toContain('no `openclaw` in PATH')
  expect(treeOf(room.stateDir)).toBe(before)
})

test('a command whose interpreter is not there is held with 64, and the state as it was', async () => {
  const room = await enter()
  const script = join(folder(), 'script')
  writeFileSync(script, '#!/no/such/interpreter\n')
  chmodSync(script, 0o755)
  const before = treeOf(room.stateDir, ['supervise'])
  const supervisor = room.run('', { command: [script] })
  expect((await supervisor.ended).code).toBe(64)
  expect(room.status()!.hold).toMatchObject({
    kind: 'cannot-start',
    evidence: `"${script}" asks for the interpreter "/no/such/interpreter", which is not there`,
  })
  expect(treeOf(room.stateDir, ['supervise'])).toBe(before)
})

test('a port that is none, and two that contradict each other', async () => {
  const room = await enter()
  const before = treeOf(room.stateDir)
  await each(['0', '65536', '-1', '1.5', '80x', '', '1e3', '0x50', '٣'], async (port) => {
    const answer = await room.supervise(['run', `--port=${port}`, ...gateway])
    expect(answer.code, port).toBe(64)
    expect(lineOf(answer)).toBe(
      `--port (or SUPERVISE_PORT) is ${JSON.stringify(port)}; expected a whole number from 1 to 65535`,
    )
  })
  const dashed = await room.supervise(['run', '--port', '-1', ...gateway])
  expect(dashed.code).toBe(64)
  expect(lineOf(dashed)).toBe("Option '--port' argument is ambiguous: see --help")
  const variable = await room.supervise(['run', ...gateway], { SUPERVISE_PORT: 'many' })
  expect(variable.code).toBe(64)
  expect(lineOf(variable)).toContain('SUPERVISE_PORT) is "many"')
  const theirs = await room.supervise(['run', ...gateway], { OPENCLAW_GATEWAY_PORT: '99999' })
  expect(theirs.code).toBe(64)
  expect(lineOf(theirs)).toBe('OPENCLAW_GATEWAY_PORT is "99999"; expected a port')
  await each(['99999', '0', 'many', ''], async (port) => {
    const answer = await room.supervise(['run', ...gateway, '--port', port])
    expect(answer.code, port).toBe(64)
    expect(lineOf(answer)).toBe(
      `the gateway's own command line says --port ${JSON.stringify(port)}; expected a whole number from 1 to 65535`,
    )
  })
  const both = await room.supervise(['run', '--port=20001', ...gateway, '--port', '20002'])
  expect(both.code).toBe(64)
  expect(lineOf(both)).toBe(
    "--port 20001 contradicts the gateway's own command line, which says --port 20002",
  )
  expect(treeOf(room.stateDir)).toBe(before)
})

test('--http where others can reach it has to be said twice; what is no address is refused', async () => {
  const room = await enter()
  const before = treeOf(room.stateDir)
  await each(
    ['0.0.0.0:9464', '[::]:9464', '192.168.0.1:80', 'example.org:80', '127.1:80'],
    async (address) => {
      const answer = await room.supervise(['run', `--http=${address}`, ...gateway])
      expect(answer.code, address).toBe(64)
      expect(lineOf(answer)).toBe(
        `--http ${address} can be reached by others and has no authentication: say --http-expose too, if that is meant`,
      )
    },
  )
  await each(
    ['', '9464', ':80', '127.0.0.1', '127.0.0.1:x', '127.0.0.1:65536', '::1:80'],
    async (address) => {
      const answer = await room.supervise(['run', '--http-expose', ...gateway], { SUPERVISE_HTTP: address })
      expect(answer.code, address).toBe(64)
      expect(lineOf(answer)).toContain(`--http (or SUPERVISE_HTTP) is ${JSON.stringify(address)}; expected`)
    },
  )
  expect(treeOf(room.stateDir)).toBe(before)
})

test('something else where a lock belongs: one line, 65, and it is left alone', async () => {
  const room = await enter()
  mkdirSync(join(room.stateDir, 'supervise'))
  const put: readonly (readonly [string, (path: string) => void])[] = [
    ['EISDIR', (path) => mkdirSync(path)],
    ['ELOOP', (path) => symlinkSync('nowhere', path)],
    ['EINVAL', (path) => execFileSync('mkfifo', [path])],
  ]
  for (const name of ['supervisor.lock', 'lock'])
    for (const [code, make] of put) {
      const path = join(room.stateDir, 'supervise', name)
      make(path)
      const before = treeOf(room.stateDir, ['supervise/supervisor.lock'])
      const answer = await room.supervise(['run', ...gateway])
      expect(answer.code, `${name} ${code}`).toBe(65)
      expect(lineOf(answer)).toBe(`cannot open the lock "${path}": ${code}`)
      if (name === 'lock') expect((await room.supervise(['repair'])).code).toBe(65)
      expect(treeOf(room.stateDir, ['supervise/supervisor.lock'])).toBe(before)
      rmSync(path, { recursive: true })
    }
})

test('an unknown command, flag, variable, argument, value or duration', async () => {
  const room = await enter()
  const before = treeOf(room.stateDir)
  const run = ['run', ...gateway]
  const wrong: readonly (readonly [readonly string[], string, Record<string, string>?])[] = [
    [['dance'], 'unknown command "dance"'],
    [['--dance'], 'unknown command "--dance"'],
    [['constructor'], 'unknown command "constructor"'],
    [['run', '--dance', ...gateway], "Unknown option '--dance': see --help"],
    [['status', '--dance'], "Unknown option '--dance'"],
    [run, 'unknown setting in the environment: SUPERVISE_DANCE', { SUPERVISE_DANCE: '1' }],
    [['check', 'extra'], 'unexpected argument: "extra"'],
    [['run', 'node', 'x.mjs'], 'unexpected argument: "node"'],
    [['run', '--port'], "Option '--port <value>' argument missing: see --help"],
    [['help', 'dance'], 'unknown command "dance"'],
    [['undo'], 'undo takes the id of one repair'],
    [['undo', 'a', 'b'], 'undo takes the id of one repair'],
    [['undo', '../../etc'], 'there is no repair "../../etc"'],
    [['run', '--on-hold=perhaps', ...gateway], 'expected leave or wait'],
    [['run', '--stop-limit=5parsecs', ...gateway], 'expected a duration such as'],
    [['run', '--stop-limit=-5s', ...gateway], 'expected a duration such as'],
    [['run', '--stop-limit=1000000h', ...gateway], 'expected a duration such as'],
    [['run', '--max-crashes=many', ...gateway], 'expected a whole number from 0 to 1000'],
    [['history', '--lines=0'], 'expected a whole number from 1 to 100000'],
    [run, 'SUPERVISE_BACKOFF) is "soon"', { SUPERVISE_BACKOFF: 'soon' }],
    [['check', '--state-dir='], '--state-dir (or SUPERVISE_STATE_DIR) is ""; expected DIR'],
    [['stop', '--wait=never'], 'expected a duration such as'],
  ]
  await each(wrong, async ([words, said, env]) => {
    const answer = await room.supervise(words, env)
    expect(answer.code, words.join(' ')).toBe(64)
    expect(lineOf(answer)).toContain(said)
  })
  expect(treeOf(room.stateDir)).toBe(before)
})

test('words with escape sequences and line breaks stay one harmless line', async () => {
  const room = await enter()
  const nasty = '\u001b]0;owned\u0007\n\rforged: all is well\u202e'
  for (const words of [
    [nasty],
    ['run', `--${nasty}`],
    ['run', `--port=${nasty}`],
    ['check', '--state-dir', `/no/${nasty}`],
    ['run', '--', nasty],
    ['undo', nasty],
  ]) {
    const answer = await room.supervise(words)
    expect(answer.code, JSON.stringify(words)).toBe(64)
    expect(lineOf(answer)).not.toContain('\u202e')
  }
})

test('a configuration that does not parse is held with 65, its place named, before any child', async () => {
  const room = await enter()
  const config = join(room.stateDir, 'openclaw.json')
  writeFileSync(config, '{\n  "gateway": {\n    "port": 1,,\n  }\n}\n')
  const before = treeOf(room.stateDir, ['supervise'])
  const supervisor = room.run('ready-then-wait')
  expect((await supervisor.ended).code).toBe(65)
  expect(room.status()!.hold).toMatchObject({ kind: 'state', canPass: false })
  expect(room.status()!.hold!.evidence).toContain('openclaw.json: line 3, column ')
  expect(room.journal()).toEqual([])
  expect(treeOf(room.stateDir, ['supervise'])).toBe(before)
})

test('a status file of a future version, a torn one, and one that is none: cannot tell', async () => {
  const room = await enter()
  const own = join(room.stateDir, 'supervise')
  mkdirSync(own)
  const path = join(own, 'status.json')
  for (const [text, said] of [
    ['{"version":99,"phase":"dreaming"}', 'was written by a newer supervise (format 99, known: 1)'],
    ['{"version":1,"phase":"runn', 'does not parse'],
    ['', 'does not parse'],
    ['null', 'is no status file'],
    ['{"version":"1"}', 'is no status file'],
    ['{"version":1,"phase":"running","child":5}', 'is no status file'],
  ] as const) {
    writeFileSync(path, text)
    const before = treeOf(room.stateDir)
    const commands = text.includes('99') ? ['status', 'stop', 'restart', 'retry'] : ['status', 'stop']
    await each(commands, async (command) => {
      const answer = await room.supervise([command])
      expect(answer.code, `${command} ${text}`).toBe(4)
      expect(lineOf(answer)).toContain(said)
    })
    if (text.includes('99')) {
      const supervisor = room.run('ready-then-wait')
      expect((await supervisor.ended).code).toBe(65)
      expect(room.journal()).toEqual([])
    }
    expect(treeOf(room.stateDir)).toBe(before)
  }
  rmSync(path)
  mkdirSync(path)
  const folderThere = await room.supervise(['status'])
  expect(folderThere.code).toBe(4)
  expect(lineOf(folderThere)).toContain('status.json')
})

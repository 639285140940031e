/**
 * A throw-away machine with a real systemd, on which this checkout is installed as an operator would install it.
 * What a test asks of it are properties (`systemctl show`) and processes, not texts made for people.
 */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const repository = fileURLToPath(new URL('../..', import.meta.url))
const script = fileURLToPath(new URL('machine.sh', import.meta.url))
const execute = promisify(execFile)

/** Where the checkout lies inside: read-only, and for every user to read. */
export const CHECKOUT = '/opt/supervise'

export interface Ran {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** A pid alone may be somebody else's by now: pid and kernel start time name a process. */
export interface Identity {
  readonly pid: number
  readonly startTicks: number
}

export interface Process {
  readonly pid: number
  readonly parent: number
  readonly user: string
  readonly command: string
}

export interface Machine {
  /** Runs a command and gives its standard output; any other status than 0 throws. */
  run(...command: readonly string[]): Promise<string>
  /** The same for a command whose status is what the test is about. */
  attempt(...command: readonly string[]): Promise<Ran>
  /** Starts a command that lives beside the story, until it ends or the machine does. */
  start(...command: readonly string[]): ChildProcessWithoutNullStreams
  write(path: string, content: string): Promise<void>
  /** Properties of a unit, as the service manager itself states them. */
  show<Name extends string>(unit: string, ...names: readonly Name[]): Promise<Record<Name, string>>
  /** The processes of the machine, without the one that looks. */
  processes(): Promise<readonly Process[]>
  identify(pid: number): Promise<Identity>
  /** Fails when that process is no more. */
  signal(process: Identity, signal: 'TERM' | 'HUP' | 'STOP' | 'CONT' | 'KILL'): Promise<void>
  /** The results of a unit's ends that were failures, in order, as systemd wrote them down. */
  failures(unit: string): Promise<readonly string[]>
  journal(): Promise<string>
  close(): Promise<void>
}

export const bootMachine = async (): Promise<Machine> => {
  const booted = spawn(
    script,
    [
      'boot',
      '--bind-read-only',
      `${repository}:${CHECKOUT}`,
      '--bind-read-only',
      `${process.execPath}:/usr/local/bin/node`,
    ],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  )
  const ended = once(booted, 'exit')
  let complaints = ''
  booted.stderr.on('data', (text: Buffer) => (complaints += text.toString()))
  const first = once(createInterface({ input: booted.stdout }), 'line') as Promise<[string]>
  const line = await Promise.race([first.then(([text]) => text), ended.then(() => undefined)])
  const [pid, cgroup] = line?.split(' ') ?? []
  if (pid === undefined || cgroup === undefined) throw new Error(`cannot boot a machine: ${complaints}`)

  const attempt = async (...command: readonly string[]): Promise<Ran> => {
    try {
      return {
        status: 0,
        ...(await execute(script, ['enter', pid, cgroup, ...command], { maxBuffer: 2 ** 27 })),
      }
    } catch (error) {
      const { code, stdout, stderr } = error as { code: unknown; stdout: string; stderr: string }
      if (typeof code !== 'number') throw error
      return { status: code, stdout, stderr }
    }
  }
  const run = async (...command: readonly string[]): Promise<string> => {
    const { status, stdout, stderr } = await attempt(...command)
    if (status !== 0) throw new Error(`${command.join(' ')}: status ${status}\n${stdout}${stderr}`)
    return stdout
  }
  const journal = () => run('journalctl', '--no-pager', '--output=short-precise')

  return {
    run,
    attempt,
    journal,
    start: (...command) => spawn(script, ['enter', pid, cgroup, ...command]),
    async write(path, content) {
      await run('bash', '-c', 'mkdir -p "${1%/*}" && printf %s "$2" >"$1"', 'write', path, content)
    },
    async show<Name extends string>(unit: string, ...names: readonly Name[]) {
      const printed = await run(
        'systemctl',
        'show',
        '--timestamp=us+utc',
        ...names.map((name) => `--property=${name}`),
        '--',
        unit,
      )
      const properties = new Map(
        printed.split('\n').map((text) => {
          const at = text.indexOf('=')
          return [text.slice(0, at), text.slice(at + 1)]
        }),
      )
      return Object.fromEntries(
        names.map((name) => {
          const value = properties.get(name)
          if (value === undefined) throw new Error(`systemd knows no property ${name} of ${unit}`)
          return [name, value]
        }),
      ) as Record<Name, string>
    },
    async processes() {
      const printed = await run('ps', '-ww', '-eo', 'pid=,ppid=,user:32=,args=')
      return printed
        .trim()
        .split('\n')
        .map((text) => {
          const [, pid, parent, user, command] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(text) ?? []
          if (pid === undefined || user === undefined || command === undefined)
            throw new Error(`not a row of ps: ${text}`)
          return { pid: Number(pid), parent: Number(parent), user, command }
        })
        .filter(({ command }) => !command.startsWith('ps -ww'))
    },
    async identify(pid) {
      const stat = await run('cat', `/proc/${pid}/stat`)
      const startTicks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19])
      if (!(pid > 1) || !(startTicks > 0)) throw new Error(`no process to name: ${pid}`)
      return { pid, startTicks }
    },
    async signal({ pid, startTicks }, signal) {
      const check =
        'stat=$(cat "/proc/$1/stat") && read -ra stat <<<"${stat##*) }" && [[ ${stat[19]} == "$2" ]]'
      await run(
        'bash',
        '-c',
        `${check} && kill -s "$3" "$1"`,
        'signal',
        String(pid),
        String(startTicks),
        signal,
      )
    },
    async failures(unit) {
      const printed = await run('journalctl', '--output=json', '--output-fields=UNIT_RESULT', `UNIT=${unit}`)
      return printed
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => (JSON.parse(line) as { UNIT_RESULT?: string }).UNIT_RESULT)
        .filter((result) => result !== undefined)
    },
    async close() {
      booted.stdin.end()
      await ended
    },
  }
}

/** From the words of a command line to an exit status. What a command needs is loaded when it is asked for. */
import { listenForSignals } from '../host/signals.ts'
import type { Environment } from '../openclaw/settings.ts'
import { complain } from './complain.ts'
import { exitStatus, signalStatus } from './exit-statuses.ts'
import { parseFlags, type Flags, type Parsed } from './flags.ts'
import { helpOf, type CommandHelp } from './help.ts'
import { say } from './output.ts'
import { UsageError } from './usage-error.ts'

interface Command extends CommandHelp {
  readonly do: (parsed: Parsed, env: Environment) => Promise<number>
}

const controlOf = (order: 'stop' | 'restart' | 'retry', summary: string) => async (): Promise<Command> => {
  const { control, controlFlags } = await import('./control.ts')
  return {
    usage: `${order} [options]`,
    summary,
    flags: controlFlags,
    statuses: 'control',
    do: control(order),
  }
}

const commands: Readonly<Record<string, () => Promise<Command>>> = {
  run: async () => {
    const { run, runFlags } = await import('./run.ts')
    const summary =
      'Repairs the state, starts the gateway, keeps it running. Default command: the `openclaw gateway run` in PATH.'
    return { usage: 'run [options] [-- command...]', summary, flags: runFlags, statuses: 'run', do: run }
  },
  status: async () => {
    const { status, statusFlags } = await import('./status.ts')
    const summary = 'Says what is going on, also when nothing runs.'
    return { usage: 'status [options]', summary, flags: statusFlags, statuses: 'status', do: status }
  },
  check: async () => {
    const { check, checkFlags } = await import('./check.ts')
    const summary = 'Looks at the state and says what a start would repair. Changes nothing.'
    return { usage: 'check [options]', summary, flags: checkFlags, statuses: 'check', do: check }
  },
  repair: async () => {
    const { repair, repairFlags } = await import('./repair.ts')
    const summary = 'Repairs the state while nothing runs on it. Keeps every byte; `undo` takes it back.'
    return { usage: 'repair [options]', summary, flags: repairFlags, statuses: 'repair', do: repair }
  },
  undo: async () => {
    const { undo, undoFlags } = await import('./undo.ts')
    return {
      usage: 'undo [options] ID',
      summary: 'Takes a repair back, byte for byte.',
      flags: undoFlags,
      statuses: 'undo',
      do: undo,
    }
  },
  history: async () => {
    const { history, historyFlags } = await import('./history.ts')
    const summary = 'Starts, exits with causes, verdicts, holds and repairs.'
    return { usage: 'history [options]', summary, flags: historyFlags, statuses: 'history', do: history }
  },
  stop: controlOf('stop', 'Stops the supervisor and its gateway, and waits until they are gone.'),
  restart: controlOf('restart', 'Restarts the gateway gracefully, and waits until the new one is ready.'),
  retry: controlOf('retry', 'Tries again at once what is held or backing off.'),
}

export async function cli(args: readonly string[], env: Environment): Promise<number> {
  try {
    const [name, ...rest] = args[0] === 'help' && args[1] !== undefined ? [args[1], '--help'] : args
    if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
      say(overview)
      return name === undefined ? exitStatus.usage : exitStatus.ok
    }
    if (name === '--version' || name === '-V') {
      say((await import('./version.ts')).version)
      return exitStatus.ok
    }
    const load = Object.hasOwn(commands, name) ? commands[name] : undefined
    if (load === undefined)
      throw new UsageError(`unknown command ${JSON.stringify(name)}: see supervise --help`)
    const command = await load()
    const end = rest.indexOf('--')
    if ((end === -1 ? rest : rest.slice(0, end)).some((word) => word === '--help' || word === '-h')) {
      say(helpOf(command))
      return exitStatus.ok
    }
    // Only these two have a use for signals; the others are safe to end anywhere.
    if (name !== 'run' && name !== 'status') listenForSignals((signal) => process.exit(signalStatus[signal]))
    return await command.do(parseFlags(rest, command.flags, await allFlags(env), env), env)
  } catch (error) {
    if (error instanceof UsageError) {
      complain(error.message)
      return exitStatus.usage
    }
    complain((error as Error).message)
    return exitStatus.later
  }
}

/** One environment serves all commands; only where it names something of ours must all flags be known. */
async function allFlags(env: Environment): Promise<Flags> {
  if (!Object.keys(env).some((name) => name.startsWith('SUPERVISE_'))) return {}
  const loaded = await Promise.all(Object.values(commands).map((load) => load()))
  return Object.assign({}, ...loaded.map((command) => command.flags)) as Flags
}

const overview = [
  'usage: supervise COMMAND [options]',
  '',
  '  run      repair the state, start the gateway, keep it running',
  '  status   what is going on',
  '  check    what a start would find and repair; changes nothing',
  '  repair   repair now, while nothing runs',
  '  undo     take a repair back',
  '  history  causes and repairs',
  '  stop     stop supervisor and gateway',
  '  restart  restart the gateway gracefully',
  '  retry    try again at once',
  '',
  'supervise help COMMAND tells the options and exit statuses of each.',
].join('\n')

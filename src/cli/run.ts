/** `supervise run`: the settings are made and checked, then the supervisor has the word. */
import { currentFolder, findProgram, realPathOf } from '../host/paths.ts'
import { diskErrorIn } from '../host/disk.ts'
import { openLog, type Level } from '../host/log.ts'
import { openNotify } from '../host/notify.ts'
import { keptSignals } from '../host/signals.ts'
import { Impossible, type Policy } from '../lifecycle/lifecycle.ts'
import { isStateDirectory } from '../openclaw/layout.ts'
import { childEnvironment } from '../openclaw/launch.ts'
import { bindAddresses, optionOf, portOf, type Environment } from '../openclaw/settings.ts'
import type { Settings } from '../supervisor/settings.ts'
import { supervise } from '../supervisor/supervise.ts'
import { wholeCommand } from '../supervisor/whole-command.ts'
import { exitStatus, signalStatus, statusOfHold } from './exit-statuses.ts'
import {
  choiceOf,
  durationOf,
  isOn,
  numberOf,
  whereFlags,
  type Flags,
  type Given,
  type Parsed,
} from './flags.ts'
import { recoveryFlags, recoveryPolicy } from './recovery-flags.ts'
import { version } from './version.ts'
import { UsageError } from './usage-error.ts'
import { gatewayPortAt, installedPackage, sectionIn, stateOrUsage } from './where.ts'

export const runFlags = {
  ...whereFlags,
  port: { value: 'N', help: "the gateway's port", fallback: 'as OpenClaw finds it' },
  'on-hold': {
    value: 'leave|wait',
    help: 'when held: end with the status of the cause, or stay for a retry',
    fallback: 'leave',
  },
  orphan: { value: 'stop|refuse', help: 'a gateway that a dead supervisor left behind', fallback: 'stop' },
  'hand-off': {
    value: 'read|consume',
    help: 'of a restart that the gateway asks for: read, or taken by its own command',
    fallback: 'read',
  },
  ...recoveryFlags,
  'start-limit': {
    value: 'TIME',
    help: 'a start without progress so long is given up (after an update or repair: at the bound)',
    fallback: '2m',
  },
  'start-bound': { value: 'TIME', help: 'and in any case after so long', fallback: '15m' },
  'stop-limit': { value: 'TIME', help: 'from SIGTERM to SIGKILL', fallback: '330s' },
  'hung-stop-limit': { value: 'TIME', help: 'the same for a gateway that hangs', fallback: '20s' },
  'recovery-limit': { value: 'TIME', help: 'for one recovery', fallback: '10m' },
  'probe-every': { value: 'TIME', help: 'between two liveness probes', fallback: '10s' },
  'probe-timeout': { value: 'TIME', help: 'for one probe', fallback: '5s' },
  'hang-after': { value: 'TIME', help: 'without an answer', fallback: '3m' },
  'sweep-limit': {
    value: 'TIME',
    help: 'for what the gateway leaves behind to end by itself',
    fallback: '3s',
  },
  backoff: { value: 'TIME', help: 'the first wait before a further attempt; doubles', fallback: '500ms' },
  'backoff-max': { value: 'TIME', help: 'the longest', fallback: '30s' },
  'quiet-max': {
    value: 'TIME',
    help: 'longest wait before a start that would keep its channels down',
    fallback: '5m',
  },
  'good-run': { value: 'TIME', help: 'ready for so long gives all budgets back', fallback: '5m' },
  'max-crashes': { value: 'N', help: 'in a row, before it is held', fallback: '8' },
  'max-recoveries': { value: 'N', help: 'unconfirmed in a row', fallback: '8' },
  'max-restarts': { value: 'N', help: 'that the gateway asks for, in a row', fallback: '20' },
  'max-contentions': { value: 'N', help: 'with another owner of port or state, in a row', fallback: '8' },
  'held-retry': {
    value: 'TIME',
    help: 'with --on-hold=wait: between two looks at a cause that can pass',
    fallback: '1m',
  },
  http: { value: 'ADDR:PORT', help: 'answer /livez /readyz /status /metrics there; off unless given' },
  'http-expose': { help: 'allow --http an address that others can reach: it has no authentication' },
  'log-level': { value: 'debug|info|warn|error', help: 'from which level on', fallback: 'info' },
} satisfies Flags

export async function run({ given, positionals, rest }: Parsed, env: Environment): Promise<number> {
  if (positionals.length > 0)
    throw new UsageError(
      `unexpected argument: ${JSON.stringify(positionals[0])} (the gateway's command goes after --)`,
    )
  const level = choiceOf<Level>(given, 'log-level', ['info', 'debug', 'warn', 'error'])
  const settings = settingsOf(given, rest, env)
  const log = openLog({ level })
  const opened = await openNotify(env)
  if (opened.is === 'refused') throw new UsageError(opened.why)
  const waiting = keptSignals().find((signal) => signal !== 'SIGHUP')
  if (waiting !== undefined) {
    log.info('ended before anything was started', { signal: waiting })
    return signalStatus[waiting]
  }
  const whole = (command: string | null): string | null =>
    command === null ? null : wholeCommand(command, settings)
  try {
    const outcome = await supervise(settings, opened.notifier, log, version)
    switch (outcome.is) {
      case 'interrupted':
        return exitStatus.ok
      case 'refused':
        log.error(outcome.evidence, { command: whole(outcome.command) })
        return exitStatus.obstructed
      case 'not-a-state':
        log.error(outcome.evidence)
        return exitStatus.needsOperator
      case 'cannot-begin':
        log.error(outcome.evidence, { command: outcome.command })
        return outcome.canPass ? exitStatus.later : exitStatus.needsOperator
      case 'left':
        return outcome.because === 'stopped' ? exitStatus.ok : statusOfHold[outcome.because]
    }
  } catch (error) {
    const refused = diskErrorIn(error)
    if (refused !== undefined) {
      log.error(`${refused.message}; the gateway is left stopped`)
      return refused.canPass ? exitStatus.later : exitStatus.needsOperator
    }
    const what = error instanceof Impossible ? 'an impossible turn of the lifecycle' : 'a defect of supervise'
    log.error(`${what}; the gateway is left stopped`, { err: error })
    return exitStatus.defect
  }
}

function settingsOf(given: Given, command: readonly string[], env: Environment): Settings {
  const where = stateOrUsage(given, env, command)
  const ownPort = given.has('port') ? numberOf(given, 'port', 0, 1, 65_535) : undefined
  const envPort = env['OPENCLAW_GATEWAY_PORT']
  if (envPort?.trim() && portOf(envPort) === undefined)
    throw new UsageError(`OPENCLAW_GATEWAY_PORT is ${JSON.stringify(envPort)}; expected a port`)
  const words = command.length > 0 ? command : ['openclaw', 'gateway', 'run']
  const [name = '', ...args] = words
  const file = findProgram(name, env['PATH'])
  if (file === undefined)
    throw new UsageError(
      command.length > 0
        ? `the gateway's command cannot be executed: ${JSON.stringify(name)} is no program here`
        : "no `openclaw` in PATH: install it (npm install -g openclaw), or give the gateway's command after --",
    )
  const said = optionOf(args, '--port')
  const theirs = portOf(said)
  if (said !== undefined && theirs === undefined)
    throw new UsageError(
      `the gateway's own command line says --port ${JSON.stringify(said)}; expected a whole number from 1 to 65535`,
    )
  if (ownPort !== undefined && theirs !== undefined && theirs !== ownPort)
    throw new UsageError(
      `--port ${ownPort} contradicts the gateway's own command line, which says --port ${theirs}`,
    )
  const installed = (): ReturnType<typeof installedPackage> => installedPackage([file, ...args])
  const { stateDir, configPath, profile, beside } = where
  let { section } = where
  const listening: Settings['listening'] = () => {
    // One that cannot be read just now says nothing new.
    section = sectionIn(where, env) ?? section
    const port = ownPort ?? gatewayPortAt({ ...where, section }, env, args, installed)
    // A link that leads elsewhere by now is not what was locked.
    const named = realPathOf(where.named) === stateDir ? where.named : stateDir
    const inName = (path: string): string =>
      path.startsWith(`${stateDir}/`) ? `${named}${path.slice(stateDir.length)}` : path
    const place = { stateDir: named, configPath: inName(configPath), port, profile }
    return {
      port,
      scheme: section.tls === true ? 'https' : 'http',
      addresses: bindAddresses(args, section),
      environment: (era, run) => childEnvironment({ ...beside, ...env }, place, era, run),
      gatewayLog: { configured: section.logFile ?? null, profile: profile.name },
    }
  }
  return {
    ...where,
    isState: isStateDirectory(where.names),
    listening,
    command: { file, args, cwd: currentFolder() },
    installed,
    lifecycle: lifecycleOf(given),
    recovery: recoveryPolicy(given),
    probeEveryMs: durationOf(given, 'probe-every', 10_000),
    probeTimeoutMs: durationOf(given, 'probe-timeout', 5_000),
    hangAfterMs: durationOf(given, 'hang-after', 180_000),
    sweepMs: durationOf(given, 'sweep-limit', 3_000),
    orphan: choiceOf(given, 'orphan', ['stop', 'refuse']),
    handOff: choiceOf(given, 'hand-off', ['read', 'consume']),
    http: httpOf(given),
  }
}

function httpOf(given: Given): Settings['http'] {
  const text = given.get('http')
  if (text === undefined) return null
  const [, v6, name, digits] = text.trim().match(/^(?:\[([^\]]+)\]|([^:]*)):(\d+)$/) ?? []
  const host = v6 ?? name ?? ''
  const port = Number(digits)
  if (host === '' || !(port >= 0 && port < 65536))
    throw new UsageError(
      `--http (or SUPERVISE_HTTP) is ${JSON.stringify(text)}; expected an address and a port, such as 127.0.0.1:9464`,
    )
  const isLoopback = /^127\.\d+\.\d+\.\d+$/.test(host) || host === '::1' || host === 'localhost'
  if (!isLoopback && !isOn(given, 'http-expose'))
    throw new UsageError(
      `--http ${text} can be reached by others and has no authentication: say --http-expose too, if that is meant`,
    )
  return { host, port }
}

const lifecycleOf = (given: Given): Policy => ({
  limits: {
    crashes: numberOf(given, 'max-crashes', 8, 0, 1000),
    recoveries: numberOf(given, 'max-recoveries', 8, 0, 1000),
    restarts: numberOf(given, 'max-restarts', 20, 0, 1000),
    contentions: numberOf(given, 'max-contentions', 8, 0, 1000),
  },
  backoffMs: durationOf(given, 'backoff', 500),
  maxBackoffMs: durationOf(given, 'backoff-max', 30_000),
  mostQuietMs: durationOf(given, 'quiet-max', 300_000),
  goodRunMs: durationOf(given, 'good-run', 300_000),
  recoveryTimeoutMs: durationOf(given, 'recovery-limit', 600_000),
  startTimeoutMs: durationOf(given, 'start-limit', 120_000),
  startBoundMs: durationOf(given, 'start-bound', 900_000),
  // OpenClaw 2026.9 drains for up to 325 s before it gives up by itself.
  stopTimeoutMs: durationOf(given, 'stop-limit', 330_000),
  hungStopTimeoutMs: durationOf(given, 'hung-stop-limit', 20_000),
  onHold: choiceOf(given, 'on-hold', ['leave', 'wait']),
  heldRetryMs: durationOf(given, 'held-retry', 60_000),
})

/** Which state, configuration and port are meant: found the way OpenClaw finds them, overridden by our flags. */
import {
  absolute,
  findProgram,
  firstExisting,
  lookAtFolder,
  parent,
  realPathOf,
  temporaryFolder,
  textOf,
  userHome,
  userId,
} from '../host/paths.ts'
import { config, configLimitBytes } from '../openclaw/config-file.ts'
import { packageOf, type Package } from '../openclaw/launch.ts'
import { gatewayLockFolder } from '../openclaw/lock-file.ts'
import {
  configCandidates,
  gatewayPort,
  gatewaySection,
  homeOf,
  isProfileName,
  portOf,
  profileOf,
  stateDirCandidates,
  type Environment,
  type GatewaySection,
} from '../openclaw/settings.ts'
import { ownPaths } from '../supervisor/own-paths.ts'
import { readStatusFile } from '../supervisor/status.ts'
import type { Given, Parsed } from './flags.ts'
import { UsageError } from './usage-error.ts'

export interface Where {
  /** Real path. */
  readonly stateDir: string
  readonly configPath: string
  /** Outside the state. */
  readonly gatewayLockDir: string
  readonly profile: string | null
  readonly section: GatewaySection
  /** What lies at the top of the state directory. */
  readonly names: readonly string[]
}

export type Found =
  | { readonly is: 'found'; readonly where: Where }
  | {
      readonly is: 'not-found'
      readonly why: string
      readonly missing: boolean
      /** It is the disk's affair, and no wrong usage. */
      readonly canPass: boolean
    }

export function findState(given: Given, env: Environment): Found {
  const home = homeOf(env, userHome())
  const named = given.get('profile')
  if (named !== undefined && !isProfileName(named))
    throw new UsageError(
      `--profile (or SUPERVISE_PROFILE) is ${JSON.stringify(named)}; expected letters, digits, - and _`,
    )
  const profile = profileOf(named ?? env['OPENCLAW_PROFILE'])
  const flag = given.get('state-dir')
  const candidates = flag === undefined ? stateDirCandidates(env, home, profile) : [flag]
  const path = absolute(firstExisting(candidates) ?? candidates[0]!)
  const folder = lookAtFolder(path)
  const what = `state directory ${JSON.stringify(path)}`
  if (folder.is === 'missing')
    return {
      is: 'not-found',
      missing: true,
      canPass: false,
      why: `${what} does not exist: run \`openclaw onboard\`, or name another one with --state-dir`,
    }
  if (folder.is === 'not-a-folder')
    return {
      is: 'not-found',
      missing: false,
      canPass: false,
      why: `${what} is not a directory: name another one with --state-dir`,
    }
  if (folder.is === 'unreadable')
    return {
      is: 'not-found',
      missing: false,
      canPass: folder.canPass,
      why: `${what} cannot be read (${folder.code}): ${whatToDoAbout(folder)}`,
    }
  const configFlag = given.get('config')
  const configs = configFlag === undefined ? configCandidates(env, home, folder.realPath) : [configFlag]
  const configPath = absolute(firstExisting(configs) ?? configs[0]!)
  return {
    is: 'found',
    where: {
      stateDir: folder.realPath,
      configPath,
      gatewayLockDir: `${temporaryFolder()}/${gatewayLockFolder(userId())}`,
      profile,
      section: sectionIn(configPath) ?? {},
      names: folder.names,
    },
  }
}

/** Undefined where the configuration cannot be read. */
export function sectionIn(configPath: string): GatewaySection | undefined {
  const text = textOf(configPath, configLimitBytes)
  const parsed = text === undefined ? undefined : config(text)
  return parsed?.is === 'sound' ? gatewaySection(parsed.value) : undefined
}

const whatToDoAbout = ({ code, canPass }: { readonly code: string; readonly canPass: boolean }): string => {
  if (canPass) return 'look at its disk, then try again'
  return code === 'EACCES' || code === 'EPERM'
    ? 'run as its owner, or mend its permissions'
    : 'name another one with --state-dir'
}

/** Where a gateway of this state may listen: as OpenClaw finds it, and as the last supervisor was told. */
export function portsOf({ stateDir, profile, section }: Where, env: Environment): readonly number[] {
  const read = readStatusFile(ownPaths(stateDir).status)
  const told: unknown = read.is === 'known' ? read.status.place?.port : undefined
  const own = portOf(String(told))
  return [gatewayPort([], env, profile, section), ...(own === undefined ? [] : [own])]
}

/** For commands that cannot do without it: a name that leads nowhere is wrong usage, a disk that fails is not. */
export function stateOrUsage(given: Given, env: Environment): Where {
  const found = findState(given, env)
  if (found.is === 'found') return found.where
  throw found.canPass ? new Error(found.why) : new UsageError(found.why)
}

/** The package.json of the OpenClaw that a command line starts: of the first word that lies in one. */
export function installedPackage(words: readonly string[]): Package | null {
  for (const word of words) {
    const real = word.includes('/') ? realPathOf(word) : undefined
    if (real === undefined) continue
    for (let folder = parent(real), up = 0; up < 3; folder = parent(folder), up++) {
      const text = textOf(`${folder}/package.json`, 1024 * 1024)
      const found = text === undefined ? null : packageOf(parsedJson(text))
      if (found !== null) return found
    }
  }
  return null
}

/** What a start without a command of its own would start. */
export function installedHere(env: Environment): Package | null {
  const file = findProgram('openclaw', env['PATH'])
  return file === undefined ? null : installedPackage([file])
}

const parsedJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export function noArguments({ positionals, rest }: Parsed): void {
  const extra = positionals[0] ?? rest[0]
  if (extra !== undefined) throw new UsageError(`unexpected argument: ${JSON.stringify(extra)}`)
}

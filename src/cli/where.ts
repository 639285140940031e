/** Which state, configuration and port are meant: found the way OpenClaw finds them, overridden by our flags. */
import { parseEnv } from 'node:util'
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
import { withIncludes } from '../openclaw/config-include.ts'
import { packageOf, type Package } from '../openclaw/launch.ts'
import { gatewayLockFolder } from '../openclaw/lock-file.ts'
import { isProfileName, profileIn, profileOf } from '../openclaw/profile.ts'
import {
  configCandidates,
  dotEnvName,
  gatewayPort,
  gatewaySection,
  homeOf,
  includeRoots,
  portOf,
  stateDirCandidates,
  type Environment,
  type GatewaySection,
  type Profile,
} from '../openclaw/settings.ts'
import { ownPaths } from '../supervisor/own-paths.ts'
import { readStatusFile } from '../supervisor/status.ts'
import type { Given, Parsed } from './flags.ts'
import { UsageError } from './usage-error.ts'

export interface Where {
  /** Real path. */
  readonly stateDir: string
  /** The same as it was named, links and all: what the gateway looks for beside it, and keeps of it, bears that name. */
  readonly named: string
  readonly configPath: string
  /** Outside the state. */
  readonly gatewayLockDir: string
  readonly profile: Profile
  readonly section: GatewaySection
  /** What `.env` beside a configuration elsewhere says: the gateway would look there, if it were not told of its state. */
  readonly beside: Environment
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

/** `args`: of the gateway's own command line. */
export function findState(given: Given, env: Environment, args: readonly string[] = []): Found {
  const home = homeOf(env, userHome())
  const chosen = chosenProfile(given, args)
  const flag = given.get('state-dir')
  const candidates = flag === undefined ? stateDirCandidates(env, home, profileOf(chosen)) : [flag]
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
  const isStateSaid = flag !== undefined || chosen !== undefined || env['OPENCLAW_STATE_DIR']?.trim()
  const beside = isStateSaid || parent(configPath) === path ? {} : dotEnvIn(parent(configPath))
  return {
    is: 'found',
    where: {
      stateDir: folder.realPath,
      named: path,
      configPath,
      gatewayLockDir: `${temporaryFolder()}/${gatewayLockFolder(userId())}`,
      profile: { name: profileOf(chosen ?? env['OPENCLAW_PROFILE']), isChosen: chosen !== undefined },
      section: sectionIn({ stateDir: folder.realPath, configPath, beside }, env) ?? {},
      beside,
      names: folder.names,
    },
  }
}

function chosenProfile(given: Given, args: readonly string[]): string | undefined {
  const [ours, theirs] = [given.get('profile'), profileIn(args)]
  for (const [said, where] of [
    [ours, '--profile (or SUPERVISE_PROFILE)'],
    [theirs, "--profile of the gateway's own command line"],
  ] as const)
    if (said !== undefined && !isProfileName(said))
      throw new UsageError(`${where} is ${JSON.stringify(said)}; expected letters, digits, - and _`)
  if (ours !== undefined && theirs !== undefined && ours !== theirs)
    throw new UsageError(
      `--profile ${ours} contradicts the gateway's own command line, which chooses the profile ${theirs}`,
    )
  return ours ?? theirs
}

/** Undefined where the configuration cannot be read. */
export function sectionIn(
  { stateDir, configPath, beside }: Pick<Where, 'stateDir' | 'configPath' | 'beside'>,
  env: Environment,
): GatewaySection | undefined {
  const read = (path: string): unknown => {
    const text = throughLinks(path, configLimitBytes)
    const parsed = text === undefined ? undefined : config(text)
    return parsed?.is === 'sound' ? parsed.value : undefined
  }
  const top = read(configPath)
  if (top === undefined) return undefined
  const elsewhere = includeRoots({ ...beside, ...env }, dotEnvIn(stateDir), homeOf(env, userHome()))
  return gatewaySection(withIncludes(top, [parent(configPath), ...elsewhere.map(absolute)], read))
}

const dotEnvIn = (folder: string): Environment =>
  parseEnv(throughLinks(`${folder}/${dotEnvName}`, dotEnvLimitBytes) ?? '')

/** Where they lead is their owner's affair: the gateway follows them, too. */
const throughLinks = (path: string, mostBytes: number): string | undefined =>
  textOf(realPathOf(path) ?? path, mostBytes)

const dotEnvLimitBytes = 1024 * 1024

const whatToDoAbout = ({ code, canPass }: { readonly code: string; readonly canPass: boolean }): string => {
  if (canPass) return 'look at its disk, then try again'
  return code === 'EACCES' || code === 'EPERM'
    ? 'run as its owner, or mend its permissions'
    : 'name another one with --state-dir'
}

/** Where a gateway of this state may listen: as OpenClaw finds it, and as the last supervisor was told. */
export function portsOf(where: Where, env: Environment): readonly number[] {
  const read = readStatusFile(ownPaths(where.stateDir).status)
  const told: unknown = read.is === 'known' ? read.status.place?.port : undefined
  const own = portOf(String(told))
  return [gatewayPortAt(where, env, [], () => installedHere(env)), ...(own === undefined ? [] : [own])]
}

/** As things are now: `.env` is read again. */
export function gatewayPortAt(
  { stateDir, section, profile, beside }: Where,
  env: Environment,
  args: readonly string[],
  installed: () => Package | null,
): number {
  const isOfRows = (): boolean => installed()?.schemaVersions !== null
  const dotEnv = dotEnvIn(stateDir)
  return gatewayPort({ args, env: { ...beside, ...env }, dotEnv, section, profile, isOfRows })
}

/** For commands that cannot do without it: a name that leads nowhere is wrong usage, a disk that fails is not. */
export function stateOrUsage(given: Given, env: Environment, args: readonly string[] = []): Where {
  const found = findState(given, env, args)
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

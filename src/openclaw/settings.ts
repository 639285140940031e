/**
 * Where OpenClaw keeps its state, which configuration it reads and which port it will listen on: the same
 * answers that the gateway gives itself (2026.4.26, dist/paths-B2cMK-wd.js: resolveStateDir, resolveConfigPath,
 * resolveGatewayPort). What it decides by looking at the disk is given as candidates, best first: the first that
 * exists counts, else the first.
 */
import { devPort, portOfProfile } from './profile.ts'

export type Environment = Readonly<Record<string, string | undefined>>

const defaultPort = 18789

const said = (value: string | undefined): string | undefined => {
  const text = value?.trim()
  return text === undefined || text === '' || text === 'undefined' || text === 'null' ? undefined : text
}

/** `osHome` is what the system says of this user, used when the environment says nothing. */
export function homeOf(env: Environment, osHome: string): string {
  const home = said(env['HOME']) ?? osHome
  const own = said(env['OPENCLAW_HOME'])
  return own === undefined ? home : own.replace(/^~(?=$|\/)/, home)
}

const underHome = (path: string, home: string): string => path.replace(/^~(?=$|\/)/, home)

/** `chosen`: a profile, by a flag. */
export function stateDirCandidates(env: Environment, home: string, chosen: string | null): readonly string[] {
  const override = said(env['OPENCLAW_STATE_DIR'])
  if (override !== undefined) return [underHome(override, home)]
  if (chosen !== null) return [`${home}/.openclaw-${chosen}`]
  return [`${home}/.openclaw`, `${home}/.clawdbot`]
}

export function configCandidates(env: Environment, home: string, stateDir: string): readonly string[] {
  const override = said(env['OPENCLAW_CONFIG_PATH'])
  if (override !== undefined) return [underHome(override, home)]
  return [`${stateDir}/openclaw.json`, `${stateDir}/clawdbot.json`]
}

/** Beyond the folder of the configuration: where `$include` may lead since 2026.8 (resolveIncludeRoots). */
export const includeRoots = (env: Environment, dotEnv: Environment, home: string): readonly string[] =>
  (said(env[rootsVariable]) ?? said(dotEnv[rootsVariable]) ?? '')
    .split(':')
    .flatMap((root) => (root.trim() === '' ? [] : [underHome(root.trim(), home)]))

const rootsVariable = 'OPENCLAW_INCLUDE_ROOTS'

/** Undefined: not a port, which the gateway ignores without a word (parseGatewayPortEnvValue). */
export function portOf(text: string | undefined): number | undefined {
  const value = said(text)?.match(/^(?:(?:\[[^\]]+\]|[^:]+):)?(\d+)$/)?.[1]
  return isPort(Number(value)) ? Number(value) : undefined
}

const isPort = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65536

/** What the configuration says that concerns a supervisor; `{}` for anything that is no object. */
export interface GatewaySection {
  readonly port?: number
  readonly bind?: string
  readonly customBindHost?: string
  /** Where its log goes, when not to the usual place. */
  readonly logFile?: string
  /** It speaks TLS on its port, and nothing else (2026.4.26 and 2026.9.6: gateway.tls.enabled). */
  readonly tls?: true
  /** What it puts into the gateway's environment as OPENCLAW_GATEWAY_PORT, where nothing else says one. */
  readonly portInEnv?: string
}

export function gatewaySection(config: unknown): GatewaySection {
  const { gateway, logging, env } = membersOf(config)
  const { port, bind, customBindHost, tls } = membersOf(gateway)
  const { file } = membersOf(logging)
  const portInEnv = membersOf(env)[portVariable] ?? membersOf(membersOf(env)['vars'])[portVariable]
  return {
    ...(typeof file === 'string' && file.startsWith('/') ? { logFile: file } : {}),
    ...(isPort(port) ? { port } : {}),
    ...(typeof bind === 'string' ? { bind } : {}),
    ...(typeof customBindHost === 'string' ? { customBindHost } : {}),
    ...(membersOf(tls)['enabled'] === true ? { tls: true } : {}),
    ...(typeof portInEnv === 'string' ? { portInEnv } : {}),
  }
}

const membersOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}

const portVariable = 'OPENCLAW_GATEWAY_PORT'

/** In the state: what the gateway puts into its own environment, where that says nothing yet (loadGlobalRuntimeDotEnvFiles). */
export const dotEnvName = '.env'

/** What decides where a gateway listens. */
export interface PortSources {
  /** Of the gateway's own command line. */
  readonly args: readonly string[]
  readonly env: Environment
  /** Of the file of that name (dotEnvName). */
  readonly dotEnv: Environment
  readonly section: GatewaySection
  readonly profile: Profile
  /** 2026.8 and later, as far as is known. */
  readonly isOfRows: () => boolean
}

export interface Profile {
  readonly name: string | null
  /** By a flag. */
  readonly isChosen: boolean
}

/** The first that says anything counts, even where it says no port: the configuration is asked then. */
export function gatewayPort({ args, env, dotEnv, section, profile, isOfRows }: PortSources): number {
  const own = profile.isChosen && profile.name === 'dev' ? String(devPort) : undefined
  const variable = [env[portVariable], own, dotEnv[portVariable], section.portInEnv].find(
    (value) => said(value) !== undefined,
  )
  return (
    portOf(optionOf(args, '--port')) ??
    portOf(variable) ??
    section.port ??
    (profile.name !== null && isOfRows() ? portOfProfile(profile.name) : defaultPort)
  )
}

/**
 * Beyond the two loopback addresses: where the gateway will listen. `auto` and `tailnet` are left out: which
 * address they come to is decided by the gateway while it starts.
 */
export function bindAddresses(args: readonly string[], config: GatewaySection): readonly string[] {
  const bind = optionOf(args, '--bind') ?? config.bind
  if (bind === 'lan') return ['0.0.0.0']
  if (bind === 'custom' && config.customBindHost !== undefined) return [config.customBindHost]
  return []
}

export function optionOf(args: readonly string[], name: string): string | undefined {
  const at = args.findIndex((arg) => arg === name || arg.startsWith(`${name}=`))
  const arg = args[at]
  return arg === undefined ? undefined : arg === name ? args[at + 1] : arg.slice(name.length + 1)
}

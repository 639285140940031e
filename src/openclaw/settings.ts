/**
 * Where OpenClaw keeps its state, which configuration it reads and which port it will listen on: the same
 * answers that the gateway gives itself (2026.4.26, dist/paths-B2cMK-wd.js: resolveStateDir, resolveConfigPath,
 * resolveGatewayPort; dist/windows-argv-LT6IiqDq.js: applyCliProfileEnv). What it decides by looking at the
 * disk is given as candidates, best first: the first that exists counts, else the first.
 */
export type Environment = Readonly<Record<string, string | undefined>>

const defaultPort = 18789
/** The profile `dev` has a port of its own (applyCliProfileEnv). */
const devPort = 19001

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

export function stateDirCandidates(
  env: Environment,
  home: string,
  profile: string | null,
): readonly string[] {
  const override = said(env['OPENCLAW_STATE_DIR'])
  if (override !== undefined) return [underHome(override, home)]
  if (profile !== null) return [`${home}/.openclaw-${profile}`]
  return [`${home}/.openclaw`, `${home}/.clawdbot`]
}

/** `default` means none (dist/paths-Dxz5MWt4.js: normalizeGatewayProfile). */
export function profileOf(value: string | undefined): string | null {
  const name = said(value)
  return name === undefined || name.toLowerCase() === 'default' ? null : name
}

/** 2026.4.26, dist/profile-utils-7b3ZHGpe.js: isValidProfileName. */
export const isProfileName = (name: string): boolean => /^[a-z0-9][a-z0-9_-]{0,63}$/i.test(name)

export function configCandidates(env: Environment, home: string, stateDir: string): readonly string[] {
  const override = said(env['OPENCLAW_CONFIG_PATH'])
  if (override !== undefined) return [underHome(override, home)]
  return [`${stateDir}/openclaw.json`, `${stateDir}/clawdbot.json`]
}

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
}

export function gatewaySection(config: unknown): GatewaySection {
  const logFile = (config as { logging?: { file?: unknown } | null } | null | undefined)?.logging?.file
  const log = typeof logFile === 'string' && logFile.startsWith('/') ? { logFile } : {}
  const gateway = (config as { gateway?: unknown } | null | undefined)?.gateway
  if (typeof gateway !== 'object' || gateway === null) return log
  const { port, bind, customBindHost } = gateway as Record<string, unknown>
  return {
    ...log,
    ...(isPort(port) ? { port } : {}),
    ...(typeof bind === 'string' ? { bind } : {}),
    ...(typeof customBindHost === 'string' ? { customBindHost } : {}),
  }
}

/** `--port` of the gateway's own command line beats its environment, which beats its configuration. */
export function gatewayPort(
  args: readonly string[],
  env: Environment,
  profile: string | null,
  config: GatewaySection,
): number {
  return (
    portOf(optionOf(args, '--port')) ??
    portOf(env['OPENCLAW_GATEWAY_PORT']) ??
    (profile === 'dev' ? devPort : undefined) ??
    config.port ??
    defaultPort
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

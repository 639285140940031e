/**
 * Named profiles: one installation beside another. `openclaw --profile NAME` keeps its state in ~/.openclaw-NAME, and tells
 * the name on in OPENCLAW_PROFILE. By itself that variable chooses no state in any version that was tried: it names the
 * port, the workspace and the log (2026.4.26: dist/windows-argv-LT6IiqDq.js, 2026.9.6: dist/profile-wa21S6WO.mjs,
 * applyCliProfileEnv; resolveStateDir knows nothing of it).
 */

/** 2026.4.26, dist/profile-utils-7b3ZHGpe.js: isValidProfileName. */
export const isProfileName = (name: string): boolean => /^[a-z0-9][a-z0-9_-]{0,63}$/i.test(name)

/** `default`, and what is no name, are none (normalizeProfileName). */
export function profileOf(value: string | undefined): string | null {
  const name = value?.trim() ?? ''
  return isProfileName(name) && name.toLowerCase() !== 'default' ? name : null
}

/** What the gateway's own command line chooses: `--profile NAME`, or `--dev` before `gateway` (behind it, it is the gateway's). */
export function profileIn(args: readonly string[]): string | undefined {
  const own = args.slice(0, args.indexOf('gateway') < 0 ? args.length : args.indexOf('gateway'))
  if (own.includes('--dev')) return 'dev'
  const at = args.findIndex((arg) => arg === '--profile' || arg.startsWith('--profile='))
  const arg = args[at]
  return arg === undefined ? undefined : arg === '--profile' ? args[at + 1] : arg.slice('--profile='.length)
}

/** Chosen by that flag, and not by the variable, `dev` has a port of its own (applyCliProfileEnv). */
export const devPort = 19_001

/** Since 2026.8.2 each name has a port of its own, where nothing else says one (resolveGatewayPort): FNV-1a of the name. */
export function portOfProfile(name: string): number {
  let hash = 2_166_136_261
  for (const letter of name) hash = Math.imul(hash ^ letter.charCodeAt(0), 16_777_619) >>> 0
  return 20_000 + (hash % 40_000)
}

/** The same versions' name for it in that of their log: openclaw-<this>-YYYY-MM-DD.log (encodeLogProfileSegment). */
export const logSegmentOf = (name: string): string =>
  name.replace(/[-_A-Z]/g, (letter) =>
    letter === '-' ? '--' : letter === '_' ? '-0' : `-1${letter.toLowerCase()}`,
  )

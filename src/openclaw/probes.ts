/**
 * What the gateway's probe endpoints mean. Only the JSON body counts: unknown paths answer 200 with the control
 * UI's HTML in every version, and `/live` or `/metrics` are such paths.
 *
 * 2026.4.26: /healthz 200 {"ok":true,"status":"live"} as soon as the loop runs; /readyz 503 then 200
 * {"ready":true,"failing":[],"uptimeMs"}. 2026.9.6 adds `suppressed` to the latter, and /startupz: 503
 * {"ok":false,"status":"starting","pendingReason"}, then 200 {"ok":true,"status":"started"}. It is that which says that
 * a start is over; a channel that never connects keeps /readyz at 503, and a restart mends no channel. `suppressed` are
 * channels that it keeps down after three unclean ends within 300 s: it serves, and no message comes through them. A
 * drain (a stop, a restart, a suspension) answers 503, `failing` naming "gateway-draining".
 */
export const livenessPath = '/healthz'
export const readinessPath = '/readyz'
export const startupPath = '/startupz'

export interface Answered {
  readonly status: number
  readonly json: unknown
}

export type Readiness =
  | { readonly is: 'ready' }
  | { readonly is: 'suppressed'; readonly suppressed: readonly string[] }
  | { readonly is: 'failing'; readonly failing: readonly string[] }
  | { readonly is: 'draining' }
  /** Something answers, but not a gateway. */
  | { readonly is: 'stranger' }

export function readinessOf({ status, json }: Answered): Readiness {
  const body = (json ?? {}) as { ready?: unknown; failing?: unknown; suppressed?: unknown }
  if (typeof body !== 'object' || typeof body.ready !== 'boolean') return { is: 'stranger' }
  const [failing, suppressed] = [words(body.failing), words(body.suppressed)]
  if (status === 200 && body.ready)
    return suppressed.length === 0 ? { is: 'ready' } : { is: 'suppressed', suppressed }
  return failing.includes('gateway-draining') ? { is: 'draining' } : { is: 'failing', failing }
}

export type Startup =
  { readonly is: 'started' } | { readonly is: 'not-yet'; readonly why: string } | { readonly is: 'stranger' }

export function startupOf({ status, json }: Answered): Startup {
  const body = (json ?? {}) as { ok?: unknown; status?: unknown; pendingReason?: unknown }
  if (typeof body !== 'object' || typeof body.status !== 'string') return { is: 'stranger' }
  if (status === 200 && body.ok === true && body.status === 'started') return { is: 'started' }
  const { pendingReason } = body
  return { is: 'not-yet', why: typeof pendingReason === 'string' ? pendingReason : body.status }
}

/** Free space under which 2026.9.6 answers ready, fails every turn, and then hangs 325 s over its stop. */
export const roomToServeBytes = 32 * 1024 * 1024

export const isLive = ({ status, json }: Answered): boolean =>
  status === 200 && typeof json === 'object' && json !== null && (json as { ok?: unknown }).ok === true

const words = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((word) => typeof word === 'string') : []

/**
 * While it installs the dependencies of a bundled plugin, 2026.4 blocks its loop in spawnSync: no probe is
 * answered and no signal handled, for minutes. It is told by this descendant (bundled-runtime-root: installBundledRuntimeDeps).
 */
export const isPackageInstallation = (command: string): boolean =>
  /(^|\/|\s)npm(-cli\.js)? (install|ci)\b|^npm install/.test(command)

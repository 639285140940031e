/**
 * Lock files: what is in them, and what the gateway would make of one at its start.
 *
 * `*.jsonl.lock` and `sessions.json.lock`: dist/session-write-lock-*.js of 2026.4.26 ({pid, createdAt, starttime}).
 * The gateway's own: dist/gateway-lock-*.js ({pid, createdAt, configPath, startTime}; note the other spelling).
 */

export interface LockHolder {
  readonly pid: number | null
  /** ms since the epoch. */
  readonly createdAt: number | null
  /** Clock ticks since boot. */
  readonly startTicks: number | null
}

/** Longer is no lock of the gateway's. */
export const lockLimitBytes = 64 * 1024

const tooOldMs = 30 * 60_000

export function lockHolder(text: string): LockHolder {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    parsed = null
  }
  const field = (name: string): unknown =>
    typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>)[name] : undefined
  const whole = (value: unknown): number | null =>
    typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : null
  const pid = whole(field('pid'))
  const created = field('createdAt')
  const createdAt = typeof created === 'string' ? Date.parse(created) : Number.NaN
  return {
    pid: pid === 0 ? null : pid,
    createdAt: Number.isFinite(createdAt) ? createdAt : null,
    startTicks: whole(field('starttime')) ?? whole(field('startTime')),
  }
}

/**
 * - `stale`: the gateway removes it at its start, and takes it as the sign of a cut-off turn.
 * - `held`: its writer lives.
 * - `misread`: the writer is gone, but its pid is alive as something else and nothing tells the two apart.
 */
export type LockState = 'stale' | 'held' | 'misread'

export function lockState(
  holder: LockHolder,
  machine: { readonly now: number; startTicksOf(pid: number): number | undefined },
): LockState {
  if (holder.pid === null || holder.createdAt === null) return 'stale'
  const ticks = machine.startTicksOf(holder.pid)
  if (ticks === undefined) return 'stale'
  if (holder.startTicks !== null && holder.startTicks !== ticks) return 'stale'
  if (machine.now - holder.createdAt > tooOldMs) return 'stale'
  return holder.startTicks === null ? 'misread' : 'held'
}

/**
 * The gateway's own lock names the configuration it works with, and since 2026.9 the state, too; one of another place
 * is no business of ours.
 */
export function gatewayLockPlace(text: string): {
  readonly configPath: string | null
  readonly stateDir: string | null
} {
  const named = (value: unknown): string | null => (typeof value === 'string' ? value : null)
  try {
    const { configPath, stateDir } = (JSON.parse(text) ?? {}) as Record<string, unknown>
    return { configPath: named(configPath), stateDir: named(stateDir) }
  } catch {
    return { configPath: null, stateDir: null }
  }
}

/** One for each user of a machine, in its folder for what is temporary (2026.4.26: resolveGatewayLockDir). */
export const gatewayLockFolder = (userId: number): string => `openclaw-${userId}`
/** `hash`: SHA-256 of the configuration's path, in hex. */
export const gatewayLockName = (hash: string): string => `gateway.${hash.slice(0, 8)}.lock`
export const isGatewayLockName = (name: string): boolean => /^gateway\..+\.lock$/.test(name)

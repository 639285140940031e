/** Session keys, as 2026.4.26 reads them (dist/session-key-*.js, dist/session-key-utils-*.js): case does not count. */

export interface AgentKey {
  readonly agentId: string
  readonly rest: string
}

export function agentKey(key: string): AgentKey | undefined {
  const parts = key.trim().toLowerCase().split(':').filter(Boolean)
  if (parts.length < 3 || parts[0] !== 'agent') return undefined
  return { agentId: parts[1]!.trim(), rest: parts.slice(2).join(':') }
}

/** For a session whose own key nothing on disk still tells.  Not `subagent:`, `cron:` or `acp:`: those live by other rules. */
export const recoveredKey = (agentId: string, sessionId: string): string =>
  `agent:${normalAgentId(agentId)}:recovered:${sessionId.toLowerCase()}`

export function normalAgentId(value: string): string {
  const trimmed = value.trim().toLowerCase()
  if (/^[a-z0-9][a-z0-9_-]{0,63}$/.test(trimmed)) return trimmed
  const tamed = trimmed
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^-+/, '')
    .replace(/-+$/, '')
    .slice(0, 64)
  return tamed === '' ? 'main' : tamed
}

/**
 * The sessions that the gateway's own resume leaves to others
 * (shouldSkipMainRecovery in dist/main-session-restart-recovery-*.js).
 */
export function isLeftToOthers(
  key: string,
  entry: { readonly spawnDepth?: unknown; readonly subagentRole?: unknown },
): boolean {
  if (typeof entry.spawnDepth === 'number' && entry.spawnDepth > 0) return true
  if (entry.subagentRole !== undefined && entry.subagentRole !== null) return true
  const rest = agentKey(key)?.rest ?? key.trim().toLowerCase()
  return /^(subagent|cron|acp):/.test(rest)
}

/** `/^[a-z0-9][a-z0-9._-]{0,127}$/i`, and not the name of a compaction copy (dist/paths-*.js). */
export const isSessionId = (id: unknown): id is string =>
  typeof id === 'string' &&
  /^[a-z0-9][a-z0-9._-]{0,127}$/i.test(id.trim()) &&
  !/\.checkpoint\.[0-9a-f-]{36}$/i.test(id)

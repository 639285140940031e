/** `openclaw.json` is JSON5 (dist/io-*.js of 2026.4.26).  Judged here is only whether it can be read at all. */
import JSON5 from 'json5'

export type Config =
  | { readonly is: 'sound'; readonly version: string | null; readonly value: unknown }
  | { readonly is: 'unreadable'; readonly line: number; readonly column: number; readonly why: string }

/** The gateway's own copy of one that it could read. */
export const lastGoodOf = (configPath: string): string => `${configPath}.last-good`

export const configLimitBytes = 16 * 1024 * 1024

export function config(text: string): Config {
  let parsed: unknown
  try {
    parsed = quietly(() => JSON5.parse<unknown>(text))
  } catch (error) {
    const at = error as { lineNumber?: unknown; columnNumber?: unknown; message?: unknown }
    return {
      is: 'unreadable',
      line: typeof at.lineNumber === 'number' ? at.lineNumber : 1,
      column: typeof at.columnNumber === 'number' ? at.columnNumber : 1,
      why: typeof at.message === 'string' ? at.message.replace(/^JSON5: /, '') : 'does not parse',
    }
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    return { is: 'unreadable', line: 1, column: 1, why: 'not an object' }
  return { is: 'sound', version: touchedBy(parsed as Record<string, unknown>), value: parsed }
}

/** json5 writes to the console about U+2028 and U+2029 in a string, which it reads all the same. */
function quietly<T>(parse: () => T): T {
  const { warn } = console
  Object.assign(console, { warn: () => {} })
  try {
    return parse()
  } finally {
    Object.assign(console, { warn })
  }
}

/**
 * Which agents it names (2026.9.6: dist/agent-scope-config-*.js: `agents.entries`, or the older `agents.list`; without
 * either there is `main`).  Null where a part of it lies in another file.
 */
export function agentsNamedIn(value: unknown): ReadonlySet<string> | null {
  const top = membersOf(value)
  const agents = membersOf(top['agents'])
  const entries = membersOf(agents['entries'])
  if ([top, agents, entries].some((each) => '$include' in each)) return null
  if (agents['entries'] !== undefined) return idsOf(Object.keys(entries))
  const list = agents['list']
  if (Array.isArray(list)) return idsOf(list.map((entry) => membersOf(entry)['id']))
  return list === undefined ? new Set(['main']) : null
}

const idsOf = (ids: readonly unknown[]): ReadonlySet<string> =>
  new Set(ids.flatMap((id) => (typeof id === 'string' ? [id.trim().toLowerCase()] : [])))

const membersOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}

/** `meta.lastTouchedVersion`, written whenever the gateway or its CLI writes the file. */
function touchedBy(parsed: Record<string, unknown>): string | null {
  const version = membersOf(parsed['meta'])['lastTouchedVersion']
  return typeof version === 'string' ? version.slice(0, 64) : null
}

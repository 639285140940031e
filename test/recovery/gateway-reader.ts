/**
 * What a gateway of 2026.4.26 makes of a state, by its own rules: loadSessionStore, resolveSessionFilePath and the
 * session manager's reading of a transcript.  The oracle of the tests: it knows nothing of how recovery works.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

type Json = Record<string, unknown>

/** Session key -> entry, `{}` for whatever does not parse. */
export function store(stateDir: string, agentId = 'main'): Record<string, Json> {
  try {
    const parsed: unknown = JSON.parse(readFileSync(indexOf(stateDir, agentId), 'utf8'))
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? (parsed as Record<string, Json>)
      : {}
  } catch {
    return {}
  }
}

export const indexOf = (stateDir: string, agentId = 'main'): string =>
  join(stateDir, 'agents', agentId, 'sessions', 'sessions.json')

export function fileOf(stateDir: string, entry: Json, agentId = 'main'): string {
  const dir = dirname(indexOf(stateDir, agentId))
  const named = entry['sessionFile']
  if (typeof named === 'string' && named.trim() !== '') {
    if (dirname(named) === dir) return named
    // Structural: believed wherever it lies.
    if (/\/agents\/[^/]+\/sessions\/[^/]+$/.test(named)) return named
    if (!named.startsWith('/')) return join(dir, named)
  }
  return join(dir, `${entry['sessionId'] as string}.jsonl`)
}

/** The messages that the model would be given: null when the gateway would begin the transcript anew. */
export function context(file: string): readonly string[] | null {
  if (!existsSync(file)) return null
  const lines: Json[] = []
  for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
    if (line.trim() === '') continue
    try {
      lines.push(JSON.parse(line) as Json)
    } catch {
      continue
    }
  }
  if (lines[0]?.['type'] !== 'session' || typeof lines[0]['id'] !== 'string') return null
  const byId = new Map<unknown, Json>()
  let leaf: Json | undefined
  for (const line of lines) {
    if (line['type'] === 'session') continue
    byId.set(line['id'], line)
    leaf = line
  }
  const path: Json[] = []
  for (let at = leaf; at !== undefined && path.length <= lines.length; at = byId.get(at['parentId']))
    path.unshift(at)
  return path.flatMap((line) =>
    line['type'] === 'message'
      ? [textOf(line['message'] as Json)]
      : line['type'] === 'compaction'
        ? [`(${JSON.stringify(line['summary'])})`]
        : [],
  )
}

/** Of every session, what the model would be given. */
export function conversations(stateDir: string): Record<string, readonly string[] | null> {
  return Object.fromEntries(
    Object.entries(store(stateDir)).map(([key, entry]) => [key, context(fileOf(stateDir, entry))]),
  )
}

function textOf(message: Json): string {
  const content = message['content']
  const text = Array.isArray(content)
    ? content.map((block: Json) => JSON.stringify(block['text'] ?? block['name'])).join(' ')
    : JSON.stringify(content)
  return `${message['role'] as string}: ${text}`
}

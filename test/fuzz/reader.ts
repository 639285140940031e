/**
 * What a gateway of 2026.4.26 would give the model, by its own rules, of a state in memory: as in
 * ../recovery/gateway-reader.ts, for whatever can give the bytes of a name.
 */
type Json = Record<string, unknown>
export type Read = (path: string) => Buffer | undefined

const objectOf = (text: string): Json | undefined => {
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? (parsed as Json)
      : undefined
  } catch {
    return undefined
  }
}

/** Session key -> the messages in its context; sessions without a transcript are left out. */
export function histories(read: Read, sessionsDir: string): Map<string, readonly string[]> {
  const found = new Map<string, readonly string[]>()
  const store = objectOf(read(`${sessionsDir}/sessions.json`)?.toString('utf8') ?? '') ?? {}
  for (const [key, entry] of Object.entries(store)) {
    const path = fileOf(entry, sessionsDir)
    const bytes = path === undefined ? undefined : read(path)
    const messages = bytes === undefined ? undefined : context(bytes.toString('utf8'))
    if (messages !== undefined) found.set(key, messages)
  }
  return found
}

function fileOf(entry: unknown, dir: string): string | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined
  const { sessionId, sessionFile } = entry as Json
  if (typeof sessionId !== 'string') return undefined
  const named = typeof sessionFile === 'string' ? sessionFile.trim() : ''
  if (named.startsWith(`${dir}/`) && !named.includes('/..')) return named
  if (/^[a-z0-9][a-z0-9._-]{0,127}$/i.test(sessionId.trim()) && (named === '' || !named.startsWith('/')))
    return named === '' || named.includes('..') ? `${dir}/${sessionId.trim()}.jsonl` : `${dir}/${named}`
  return undefined
}

/** Undefined when the gateway would begin the transcript anew, or never come to an end of it. */
function context(text: string): readonly string[] | undefined {
  const lines: Json[] = []
  for (const line of text.trim().split('\n')) {
    const parsed = objectOf(line)
    if (parsed !== undefined) lines.push(parsed)
  }
  if (lines[0]?.['type'] !== 'session' || typeof lines[0]['id'] !== 'string') return undefined
  const byId = new Map<unknown, Json>()
  let leaf: Json | undefined
  for (const line of lines) {
    if (line['type'] === 'session') continue
    byId.set(line['id'], line)
    leaf = line
  }
  const seen = new Set<Json>()
  const path: string[] = []
  for (let at = leaf; at !== undefined; at = byId.get(at['parentId'])) {
    // It walks on for ever.
    if (seen.has(at)) return undefined
    seen.add(at)
    if (at['type'] === 'message') path.unshift(JSON.stringify(at['message']))
  }
  return path
}

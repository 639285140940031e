/**
 * Which file an entry of the index means: resolveSessionFilePath of 2026.4.26 (dist/paths-*.js), as a function of
 * text.  Absolute paths have to be real ones already (the gateway asks realpath first).
 *
 * The trap in it: an absolute path of the shape `.../agents/<id>/sessions/<one name>` is believed wherever it lies, so
 * a state directory that was moved or copied goes on reading and writing the old tree.
 */
import { inside, isAbsolute, resolvePath } from './posix-path.ts'
import { isSessionId, normalAgentId } from './session-key.ts'

export type SessionFile =
  | { readonly is: 'inside'; readonly path: string }
  | { readonly is: 'outside'; readonly path: string }
  /** An id that no file can bear: the gateway ignores such an entry. */
  | { readonly is: 'none' }

export function sessionFile(
  entry: { readonly sessionId: string; readonly sessionFile?: string | undefined },
  where: { readonly stateDir: string; readonly sessionsDir: string },
): SessionFile {
  const named = entry.sessionFile?.trim()
  if (named !== undefined && named !== '') {
    const path = believed(named, where.sessionsDir)
    if (path !== undefined)
      return { is: inside(where.stateDir, path) === undefined ? 'outside' : 'inside', path }
  }
  if (!isSessionId(entry.sessionId)) return { is: 'none' }
  return { is: 'inside', path: `${where.sessionsDir}/${entry.sessionId.trim()}.jsonl` }
}

function believed(named: string, sessionsDir: string): string | undefined {
  const path = resolvePath(sessionsDir, named)
  if (inside(sessionsDir, path) !== undefined) return path
  if (!isAbsolute(named)) return undefined
  const parts = path.split('/').filter(Boolean)
  const at = parts.lastIndexOf('sessions')
  const agentId = parts[at - 1]
  if (at < 2 || agentId === undefined || parts[at - 2] !== 'agents') return undefined
  const agentsDir = resolvePath(sessionsDir, '../..')
  const sibling = `${agentsDir}/${normalAgentId(agentId)}/sessions`
  if (inside(sibling, path) !== undefined) return path
  const oneName = parts.length === at + 2
  return oneName && normalAgentId(agentId) === agentId.trim().toLowerCase() ? path : undefined
}

/**
 * Why a gateway ended with 0, in its own words: 2026.8 and later write a row for a restart that they leave to their
 * supervisor, and one for each life. Read in milliseconds, from a copy; the official command for it starts for
 * seconds, of the sixty that such a row is good for.
 */
import { workshopIn } from '../host/sqlite-workshop.ts'
import { controlPlane, lastWords, lastWordsOf, type LastWords } from '../openclaw/databases.ts'
import type { Package } from '../openclaw/launch.ts'
import { ownPaths } from './own-paths.ts'

export async function lastWordsFrom(
  stateDir: string,
  installed: Package | null,
  gateway: { readonly pid: number; readonly sinceMs: number },
): Promise<LastWords> {
  if (installed?.schemaVersions == null) return { is: 'nothing' }
  const databases = workshopIn(`${ownPaths(stateDir).folder}/workshop`)
  const ask = lastWords(gateway.pid, gateway.sinceMs)
  const looked = await databases?.look(`${stateDir}/${controlPlane}`, { depth: 'none', json: [], ask })
  return looked?.is === 'read' ? lastWordsOf(looked.answers) : { is: 'nothing' }
}

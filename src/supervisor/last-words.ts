/**
 * Why a gateway ended, and whether it ends too often, in its own words: read in milliseconds, from a copy. The official
 * command for it (hand-off.ts) starts for seconds, of the sixty that a hand-off is good for.
 */
import { firstExisting } from '../host/paths.ts'
import { beginsAsDatabase } from '../host/sqlite.ts'
import { workshopIn } from '../host/sqlite-workshop.ts'
import { controlPlane } from '../openclaw/databases.ts'
import { askForLastWords, lastWordsOf, quietMsOf, type LastWords, type Life } from '../openclaw/last-words.ts'
import { ownPaths } from './own-paths.ts'

export interface LastWordsRead {
  readonly words: LastWords
  /** False: there is a database, no damage is seen of it, and its rows could not be read here. */
  readonly isAllRead: boolean
  /** So long a next start would keep its channels down. */
  readonly quietMs: number
}

export async function lastWordsFrom(stateDir: string, life: Life, now: number): Promise<LastWordsRead> {
  const path = `${stateDir}/${controlPlane}`
  // The era of files has none, and pays nothing.
  const isThere = firstExisting([path]) !== undefined
  const databases = isThere ? workshopIn(`${ownPaths(stateDir).folder}/workshop`) : undefined
  const looked = await databases?.look(path, { depth: 'none', json: [], ask: askForLastWords(life) })
  const isUntold = isThere && (looked === undefined || looked.is === 'cannot-tell') && beginsAsDatabase(path)
  const answers = looked?.is === 'read' ? looked.answers : {}
  return {
    words: lastWordsOf(answers, life, now),
    isAllRead: !isUntold,
    quietMs: quietMsOf(answers, now),
  }
}

/**
 * What an index no longer names that it named before.
 *
 * The gateway takes an index that it cannot read for `{}`, and its next message writes that back with one new session
 * in it (2026.4.26: dist/store-load-*.js): sound again, and empty.  That differs from everything that ends sessions on
 * purpose: a deletion and a pruning archive the transcript, a reset does so too or keeps the file, and each of them
 * leaves the other sessions alone.  Only a deletion that was told to leave the transcript (`deleteTranscript: false`)
 * looks alike for one session; the main one cannot be deleted (dist/server-methods-*.js).
 */
import { agentKey } from '../openclaw/session-key.ts'
import { sessionFile } from '../openclaw/session-file.ts'
import type { SessionEntry } from '../openclaw/session-index.ts'

type Entries = ReadonlyMap<string, SessionEntry | null>

export interface Vanished {
  /** Still there under the name that the earlier index gave it: neither archived nor reset. */
  readonly transcripts: readonly { readonly key: string; readonly path: string }[]
  /**
   * - `wiped`: no session of the earlier index survived, and what is gone is more than a deletion can take.
   * - `dropped`: some are gone, and a deletion that leaves the transcript would explain it.
   */
  readonly is: 'none' | 'dropped' | 'wiped'
}

export async function vanishedSince(
  before: Entries,
  now: Entries,
  where: { readonly stateDir: string; readonly sessionsDir: string },
  isThere: (path: string) => boolean | Promise<boolean>,
): Promise<Vanished> {
  const named = new Set<string>()
  for (const entry of now.values()) {
    const path = fileOf(entry, where)
    if (path !== undefined) named.add(path)
  }
  const gone: { key: string; path: string }[] = []
  let survived = 0
  for (const [key, entry] of before) {
    const path = fileOf(entry, where)
    if (path === undefined) continue
    if (named.has(path)) survived++
    else gone.push({ key, path })
  }
  const transcripts = []
  for (const one of gone) if (await isThere(one.path)) transcripts.push(one)
  if (transcripts.length === 0) return { transcripts, is: 'none' }
  const isMore = transcripts.length > 1 || transcripts.some(({ key }) => isMain(key))
  return { transcripts, is: survived === 0 && isMore ? 'wiped' : 'dropped' }
}

function fileOf(
  entry: SessionEntry | null,
  where: { readonly stateDir: string; readonly sessionsDir: string },
): string | undefined {
  if (entry === null) return undefined
  const file = sessionFile(entry, where)
  return file.is === 'inside' && file.path.startsWith(`${where.sessionsDir}/`) ? file.path : undefined
}

const isMain = (key: string): boolean => key === 'global' || agentKey(key)?.rest === 'main'

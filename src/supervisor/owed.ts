/**
 * The mark "recovery owed": on disk before a child starts, gone only when its end was followed by a confirmed
 * consistent state. It survives whoever wrote it: the next supervisor sees that it has to look closely, and
 * which process it might find alive.
 */
import { readSmall, removeFile, replaceFile } from '../host/own-files.ts'
import { folderOf, parent } from '../host/paths.ts'
import type { Identity } from '../host/process-table.ts'

export interface Owed {
  readonly version: 1
  /** Of the boot in which the child was started. */
  readonly bootId: string
  /** In the environment of the gateway and of all that it starts (openclaw/launch.ts). Earlier versions had none. */
  readonly run?: string
  /** Null between the mark and the spawn. */
  readonly child: (Identity & { readonly exe: string | null }) | null
  readonly openclaw: string | null
  /** In which it was written: a state that was copied brings the mark of the other along. Earlier versions had none. */
  readonly folder?: string
}

export const markOwed = (
  path: string,
  owed: Omit<Owed, 'version' | 'folder'>,
  how: { durable: boolean },
): Promise<void> =>
  replaceFile(path, `${JSON.stringify({ version: 1, ...owed, folder: folderOf(parent(path)) })}\n`, how)

export const clearOwed = (path: string): Promise<void> => removeFile(path, { durable: true })

/** A mark that cannot be read is a mark: `unknown`. So is one of another state: whom it names is none of ours. */
export function readOwed(path: string): Owed | 'unknown' | undefined {
  try {
    const bytes = readSmall(path, 64 * 1024)
    if (bytes === undefined) return undefined
    const owed = JSON.parse(bytes.toString('utf8')) as Partial<Owed> | null
    if (owed?.version !== 1 || typeof owed.bootId !== 'string' || owed.child === undefined) return 'unknown'
    return owed.folder === undefined || owed.folder === folderOf(parent(path)) ? (owed as Owed) : 'unknown'
  } catch {
    return 'unknown'
  }
}

/**
 * Is an SQLite database sound?  Asked of a private copy of the file and its log, so that the asking never writes, never
 * folds a log into its database, and leaves no sidecars behind.
 *
 * Node has had SQLite since 22.5; on an older one the answer is `cannot-tell`, and so it is for a database that is too
 * large to be copied at each start.
 */
import { constants, copyFileSync, lstatSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type DatabaseCheck =
  | { readonly is: 'sound' }
  | { readonly is: 'damaged'; readonly evidence: string }
  | { readonly is: 'cannot-tell' }

const mostBytes = 512 * 1024 * 1024

interface Sqlite {
  readonly DatabaseSync: new (
    path: string,
    options: { readonly readOnly: boolean },
  ) => { prepare(sql: string): { all(): unknown[] }; close(): void }
}

let sqlite: Sqlite | null | undefined

export async function checkDatabase(path: string): Promise<DatabaseCheck> {
  sqlite ??= await load()
  if (sqlite === null) return { is: 'cannot-tell' }
  const files = [path, `${path}-wal`].filter(isFile)
  if (files.reduce((sum, file) => sum + lstatSync(file).size, 0) > mostBytes) return { is: 'cannot-tell' }
  const room = mkdtempSync(join(tmpdir(), 'supervise-sqlite-'))
  try {
    for (const file of files)
      copyFileSync(file, join(room, `copy${file.slice(path.length)}`), constants.COPYFILE_FICLONE)
    return quickCheck(sqlite, join(room, 'copy'))
  } finally {
    rmSync(room, { recursive: true, force: true })
  }
}

function quickCheck({ DatabaseSync }: Sqlite, copy: string): DatabaseCheck {
  try {
    const database = new DatabaseSync(copy, { readOnly: false })
    try {
      const rows = database.prepare('PRAGMA quick_check(1)').all()
      const said = Object.values(rows[0] as object)[0] as unknown
      return said === 'ok' ? { is: 'sound' } : { is: 'damaged', evidence: String(said).slice(0, 200) }
    } finally {
      database.close()
    }
  } catch (error) {
    return {
      is: 'damaged',
      evidence: error instanceof Error ? error.message.slice(0, 200) : 'cannot be opened',
    }
  }
}

const isFile = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isFile() === true

/** Node calls it experimental on stderr, which is not ours to fill. */
async function load(): Promise<Sqlite | null> {
  const emitWarning = process.emitWarning.bind(process)
  process.emitWarning = () => undefined
  try {
    const name = 'node:sqlite'
    return (await import(name)) as Sqlite
  } catch {
    return null
  } finally {
    process.emitWarning = emitWarning
  }
}

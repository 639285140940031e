/**
 * Databases of one state, looked at and mended in a workshop of ours: a folder inside the state, so that what is made
 * there can be put in place by a rename. Work on anything large is done in a thread, since it takes seconds, and the
 * loop has signals, a watchdog and probes to answer.
 */
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { asDiskError } from './disk.ts'
import {
  hasSqlite,
  lookInside,
  mayPass,
  said,
  snapshotOf,
  syncFile,
  type Looked,
  type Questions,
} from './sqlite.ts'
import { mendCopy, reportOf, type Mended, type Mending } from './sqlite-mend.ts'
import { startThread } from './thread.ts'

/** Synced files of ours: the database, and what was done to it, with every row that was taken out, as it was. */
export type Made =
  | {
      readonly is: 'made'
      readonly path: string
      readonly report: string
      readonly did: readonly string[]
    }
  | { readonly is: 'cannot'; readonly why: string; readonly canPass: boolean }

export interface Workshop {
  look(path: string, questions: Questions): Promise<Looked>
  /** What stands at `path` is not changed. */
  mend(path: string, mending: Mending): Promise<Made>
  /** A whole copy, with what the log holds, verified and synced: null; or why there is none. */
  snapshot(path: string, to: string): Promise<string | null>
  /** Nothing that was made here is wanted any more. */
  sweep(): void
}

export type Task =
  | { readonly do: 'look'; readonly path: string; readonly workshop: string; readonly questions: Questions }
  | {
      readonly do: 'mend'
      readonly path: string
      readonly workshop: string
      readonly to: string
      readonly mending: Mending
    }
  | { readonly do: 'snapshot'; readonly path: string; readonly workshop: string; readonly to: string }

/** Beyond this a check takes long enough to be felt. */
const threadFromBytes = 32 * 1024 * 1024

let made = 0

/** Undefined where this Node has no SQLite. */
export function workshopIn(folder: string): Workshop | undefined {
  if (!hasSqlite()) return undefined
  return {
    look: async (path, questions) =>
      (await carryOut({ do: 'look', path, workshop: folder, questions })) as Looked,
    async mend(path, mending) {
      const to = join(folder, `${process.pid}-${++made}-${basename(path)}`)
      onDisk('make', folder, () => mkdirSync(folder, { recursive: true, mode: 0o700 }))
      const mended = (await carryOut({ do: 'mend', path, workshop: folder, to, mending })) as Mended
      if (mended.is === 'cannot') return mended
      onDisk('sync', folder, () => {
        // Each directory that names the next: a plan that is durable must find what was made.
        for (const name of [folder, dirname(folder), dirname(dirname(folder))]) syncFile(name)
      })
      return { is: 'made', path: to, report: reportOf(to), did: mended.did }
    },
    async snapshot(path, to) {
      try {
        // What is made in the system's temporary folder could not be renamed to where it belongs.
        for (const dir of [folder, dirname(to)]) mkdirSync(dir, { recursive: true, mode: 0o700 })
      } catch (error) {
        return said(error)
      }
      return (await carryOut({ do: 'snapshot', path, workshop: folder, to })) as string | null
    },
    sweep() {
      onDisk('sweep', folder, () => {
        if (lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return
        for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true, force: true })
      })
    },
  }
}

export async function perform(task: Task): Promise<Looked | Mended | string | null> {
  switch (task.do) {
    case 'look':
      return lookInside(task.path, task.workshop, task.questions)
    case 'mend':
      return mendCopy(task.path, task.workshop, task.to, task.mending)
    case 'snapshot':
      return await snapshotOf(task.path, task.workshop, task.to)
  }
}

const onDisk = (verb: string, path: string, act: () => void): void => {
  try {
    act()
  } catch (error) {
    throw asDiskError(verb, path, error)
  }
}

async function carryOut(task: Task): Promise<unknown> {
  try {
    const bytes = ['', '-wal'].reduce(
      (sum, end) => sum + (lstatSync(task.path + end, { throwIfNoEntry: false })?.size ?? 0),
      0,
    )
    if (bytes < threadFromBytes) return await perform(task)
  } catch (error) {
    throw asDiskError(task.do, task.path, error)
  }
  let clear = (): void => {}
  try {
    const module = new URL('./sqlite-thread.js', import.meta.url)
    const parent = existsSync(task.workshop) ? task.workshop : tmpdir()
    const room = mkdtempSync(join(parent, 'supervise-thread-'))
    clear = () => rmSync(room, { recursive: true, force: true, maxRetries: 5 })
    // A program that is told to end does not wait for its thread, and copies of people's history would stay.
    process.once('exit', clear)
    const { first, thread } = await startThread(module, { ...task, workshop: room }, () => {})
    await thread.end()
    return first
  } catch (error) {
    // Out of memory, for one. What could not be asked is not sound, and not damaged either.
    const why = said(error)
    if (task.do === 'look') return { is: 'cannot-tell', why }
    return task.do === 'mend' ? { is: 'cannot', why, canPass: mayPass(error) } : why
  } finally {
    process.off('exit', clear)
    clear()
  }
}

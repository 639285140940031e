// @ts-check
/**
 * The file store of a 2026.4 gateway, kept the way the real one keeps it, its carelessness included: what it
 * cannot read it takes for empty, without a word. That is what `supervise` stands in front of.
 *
 *   sessions.json                 lock, temporary, fsync, rename
 *   <id>.jsonl                    appended, never synced; a first turn writes it only when the answer is complete
 *   <id>.jsonl.lock               held for the whole turn: {pid, createdAt, starttime}
 *   <id>.trajectory.jsonl         appended later than everything else
 *   <id>.trajectory-path.json     points at it
 */
import { randomUUID } from 'node:crypto'
import {
  appendFileSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/**
 * @typedef {{ sessionId: string, updatedAt: number, sessionFile?: string, status?: string, abortedLastRun?: boolean,
 *   startedAt?: number, endedAt?: number }} Entry
 * @typedef {Record<string, Entry>} Index
 * @typedef {{ type: string, id: string, parentId?: string | null, message?: { role: string, content: unknown } }} Line
 */

/** @param {string} stateDir */
export function openStore(stateDir) {
  const dir = join(stateDir, 'agents/main/sessions')
  const indexPath = join(dir, 'sessions.json')
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  /** @type {Set<string>} */
  const locks = new Set()
  /** The newest turn of each session. @type {Map<string, Promise<unknown>>} */
  const lanes = new Map()

  /** @returns {Index} */
  const index = () => {
    try {
      const parsed = JSON.parse(readFileSync(indexPath, 'utf8'))
      return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? parsed : {}
    } catch {
      return {}
    }
  }

  /** @param {(index: Index) => void} change */
  const update = (change) => {
    const lock = `${indexPath}.lock`
    takeLock(lock)
    try {
      const next = index()
      change(next)
      const temporary = `${indexPath}.${randomUUID()}.tmp`
      const file = openSync(temporary, 'wx', 0o600)
      writeSync(file, JSON.stringify(next, null, 2))
      fsyncSync(file)
      closeSync(file)
      renameSync(temporary, indexPath)
      const folder = openSync(dir, 'r')
      fsyncSync(folder)
      closeSync(folder)
    } finally {
      rmSync(lock, { force: true })
    }
  }

  /** @param {Entry} entry */
  const fileOf = (entry) =>
    entry.sessionFile ? join(dir, basename(entry.sessionFile)) : join(dir, `${entry.sessionId}.jsonl`)

  /** @param {Entry} entry @returns {Line[]} */
  const lines = (entry) => {
    if (!existsSync(fileOf(entry))) return []
    const parsed = readFileSync(fileOf(entry), 'utf8').split('\n').map(lineOf)
    return parsed.filter((line) => line !== undefined)
  }

  /** What the real one does before a run: broken lines are dropped, and without a header everything is. @param {Entry} entry */
  const mend = (entry) => {
    const file = fileOf(entry)
    if (!existsSync(file)) return
    const found = readFileSync(file, 'utf8').split('\n')
    const sound = found.filter((text) => lineOf(text) !== undefined)
    if (lineOf(found[0] ?? '')?.type !== 'session') rmSync(file)
    else if (sound.length < found.filter((text) => text !== '').length) {
      writeFileSync(`${file}.bak-${process.pid}-${Date.now()}`, found.join('\n'))
      writeFileSync(file, `${sound.join('\n')}\n`)
    }
  }

  /**
   * @param {string} key
   * @param {string} message
   * @param {number} thinkMs
   */
  const runTurn = async (key, message, thinkMs) => {
    const startedAt = Date.now()
    update((all) => {
      const known = all[key] ?? { sessionId: randomUUID(), updatedAt: startedAt }
      const sessionFile = known.sessionFile ?? join(dir, `${known.sessionId}.jsonl`)
      const { endedAt: _, ...rest } = known
      all[key] = { ...rest, sessionFile, status: 'running', updatedAt: startedAt, startedAt }
    })
    const entry = index()[key]
    if (entry === undefined) throw new Error(`cannot run a turn of ${key}: the index lost it`)
    const file = fileOf(entry)
    const lock = `${file}.lock`
    takeLock(lock)
    locks.add(lock)
    try {
      mend(entry)
      const trajectory = file.replace(/\.jsonl$/, '.trajectory.jsonl')
      const pointer = {
        traceSchema: 'openclaw-trajectory-pointer',
        schemaVersion: 1,
        sessionId: entry.sessionId,
        runtimeFile: trajectory,
      }
      writeFileSync(file.replace(/\.jsonl$/, '.trajectory-path.json'), JSON.stringify(pointer), {
        mode: 0o600,
      })
      /** @param {string} type @param {object} data */
      const trace = (type, data) => {
        const head = {
          traceSchema: 'openclaw-trajectory',
          schemaVersion: 1,
          traceId: entry.sessionId,
          source: 'runtime',
        }
        const event = {
          ...head,
          type,
          ts: new Date().toISOString(),
          sessionId: entry.sessionId,
          sessionKey: key,
          data,
        }
        return appendFile(trajectory, `${JSON.stringify(event)}\n`, { mode: 0o600 }).catch(() => {})
      }

      void trace('prompt.submitted', { prompt: message })
      const before = lines(entry)
      const header = {
        type: 'session',
        version: 3,
        id: entry.sessionId,
        timestamp: new Date().toISOString(),
        cwd: stateDir,
      }
      const user = messageLine(
        before.at(-1)?.type === 'session' ? null : (before.at(-1)?.id ?? null),
        'user',
        message,
      )
      const first = before.length === 0
      if (!first) appendLine(file, user)
      await new Promise((resolve) => setTimeout(resolve, thinkMs))
      if (first) for (const line of [header, user]) appendLine(file, line)
      appendLine(file, messageLine(user.id, 'assistant', `I heard: ${message}`))
      await trace('session.ended', {})
      update((all) => {
        const endedAt = Date.now()
        const own = all[key]
        if (own?.sessionId === entry.sessionId)
          all[key] = { ...own, status: 'done', abortedLastRun: false, updatedAt: endedAt, endedAt }
      })
      return entry.sessionId
    } finally {
      locks.delete(lock)
      rmSync(lock, { force: true })
    }
  }

  return {
    index,
    update,
    lines,

    /**
     * One turn: the user's message, some thinking, the answer. A session has one at a time, the next waits for it.
     *
     * @param {string} key
     * @param {string} message
     * @param {number} thinkMs
     */
    turn(key, message, thinkMs) {
      const before = lanes.get(key) ?? Promise.resolve()
      const own = before.catch(() => {}).then(() => runTurn(key, message, thinkMs))
      lanes.set(key, own)
      return own
    },

    /** What happens at a start: locks whose writer is gone are removed and their turns marked. */
    cleanLocks() {
      const stale = readdirSync(dir).filter(
        (name) => name.endsWith('.jsonl.lock') && isStale(join(dir, name)),
      )
      for (const name of stale) rmSync(join(dir, name), { force: true })
      const ids = new Set(stale.map((name) => name.slice(0, -'.jsonl.lock'.length)))
      if (ids.size === 0) return stale
      update((all) => {
        for (const entry of Object.values(all))
          if (entry?.status === 'running' && ids.has(entry.sessionId)) entry.abortedLastRun = true
      })
      return stale
    },

    /** Keys of turns that were cut off and can go on; the others are marked failed. */
    interrupted() {
      const keys = Object.entries(index()).filter(
        ([, entry]) => entry?.status === 'running' && entry.abortedLastRun === true,
      )
      const resumable = keys.filter(
        ([, entry]) => lines(entry).findLast(({ message }) => message)?.message?.role === 'user',
      )
      const failed = keys.filter((key) => !resumable.includes(key)).map(([key]) => key)
      if (failed.length > 0)
        update((all) => {
          for (const key of failed)
            all[key] = {
              ...(all[key] ?? { sessionId: '', updatedAt: 0 }),
              status: 'failed',
              endedAt: Date.now(),
            }
        })
      return resumable.map(([key]) => key)
    },

    /** At a stop the real one lets go of its locks and nothing else. */
    dropLocks() {
      for (const lock of locks) rmSync(lock, { force: true })
    },
  }
}

/** @param {string} text @returns {Line | undefined} */
function lineOf(text) {
  try {
    const line = JSON.parse(text)
    return typeof line === 'object' && line !== null && typeof line.type === 'string' ? line : undefined
  } catch {
    return undefined
  }
}

/** @param {string | null} parentId @param {string} role @param {string} text */
const messageLine = (parentId, role, text) => ({
  type: 'message',
  id: randomUUID().slice(0, 8),
  parentId,
  timestamp: new Date().toISOString(),
  message: { role, content: [{ type: 'text', text }], timestamp: Date.now() },
})

/** @param {string} file @param {object} line */
const appendLine = (file, line) => appendFileSync(file, `${JSON.stringify(line)}\n`)

/** @param {number | string} pid */
const startTicks = (pid) => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19])
}

/** @param {string} path */
function takeLock(path) {
  const text = JSON.stringify(
    { pid: process.pid, createdAt: new Date().toISOString(), starttime: startTicks('self') },
    null,
    2,
  )
  try {
    writeFileSync(path, text, { flag: 'wx' })
  } catch (cause) {
    if (!isStale(path))
      throw new Error(`session file locked: ${basename(dirname(path))}/${basename(path)}`, { cause })
    rmSync(path, { force: true })
    writeFileSync(path, text, { flag: 'wx' })
  }
}

/** @param {string} path */
function isStale(path) {
  try {
    const { pid, starttime } = JSON.parse(readFileSync(path, 'utf8'))
    const ticks = startTicks(pid)
    return typeof starttime === 'number' && ticks !== starttime
  } catch {
    // Unreadable, or nobody of that pid.
    return true
  }
}

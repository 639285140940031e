// @ts-check
/**
 * A sound state directory of OpenClaw 2026.4, as big as asked, the same bytes at every run: for each session a line
 * in an index, a transcript, a trajectory and the pointer to it. Sizes are those of real states.
 */
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * @typedef {object} Shape
 * @property {number} agents
 * @property {number} sessions of all agents together
 * @property {number} entryBytes of one entry of an index; 2026.4.26 writes 11 KB, mostly a copy of its prompt
 */

const began = Date.UTC(2026, 3, 26)

/** @param {string} stateDir @param {Shape} shape @returns {{ files: number, bytes: number }} */
export function makeState(stateDir, { agents, sessions, entryBytes }) {
  let files = 0
  let bytes = 0
  /** @param {string} path @param {string} text */
  const put = (path, text) => {
    writeFileSync(path, text, { mode: 0o600 })
    files++
    bytes += text.length
    // Long ago: what was written a moment before a look is read again at the next one.
    utimesSync(path, began / 1000, began / 1000)
  }
  mkdirSync(stateDir, { recursive: true, mode: 0o700 })
  put(join(stateDir, 'openclaw.json'), '{ "gateway": { "mode": "local" } }\n')
  for (let agent = 0; agent < agents; agent++) {
    const name = agent === 0 ? 'main' : `agent-${agent}`
    const folder = join(stateDir, 'agents', name, 'sessions')
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    /** @type {Record<string, unknown>} */
    const index = {}
    for (let at = agent; at < sessions; at += agents) {
      const id = idOf(at)
      const key = `agent:${name}:direct:${at}`
      const updatedAt = began + at * 1000
      const entry = { sessionId: id, sessionFile: join(folder, `${id}.jsonl`), updatedAt, ...turn(updatedAt) }
      const skills = { prompt: filler(at, entryBytes - JSON.stringify(entry).length) }
      index[key] = { ...entry, skillsSnapshot: skills }
      put(join(folder, `${id}.jsonl`), transcript(id, at))
      put(join(folder, `${id}.trajectory.jsonl`), trajectory(id, key, at))
      put(join(folder, `${id}.trajectory-path.json`), pointer(id, join(folder, `${id}.trajectory.jsonl`)))
    }
    put(join(folder, 'sessions.json'), JSON.stringify(index, null, 2))
  }
  return { files, bytes }
}

/** @param {number} at */
const turn = (at) => ({
  status: 'done',
  startedAt: at - 900,
  endedAt: at,
  inputTokens: 1200,
  outputTokens: 240,
  totalTokens: 1440,
  abortedLastRun: false,
})

/** @param {number} at */
const idOf = (at) => {
  const hex = hash(at).toString(16).padStart(8, '0')
  return `${hex}-${hex.slice(0, 4)}-4${hex.slice(1, 4)}-8${hex.slice(4, 7)}-${at.toString(16).padStart(12, '0')}`
}

/** @param {number} seed @returns {number} 32 bits */
const hash = (seed) => {
  let mixed = Math.imul(seed + 1, 0x9e3779b1)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b)
  return (mixed ^ (mixed >>> 13)) >>> 0
}

const words = 'the gateway answers and the session goes on until somebody asks for something else again '
/** @param {number} seed @param {number} length */
const filler = (seed, length) =>
  `${seed} ${words.repeat(Math.ceil(Math.max(0, length) / words.length))}`.slice(0, Math.max(0, length))

/** Between 2 and 34 KB. @param {string} id @param {number} at */
function transcript(id, at) {
  const timestamp = new Date(began + at * 1000).toISOString()
  const lines = [
    JSON.stringify({ type: 'session', version: 3, id, timestamp, cwd: '/home/openclaw/workspace' }),
  ]
  let parentId = null
  for (let turn = 0; turn < 2 + (hash(at) % 32); turn++) {
    const own = hash(at * 64 + turn)
      .toString(16)
      .padStart(8, '0')
    const message = {
      role: turn % 2 === 0 ? 'user' : 'assistant',
      content: [{ type: 'text', text: filler(turn, 850) }],
      timestamp: began + at * 1000 + turn,
    }
    lines.push(JSON.stringify({ type: 'message', id: own, parentId, timestamp, message }))
    parentId = own
  }
  return `${lines.join('\n')}\n`
}

/** Between 16 and 140 KB. @param {string} id @param {string} sessionKey @param {number} at */
function trajectory(id, sessionKey, at) {
  const ts = new Date(began + at * 1000).toISOString()
  const lines = []
  for (let seq = 1; seq <= 4 + (hash(at) % 32); seq++)
    lines.push(
      JSON.stringify({
        traceSchema: 'openclaw-trajectory',
        schemaVersion: 1,
        type: 'context.compiled',
        ts,
        seq,
        sessionId: id,
        sessionKey,
        data: { systemPrompt: filler(seq, 3700) },
      }),
    )
  return `${lines.join('\n')}\n`
}

/** @param {string} sessionId @param {string} runtimeFile */
const pointer = (sessionId, runtimeFile) =>
  `${JSON.stringify({ traceSchema: 'openclaw-trajectory-pointer', schemaVersion: 1, sessionId, runtimeFile }, null, 2)}\n`

// @ts-check
/**
 * A copy of demo/crashed-state that a gateway can start on: at its new place (transcripts, pointers and index name
 * absolute paths), and as if the crash had been half a minute ago (sessions that nobody touched for thirty days
 * are pruned by the gateway itself, which is no damage).
 *
 * The state is what a real OpenClaw 2026.4.26 left when it was killed in the middle of three turns, shortened (no
 * task records, no prompts in the trajectories), with what other crashes left elsewhere added:
 *
 *   sessions.json                 empty; beside it the temporary of a cut-off write, complete but for one session
 *   318a8613-... (main)           mid-turn: lock left, the answer's line torn
 *   43843767-... (other)          the final newline missing; its lock without a start time, and its pid in use again
 *   1deae697-... (telegram)       named by no index: its key stands in its trajectory
 *   85e99ff6-... (resetme)        its trajectory renamed away by a `doctor --fix`
 *   b86f20ad-... (firstturn)      killed in its first turn: a pointer to a trajectory that was never written
 *   gateway-restart-intent.json   of an earlier life
 */
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const original = fileURLToPath(new URL('crashed-state', import.meta.url))
const originalDir = '/home/openclaw/.openclaw'
const diedAt = Date.parse('2026-11-22T09:27:50.000Z')

/**
 * @param {string} dir where the copy goes: must not exist
 * @param {{ port: number, modelUrl?: string, logFile: string, pidInUse: number }} place
 */
export async function copyOfCrash(dir, { port, modelUrl, logFile, pidInUse }) {
  const later = Date.now() - 30_000 - diedAt
  for (const name of await readdir(original, { recursive: true, withFileTypes: true })) {
    if (!name.isFile()) continue
    const from = join(name.parentPath, name.name)
    const to = join(dir, shift(from.slice(original.length), later))
    await mkdir(dirname(to), { recursive: true, mode: 0o700 })
    let text = shift((await readFile(from, 'utf8')).replaceAll(originalDir, dir), later)
    if (name.name === '43843767-7668-4853-9dc5-7716f82346c0.jsonl.lock')
      text = text.replace(/"pid": \d+/, `"pid": ${pidInUse}`)
    if (name.name === 'openclaw.json') {
      const config = JSON.parse(text)
      config.gateway.port = port
      config.logging.file = logFile
      if (modelUrl !== undefined) config.models.providers.fake.baseUrl = modelUrl
      text = `${JSON.stringify(config, null, 2)}\n`
    }
    await writeFile(to, text, { mode: 0o600 })
  }
}

/** @param {string} text @param {number} byMs */
const shift = (text, byMs) =>
  text
    .replace(/2026-11-22T(\d\d)([:-])(\d\d)[:-](\d\d\.\d{3}Z)/g, (_, hours, colon, minutes, rest) => {
      const moved = new Date(Date.parse(`2026-11-22T${hours}:${minutes}:${rest}`) + byMs).toISOString()
      return colon === ':' ? moved : moved.replaceAll(':', '-')
    })
    .replace(/\b17953\d{8}\b/g, (ms) => String(Number(ms) + byMs))

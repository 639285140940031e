/** The stand-in gateway; a turn of its own with the word "poison" in its session kills it while it is under way. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

// The real one begins to resume five seconds after it is ready, the stand-in at once: so that it is seen ready before.
const { setTimeout } = globalThis
globalThis.setTimeout = (fire, ms, ...rest) => setTimeout(fire, ms === 300 ? 1500 : ms, ...rest)

const dir = join(process.env['OPENCLAW_STATE_DIR'], 'agents/main/sessions')
setInterval(() => {
  for (const name of readdirSync(dir).filter((name) => name.endsWith('.jsonl.lock'))) {
    try {
      const isOurs = JSON.parse(readFileSync(join(dir, name), 'utf8')).pid === process.pid
      if (isOurs && readFileSync(join(dir, name.slice(0, -'.lock'.length)), 'utf8').includes('poison'))
        process.kill(process.pid, 'SIGKILL')
    } catch {
      // Half written, gone again, or a first turn, which has no transcript yet.
    }
  }
}, 5)
await import('../../../demo/gateway.mjs')

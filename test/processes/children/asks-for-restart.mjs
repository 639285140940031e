// An OpenClaw of 2026.8 or later, as far as its restart hand-offs go: `gateway run` is ready, and ends with 0 as soon as
// the file `restart` lies beside it, having left a hand-off (good for `lifeMs`) where this Node can write one; `gateway restart-handoff`
// answers as the file `answers` beside it says ({capabilities, consume, lifeMs}; `hang` for no answer at all; killed while
// it is asked where the file `kill` lies there).
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { note, serve } from './endpoints.mjs'

const beside = (name) => new URL(name, `file://${process.argv[1]}`)
const { lifeMs = 60_000, ...answers } = JSON.parse(readFileSync(beside('answers'), 'utf8'))
const [, , , verb, question, , expectedPid] = process.argv

if (verb === 'restart-handoff') {
  note(`${question} ${question === 'consume' ? expectedPid : ''}`.trim())
  const answer = answers[question]
  if (existsSync(beside('kill'))) {
    rmSync(beside('kill'))
    process.kill(process.pid, 'SIGKILL')
  } else if (answer === 'hang') setInterval(() => {}, 60_000)
  else {
    // As the first start after an installation does.
    console.log('[postinstall] {pruned}')
    console.log(JSON.stringify(answer, null, 2))
  }
} else {
  serve()
  process.on('SIGTERM', () => process.exit(0))
  setInterval(() => {
    if (!existsSync(beside('restart'))) return
    rmSync(beside('restart'))
    void leaveHandOff()
      .catch(() => {})
      .then(() => process.exit(0))
  }, 50)
}

async function leaveHandOff() {
  const { DatabaseSync } = await import('node:sqlite').catch(() => ({}))
  if (DatabaseSync === undefined) return
  const database = new DatabaseSync(`${process.env['OPENCLAW_STATE_DIR']}/state/openclaw.sqlite`)
  const now = Date.now()
  database
    .prepare(
      `INSERT OR REPLACE INTO gateway_restart_handoff
         (handoff_key, kind, version, intent_id, pid, created_at, expires_at, reason, source, restart_kind, supervisor_mode, updated_at_ms)
       VALUES ('current', 'gateway-supervisor-restart-handoff', 1, 'one', ?, ?, ?, 'config reload', 'config-write', 'full-process', 'external', ?)`,
    )
    .run(process.pid, now, now + lifeMs, now)
  database.close()
}

// @ts-check
// What is started again and again: its first instruction notes the time of a clock that all processes share.
// Then it writes what a turn writes, a line of a transcript and the index anew, is ready as a gateway says it, and waits.
const bornAt = process.hrtime.bigint()
const { appendFileSync, copyFileSync, readdirSync, readFileSync, renameSync } = await import('node:fs')
const { createServer } = await import('node:http')

/** @param {string} line */
const note = (line) => appendFileSync(process.env['BENCH_JOURNAL'] ?? '/dev/null', `${line}\n`)
note(`born ${process.pid} ${bornAt}`)

const sessions = process.env['BENCH_SESSIONS']
if (sessions !== undefined) {
  const name = readdirSync(sessions).find((each) => /^[0-9a-f-]+\.jsonl$/.test(each))
  const last = JSON.parse(readFileSync(`${sessions}/${name}`, 'utf8').trimEnd().split('\n').at(-1) ?? '{}')
  const message = { role: 'user', content: [{ type: 'text', text: 'and again' }], timestamp: Date.now() }
  const id = process.pid.toString(16).padStart(8, '0')
  const line = { type: 'message', id, parentId: last.id, timestamp: new Date().toISOString(), message }
  appendFileSync(`${sessions}/${name}`, `${JSON.stringify(line)}\n`)
  copyFileSync(`${sessions}/sessions.json`, `${sessions}/sessions.json.${process.pid}.tmp`)
  renameSync(`${sessions}/sessions.json.${process.pid}.tmp`, `${sessions}/sessions.json`)
}

const server = createServer((request, answer) => {
  const isReadiness = request.url?.startsWith('/ready') === true
  answer.writeHead(200, { 'content-type': 'application/json' })
  answer.end(
    JSON.stringify(isReadiness ? { ready: true, failing: [], uptimeMs: 1 } : { ok: true, status: 'live' }),
  )
})
server.listen(Number(process.env['BENCH_PORT']), '127.0.0.1', () => note(`listens ${process.pid}`))
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0))

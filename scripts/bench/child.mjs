// @ts-check
// What is started again and again: its first instruction notes the time of a clock that all processes share.
// Then it is ready at once, as a gateway says it, and waits.
const bornAt = process.hrtime.bigint()
const { appendFileSync } = await import('node:fs')
const { createServer } = await import('node:http')

/** @param {string} line */
const note = (line) => appendFileSync(process.env['BENCH_JOURNAL'] ?? '/dev/null', `${line}\n`)
note(`born ${process.pid} ${bornAt}`)

const server = createServer((request, answer) => {
  const isReadiness = request.url?.startsWith('/ready') === true
  answer.writeHead(200, { 'content-type': 'application/json' })
  answer.end(
    JSON.stringify(isReadiness ? { ready: true, failing: [], uptimeMs: 1 } : { ok: true, status: 'live' }),
  )
})
server.listen(Number(process.env['BENCH_PORT']), '127.0.0.1', () => note(`listens ${process.pid}`))
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0))

// A gateway whose moments are chosen by the test: it is up at once, ready when the file DIR/ready is there, and
// drained after SIGTERM when DIR/drained is there.  Until then it says what a starting gateway says.
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'

const [gates] = process.argv.slice(2)
const port = Number(process.env['OPENCLAW_GATEWAY_PORT'] ?? 18789)
const started = Date.now()

const server = createServer((request, response) => {
  const ready = existsSync(`${gates}/ready`)
  const [status, body] = /^\/(healthz|health)$/.test(request.url)
    ? [200, { ok: true, status: 'live' }]
    : [
        ready ? 200 : 503,
        { ready, failing: ready ? [] : ['startup-sidecars'], uptimeMs: Date.now() - started },
      ]
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
})
server.listen(port, '127.0.0.1')

process.on('SIGTERM', () => {
  setInterval(() => {
    if (existsSync(`${gates}/drained`)) process.exit(0)
  }, 10)
})

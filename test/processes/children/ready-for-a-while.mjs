// Ready for the milliseconds given (500) after the first answer that said so; then alive, and not ready.
import { createServer } from 'node:http'
import { argument, port, stopOn } from './endpoints.mjs'
stopOn('SIGTERM', 'SIGINT')
let first
createServer((request, response) => {
  const json = (status, value) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  if (request.url.startsWith('/healthz')) return json(200, { ok: true, status: 'live' })
  first ??= Date.now()
  const ready = Date.now() - first < Number(argument(0, 500))
  json(ready ? 200 : 503, { ready, failing: ready ? [] : ['channels'] })
}).listen(port, '127.0.0.1')

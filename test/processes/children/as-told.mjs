// A gateway of 2026.8 or later: its start is over at once, and what it says of its readiness stands in the file that
// CHILD_JOURNAL names, with `.readyz` after it.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { port, stopOn } from './endpoints.mjs'
stopOn('SIGTERM', 'SIGINT')
createServer((request, response) => {
  const json = (status, value) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  if (request.url === '/healthz') return json(200, { ok: true, status: 'live' })
  if (request.url === '/startupz') return json(200, { ok: true, status: 'started' })
  const told = JSON.parse(readFileSync(`${process.env['CHILD_JOURNAL']}.readyz`, 'utf8'))
  json(told.ready ? 200 : 503, told)
}).listen(port, '127.0.0.1')

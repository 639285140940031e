// What every child here has in common: the gateway's probe endpoints, at the port that the gateway would take.
//   GET /healthz, /health   200 {"ok":true,"status":"live"}
//   GET /readyz, /ready     503 {"ready":false,"failing":[...],"uptimeMs":n}, then 200 {"ready":true,"failing":[],"uptimeMs":n}
//   anything else           200 and a page of HTML
// Where CHILD_JOURNAL names a file, each start is written there first: `started <pid>`.
import { appendFileSync } from 'node:fs'
import { createServer } from 'node:http'

export const note = (line) => {
  const journal = process.env['CHILD_JOURNAL']
  if (journal) appendFileSync(journal, `${line} ${process.pid}\n`)
}
note('started')

/** Nothing that a test forgot lives for ever. */
export const longestLifeMs = 600_000
setTimeout(() => process.exit(99), longestLifeMs).unref()

const portFromArguments = process.argv.includes('--port') && process.argv[process.argv.indexOf('--port') + 1]
export const port = Number(portFromArguments || process.env['OPENCLAW_GATEWAY_PORT'] || 18789)

const begun = Date.now()

/** `ready` is asked at each question; `told` is called after the first answer that said ready. */
export const serve = ({
  ready = () => true,
  told = () => {},
  make = createServer,
  host = '127.0.0.1',
} = {}) => {
  let first = true
  const server = make((request, response) => {
    const path = request.url.split('?')[0]
    const answer = (status, type, body) => response.writeHead(status, { 'content-type': type }).end(body)
    const json = (status, value) => answer(status, 'application/json; charset=utf-8', JSON.stringify(value))
    if (path === '/healthz' || path === '/health') return json(200, { ok: true, status: 'live' })
    if (path !== '/readyz' && path !== '/ready')
      return answer(200, 'text/html', '<!doctype html><title>Control</title>')
    const isReady = ready()
    json(isReady ? 200 : 503, {
      ready: isReady,
      failing: isReady ? [] : ['startup-sidecars'],
      uptimeMs: Date.now() - begun,
    })
    if (isReady && first) {
      first = false
      response.on('close', told)
    }
  })
  server.listen(port, host, () => note('listening'))
  return server
}

/** Ends with 0 on the first of these, as an idle gateway does. */
export const stopOn = (...signals) => {
  for (const signal of signals)
    process.on(signal, () => {
      note('stopped')
      process.exit(0)
    })
}

export const argument = (index, otherwise) => {
  const plain = process.argv.slice(2).filter((word, at, all) => word !== '--port' && all[at - 1] !== '--port')
  return plain[index] ?? otherwise
}

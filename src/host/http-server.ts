/**
 * A small HTTP listener that bears whoever connects: GET and HEAD only, no bodies, few connections, short
 * patience. It runs on a thread of its own (http-thread.ts), so that a flood costs the supervisor nothing.
 */
import { createServer } from 'node:http'

export interface Reply {
  readonly status: number
  readonly type: string
  readonly body: string
}

/** More than any prober or scraper needs at once. */
const mostConnections = 64
const patienceMs = 5_000

/** Resolves to the port (of use when 0 was asked for); rejects when it cannot listen. */
export const listenHttp = (
  host: string,
  port: number,
  reply: (path: string) => Promise<Reply>,
): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer(
      {
        requestTimeout: patienceMs,
        headersTimeout: patienceMs,
        connectionsCheckingInterval: 1_000,
        maxHeaderSize: 8 * 1024,
      },
      (request, response) => {
        const send = ({ status, type, body }: Reply): void => {
          const head = {
            'content-type': type,
            'content-length': Buffer.byteLength(body),
            connection: 'close',
            'cache-control': 'no-store',
            'x-content-type-options': 'nosniff',
          }
          response.writeHead(status, head).end(request.method === 'HEAD' ? undefined : body)
        }
        if (request.method !== 'GET' && request.method !== 'HEAD') {
          send({ status: 405, type: 'application/json', body: '{"error":"GET or HEAD only"}\n' })
          return
        }
        const path = (request.url ?? '/').split('?')[0] ?? '/'
        reply(path).then(send, () =>
          send({ status: 500, type: 'application/json', body: '{"error":"internal"}\n' }),
        )
      },
    )
    server.maxConnections = mostConnections
    server.keepAliveTimeout = 1
    server.setTimeout(patienceMs)
    server.once('error', reject)
    server.listen(port, host, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })

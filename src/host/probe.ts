/**
 * Asks one HTTP question and says what came back. Whatever the other side does is an answer;
 * it never follows a redirect, never waits longer
 * than it was told, and never keeps a connection: the gateway closes idle ones after 5 s, and the next question
 * on a pooled one would read as a dead gateway.
 *
 * The body counts only where it is JSON: unknown paths answer 200 with a page of HTML.
 */
import { get as getPlain } from 'node:http'

export type Answer =
  | { readonly is: 'answered'; readonly status: number; readonly json: unknown; readonly ms: number }
  | { readonly is: 'no-answer'; readonly why: string }

const bodyLimitBytes = 64 * 1024

export async function probe(url: string, timeoutMs: number): Promise<Answer> {
  // Loaded where it is needed: few gateways speak TLS.
  const get = url.startsWith('https:') ? (await import('node:https')).get : getPlain
  return await new Promise((resolve) => {
    const begun = performance.now()
    const end = (answer: Answer): void => {
      clearTimeout(timer)
      request.destroy()
      resolve(answer)
    }
    const nothing = (why: string): void => end({ is: 'no-answer', why })
    const timer = setTimeout(() => nothing(`no answer within ${timeoutMs} ms`), timeoutMs)
    const request = get(url, options, (response) => {
      const chunks: Buffer[] = []
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        chunks.push(chunk)
        if (bytes > bodyLimitBytes) nothing(`an answer of more than ${bodyLimitBytes} bytes`)
      })
      response.on('end', () => {
        const json = jsonOf(Buffer.concat(chunks))
        end({ is: 'answered', status: response.statusCode ?? 0, json, ms: performance.now() - begun })
      })
      response.on('aborted', () => nothing('the connection was cut in the middle of the answer'))
      response.on('error', (error) => nothing(reason(error)))
    })
    request.on('error', (error) => nothing(reason(error)))
  })
}

/** A certificate names what clients call the gateway, and never this loopback address; who answers, the socket's owner tells. */
const options = { agent: false, headers: { accept: 'application/json' }, rejectUnauthorized: false } as const

const jsonOf = (body: Buffer): unknown => {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

const reason = (error: NodeJS.ErrnoException): string =>
  error.code === 'ECONNREFUSED' ? 'nobody listens' : (error.code ?? error.message)

/**
 * The HTTP listener, only when asked for. It lives on a thread of its own: bad requests, slow clients and floods
 * meet that thread, and never the loop that keeps the gateway.
 */
import type { Clock } from '../host/clock.ts'
import type { Log } from '../host/log.ts'
import { startThread } from '../host/thread.ts'
import { beatMs } from './endpoints.ts'
import type { Entry, Unstamped } from './ledger.ts'
import { lookAtListeners, obstructionAt } from './port-sight.ts'
import type { Status } from './status.ts'

export type Told =
  | { readonly is: 'beat' }
  | { readonly is: 'status'; readonly status: Status }
  | { readonly is: 'entry'; readonly entry: Unstamped<Entry> }
  | { readonly is: 'probe'; readonly probe: 'liveness' | 'readiness'; readonly ms: number }

export interface HttpAddress {
  readonly host: string
  readonly port: number
}

export interface Http {
  tell(told: Told): void
  close(): Promise<void>
}

export const noHttp: Http = { tell: () => {}, close: async () => {} }

type NotOpened = Extract<OpenedHttp, { is: 'failed' }>
export type OpenedHttp =
  | { readonly is: 'open'; readonly http: Http }
  | {
      readonly is: 'failed'
      readonly evidence: string
      readonly command: string | null
      readonly canPass: boolean
    }

export async function openHttp(address: HttpAddress, clock: Clock, log: Log): Promise<OpenedHttp> {
  const { thread, first } = await startThread(
    new URL('./http-thread.js', import.meta.url),
    address,
    (error) => log.error('the HTTP listener failed', { err: error }),
  )
  const begun = first as { is: 'listening'; port: number } | { is: 'failed'; why: string }
  if (begun.is === 'failed') {
    await thread.end()
    return { is: 'failed', ...(await whyNotAt(address, begun.why)) }
  }
  log.info('answering probes', {
    http: `http://${address.host.includes(':') ? `[${address.host}]` : address.host}:${begun.port}`,
  })
  let forget = (): void => {}
  const beat = (): void => {
    thread.send({ is: 'beat' })
    forget = clock.after(beatMs, beat)
  }
  beat()
  return {
    is: 'open',
    http: {
      tell: (told) => thread.send(told),
      close: async () => {
        forget()
        await thread.end()
      },
    },
  }
}

/** A port that somebody has may be free later; an address that is none of this machine's, or a privileged port, not. */
async function whyNotAt({ host, port }: HttpAddress, code: string): Promise<Omit<NotOpened, 'is'>> {
  const what = `cannot listen for --http on ${host}, port ${port}`
  if (code !== 'EADDRINUSE') return { evidence: `${what}: ${code}`, command: null, canPass: false }
  const obstruction = await obstructionAt(port, host)
  return {
    evidence: `${what}: ${obstruction?.evidence ?? 'somebody had it a moment ago'}`,
    command: obstruction?.command ?? lookAtListeners(port),
    canPass: true,
  }
}

/**
 * The gateway's own WebSocket RPC, as its own backend speaks it: protocol frames as in docs/gateway/protocol.md of
 * the package. A `gateway-client` in mode `backend` with the shared token needs no device and no pairing on
 * loopback. The WebSocket implementation is the one in the gateway's own installation.
 */
import { randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'

interface Socket {
  on(event: 'message', listener: (data: Buffer) => void): void
  on(event: 'close', listener: (code: number, reason: Buffer) => void): void
  on(event: 'error', listener: (error: Error) => void): void
  send(text: string): void
  terminate(): void
}

export interface Rpc {
  readonly version: string
  call(method: string, params?: object, limitMs?: number): Promise<Record<string, unknown>>
  close(): void
}

interface Waiting {
  readonly resolve: (payload: Record<string, unknown>) => void
  readonly reject: (error: Error) => void
  readonly final: boolean
}
type Frame = {
  readonly type: string
  readonly id: string
  readonly ok: boolean
  readonly event?: string
  readonly payload?: Record<string, unknown>
  readonly error?: { readonly message?: string; readonly code?: string }
}

const scopes = ['operator.admin', 'operator.read', 'operator.write', 'operator.approvals', 'operator.pairing']

export async function connect(entry: string, port: number, token: string, limitMs = 15_000): Promise<Rpc> {
  const WebSocket = createRequire(entry)('ws') as new (url: string, options: object) => Socket
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { maxPayload: 64 << 20, perMessageDeflate: false })
  const waiting = new Map<string, Waiting>()
  let gone: Error | undefined
  let challenged = (): void => {}
  const challenge = new Promise<void>((resolve) => (challenged = resolve))

  const fail = (error: Error): void => {
    gone ??= error
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
    challenged()
  }
  socket.on('error', fail)
  socket.on('close', (code, reason) =>
    fail(new Error(`the gateway closed the connection: ${code} ${reason.toString()}`)),
  )
  socket.on('message', (data) => {
    const frame = JSON.parse(data.toString()) as Frame
    if (frame.event === 'connect.challenge') challenged()
    if (frame.type !== 'res') return
    const asked = waiting.get(frame.id)
    // `agent` answers twice under one id: accepted, then how it ended.
    if (asked === undefined || (asked.final && frame.payload?.['status'] === 'accepted')) return
    waiting.delete(frame.id)
    if (frame.ok) asked.resolve(frame.payload ?? {})
    else asked.reject(new Error(frame.error?.message ?? frame.error?.code ?? 'the gateway said no'))
  })

  const call = (
    method: string,
    params: object = {},
    callLimitMs = 30_000,
    final = false,
  ): Promise<Record<string, unknown>> =>
    new Promise((resolve, reject) => {
      if (gone !== undefined) return reject(gone)
      const id = randomUUID()
      const timer = setTimeout(() => {
        waiting.delete(id)
        reject(new Error(`${method} was not answered within ${callLimitMs} ms`))
      }, callLimitMs)
      const settled =
        <T>(settle: (value: T) => void) =>
        (value: T): void => {
          clearTimeout(timer)
          settle(value)
        }
      waiting.set(id, { resolve: settled(resolve), reject: settled(reject), final })
      socket.send(JSON.stringify({ type: 'req', id, method, params }))
    })

  const timer = setTimeout(
    () => fail(new Error(`no challenge on port ${port} within ${limitMs} ms`)),
    limitMs,
  )
  await challenge
  clearTimeout(timer)
  const client = { id: 'gateway-client', version: '1.0.0', platform: 'linux', mode: 'backend' }
  const hello = await call('connect', {
    minProtocol: 1,
    maxProtocol: 99,
    client,
    role: 'operator',
    scopes,
    caps: [],
    auth: { token },
  })
  return {
    version: String((hello['server'] as { version?: unknown } | undefined)?.version),
    call: (method, params, limit) => call(method, params, limit, method === 'agent'),
    close: () => socket.terminate(),
  }
}

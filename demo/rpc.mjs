// @ts-check
/**
 * A real gateway's own WebSocket RPC, spoken as its own backend speaks it: frames as in docs/gateway/protocol.md of
 * the package. A `gateway-client` in mode `backend` with the shared token needs no device and no pairing on
 * loopback. The WebSocket implementation is the one in the gateway's own installation.
 */
import { randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'
import { textOf } from './model.mjs'

/**
 * @typedef {{ on(event: string, listener: (...args: any[]) => void): void, send(text: string): void, terminate(): void }} Socket
 * @typedef {Record<string, unknown>} Payload
 * @typedef {{ resolve: (payload: Payload) => void, reject: (error: Error) => void, final: boolean }} Waiting
 * @typedef {{ type: string, id: string, ok: boolean, event?: string, payload?: Payload,
 *   error?: { message?: string, code?: string } }} Frame
 * @typedef {{ role: string, text: string }} Said
 */

const scopes = ['operator.admin', 'operator.read', 'operator.write', 'operator.approvals', 'operator.pairing']

/**
 * @param {string} entry openclaw.mjs of the installation
 * @param {number} port
 * @param {string} token
 */
export async function connect(entry, port, token, limitMs = 15_000) {
  const WebSocket = createRequire(entry)('ws')
  /** @type {Socket} */
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { maxPayload: 64 << 20, perMessageDeflate: false })
  /** @type {Map<string, Waiting>} */
  const waiting = new Map()
  /** @type {Error | undefined} */
  let gone
  let challenged = () => {}
  const challenge = new Promise(
    (/** @type {(value?: undefined) => void} */ resolve) => (challenged = resolve),
  )

  /** @param {Error} error */
  const fail = (error) => {
    gone ??= error
    for (const one of waiting.values()) one.reject(error)
    waiting.clear()
    challenged()
  }
  socket.on('error', fail)
  socket.on('close', (code, reason) =>
    fail(new Error(`the gateway closed the connection: ${code} ${reason}`)),
  )
  socket.on('message', (data) => {
    /** @type {Frame} */
    const frame = JSON.parse(String(data))
    if (frame.event === 'connect.challenge') challenged()
    if (frame.type !== 'res') return
    const asked = waiting.get(frame.id)
    // `agent` answers twice under one id: accepted, then how it ended.
    if (asked === undefined || (asked.final && frame.payload?.['status'] === 'accepted')) return
    waiting.delete(frame.id)
    if (frame.ok) asked.resolve(frame.payload ?? {})
    else asked.reject(new Error(frame.error?.message ?? frame.error?.code ?? 'the gateway said no'))
  })

  /**
   * @param {string} method
   * @param {object} [params]
   * @returns {Promise<Payload>}
   */
  const call = (method, params = {}, callLimitMs = 30_000) =>
    new Promise((resolve, reject) => {
      if (gone !== undefined) {
        reject(gone)
        return
      }
      const id = randomUUID()
      const timer = setTimeout(() => {
        waiting.delete(id)
        reject(new Error(`${method} was not answered within ${callLimitMs} ms`))
      }, callLimitMs)
      waiting.set(id, {
        resolve: (payload) => {
          clearTimeout(timer)
          resolve(payload)
        },
        reject: (error) => {
          clearTimeout(timer)
          reject(error)
        },
        final: method === 'agent',
      })
      socket.send(JSON.stringify({ type: 'req', id, method, params }))
    })

  const timer = setTimeout(
    () => fail(new Error(`no challenge on port ${port} within ${limitMs} ms`)),
    limitMs,
  )
  await challenge
  clearTimeout(timer)
  const client = { id: 'gateway-client', version: '1.0.0', platform: 'linux', mode: 'backend' }
  const protocol = { minProtocol: 1, maxProtocol: 99 }
  const hello = await call('connect', {
    ...protocol,
    client,
    role: 'operator',
    scopes,
    caps: [],
    auth: { token },
  })
  const { version } = /** @type {{ version?: unknown }} */ (hello['server'] ?? {})

  return {
    version: String(version),
    call,
    close: () => socket.terminate(),

    /** Sends a message and waits for the end of the turn. @param {string} sessionKey @param {string} message */
    turn: (sessionKey, message, turnLimitMs = 60_000) =>
      call('agent', { message, sessionKey, deliver: false, idempotencyKey: randomUUID() }, turnLimitMs),

    /** What a client is shown. @param {string} sessionKey @returns {Promise<Said[]>} */
    async history(sessionKey) {
      const { messages } = await call('chat.history', { sessionKey, limit: 1000 })
      return /** @type {{ role: string, content: unknown }[]} */ (messages).map(({ role, content }) => ({
        role,
        text: textOf(content),
      }))
    },

    /** @returns {Promise<string[]>} */
    async sessions() {
      const { sessions } = await call('sessions.list', {})
      return /** @type {{ key: string }[]} */ (sessions).map(({ key }) => key).sort()
    },
  }
}

/** @typedef {Awaited<ReturnType<typeof connect>>} Rpc */

/**
 * @template T
 * @param {Promise<Rpc>} connecting
 * @param {(rpc: Rpc) => Promise<T>} use
 */
export async function over(connecting, use) {
  const rpc = await connecting
  try {
    return await use(rpc)
  } finally {
    rpc.close()
  }
}

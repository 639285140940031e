#!/usr/bin/env node
// @ts-check
/**
 * A stand-in for the OpenClaw gateway of 2026.4: small, without dependencies, up in a moment, and to a supervisor
 * the same: where it finds its state, configuration and port, what its probes answer, how it ends and restarts,
 * and what a kill leaves on its disk (session-store.mjs). Nobody answers in it but an echo.
 *
 * A turn is nearly always under way, so that a kill -9 lands in the middle of one.
 * POST /turn {"key", "message", "thinkMs"} adds one. GET /sessions/<key>/history shows one, as the real gateway does.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore } from './session-store.mjs'

process.title = 'openclaw-gateway'
const bornAt = Date.now()

/** @param {string} line */
const log = (line) => console.log(`${new Date().toISOString()} [gateway] ${line}`)
/** @param {number} status @param {string} line @returns {never} */
const refuse = (status, line) => {
  console.error(line)
  process.exit(status)
}

const { stateDir, port, lockPath } = settle()
const store = openStore(stateDir)
let ready = false

const server = createServer((request, answer) => {
  const path = new URL(request.url ?? '/', 'http://localhost').pathname
  if (request.method === 'POST' && path === '/turn') {
    void addTurn(request, answer)
    return
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    answer.writeHead(405, { allow: 'GET, HEAD' }).end('Method Not Allowed')
    return
  }
  const history = /^\/sessions\/([^/]+)\/history$/.exec(path)?.[1]
  if (path === '/health' || path === '/healthz') json(answer, 200, { ok: true, status: 'live' })
  else if (path === '/ready' || path === '/readyz')
    json(answer, ready ? 200 : 503, {
      ready,
      failing: ready ? [] : ['startup-sidecars'],
      uptimeMs: Date.now() - bornAt,
    })
  else if (history !== undefined) showHistory(answer, decodeURIComponent(history))
  // Whatever it does not know, the real one answers with its control UI, too.
  else
    answer
      .writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
      .end('<!doctype html><title>OpenClaw Control</title>')
})

for (const signal of /** @type {const} */ (['SIGTERM', 'SIGINT']))
  process.on(signal, () => {
    log(`received ${signal}; shutting down`)
    leave()
  })
// The real one restarts itself like this when its configuration changes. Under a supervisor it only ends.
process.on('SIGUSR1', () => {
  log('received SIGUSR1; restarting')
  log('restart mode: full process restart (supervisor restart)')
  leave()
})

log('starting...')
server.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
  rmSync(lockPath, { force: true })
  if (error.code !== 'EADDRINUSE')
    refuse(1, `Gateway failed to start: failed to bind gateway socket: ${error.message}`)
  refuse(
    0,
    `Gateway failed to start: another gateway instance is already listening on ws://127.0.0.1:${port} | ${error.message}`,
  )
})
server.listen(port, '127.0.0.1', () => {
  // The second loopback family where there is one; the real one goes on without it, too.
  const second = createServer((request, answer) => server.emit('request', request, answer))
  second.on('error', (error) => log(`failed to bind loopback alias ::1: ${error.message}`))
  second.listen(port, '::1')
  log(`http server listening on port ${port}`)
  for (const name of store.cleanLocks()) log(`removed stale session lock: ${name}`)
  ready = true
  log('ready')
  void resume().then(live)
})

async function resume() {
  await new Promise((resolve) => setTimeout(resolve, 300))
  for (const key of store.interrupted()) {
    log(`resumed interrupted session: ${key}`)
    const message =
      '[System] Your previous turn was interrupted by a gateway restart. Continue and finish the interrupted response.'
    await store.turn(key, message, 50).catch(complain)
  }
}

async function live() {
  for (let count = 1; ; count += 1) {
    await new Promise((resolve) => setTimeout(resolve, 200))
    await store
      .turn('agent:main:clock', `Is it ${new Date().toISOString()}? (${count})`, 1000)
      .catch(complain)
  }
}

/** @param {unknown} error */
function complain(error) {
  log(`turn failed: ${error instanceof Error ? error.message : String(error)}`)
}

/** @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} answer */
async function addTurn(request, answer) {
  try {
    let body = ''
    for await (const chunk of request) body += chunk
    const { key = 'agent:main:main', message = 'hello', thinkMs = 100 } = body === '' ? {} : JSON.parse(body)
    json(answer, 200, { sessionId: await store.turn(key, message, thinkMs) })
  } catch (error) {
    json(answer, 500, { error: error instanceof Error ? error.message : String(error) })
  }
}

/** @param {import('node:http').ServerResponse} answer @param {string} key */
function showHistory(answer, key) {
  const entry = store.index()[key]
  if (entry === undefined) {
    json(answer, 404, { ok: false, error: { type: 'not_found', message: `Session not found: ${key}` } })
    return
  }
  const messages = store.lines(entry).flatMap(({ message }) => (message === undefined ? [] : [message]))
  json(answer, 200, { sessionKey: key, messages })
}

/** @param {import('node:http').ServerResponse} answer @param {number} status @param {object} body */
function json(answer, status, body) {
  answer.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
  answer.end(JSON.stringify(body))
}

/** As the real one: no drain, the answer in the making is lost, its turn stays "running", exit 0. */
function leave() {
  store.dropLocks()
  rmSync(lockPath, { force: true })
  process.exit(0)
}

/** Where the gateway finds what it works with: its command line, its environment, its configuration. */
function settle() {
  const env = process.env
  const home = env['OPENCLAW_HOME'] || env['HOME'] || homedir()
  const dir = env['OPENCLAW_STATE_DIR'] || join(home, '.openclaw')
  const configPath = env['OPENCLAW_CONFIG_PATH'] || join(dir, 'openclaw.json')
  if (!existsSync(configPath)) refuse(78, 'Missing config. Run `openclaw setup` or set gateway.mode=local.')
  /** @type {{ gateway?: { mode?: string, port?: number } } | undefined} */
  let config
  try {
    config = JSON.parse(readFileSync(configPath, 'utf8'))
  } catch (error) {
    console.error(
      `Config invalid\nFile: ${configPath}\nProblem:\n  - <root>: ${error instanceof Error ? error.message : ''}`,
    )
  }
  if (config?.gateway?.mode !== 'local')
    refuse(78, 'Gateway start blocked: existing config is missing gateway.mode.')

  const at = process.argv.findIndex((arg) => arg === '--port' || arg.startsWith('--port='))
  const asked = process.argv[at]?.split('=')[1] ?? (at < 0 ? undefined : process.argv[at + 1])
  const number = Number(asked ?? env['OPENCLAW_GATEWAY_PORT'] ?? config?.gateway?.port ?? 18789)

  const locks = join(tmpdir(), `openclaw-${process.getuid?.() ?? 'user'}`)
  mkdirSync(locks, { recursive: true, mode: 0o700 })
  const lock = join(
    locks,
    `gateway.${createHash('sha256').update(configPath).digest('hex').slice(0, 8)}.lock`,
  )
  const stat = readFileSync('/proc/self/stat', 'latin1')
  const startTime = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19])
  writeFileSync(
    lock,
    JSON.stringify({ pid: process.pid, createdAt: new Date().toISOString(), configPath, startTime }),
  )
  return { stateDir: dir, port: number, lockPath: lock }
}

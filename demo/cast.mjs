// @ts-check
/** The two gateways that the story can be told with: how each is started, spoken to, and seen to resume a turn. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { copyOfCrash } from './crashed-copy.mjs'
import { nodeFor, openclawFromNpm } from './from-npm.mjs'
import { startModel, textOf } from './model.mjs'
import { connect, over } from './rpc.mjs'
import { say, until } from './stage.mjs'

/**
 * @typedef {{
 *   command: string[],
 *   env: Record<string, string>,
 *   startLimitMs: number,
 *   history: (key: string) => Promise<string[]>,
 *   beginTurn: () => Promise<void>,
 *   resumed: (times: number) => Promise<boolean>,
 *   close: () => Promise<void>,
 * }} Gateway
 * @typedef {{ root: string, stateDir: string, port: number }} Place
 * @typedef {{ messages?: { content: unknown }[] }} Shown
 */

const interrupted = 'Your previous turn was interrupted by a gateway restart'
const token = 'dummy-token'

/** @param {Place} place @returns {Promise<Gateway>} */
export async function standIn({ root, stateDir, port }) {
  await copyOfCrash(stateDir, { port, logFile: join(root, 'gateway.log'), pidInUse: process.pid })
  const history = historyOn(port)
  return {
    command: [process.execPath, fileURLToPath(new URL('gateway.mjs', import.meta.url)), 'gateway', 'run'],
    env: {},
    startLimitMs: 30_000,
    history,
    beginTurn: async () => {
      const body = JSON.stringify({ key: 'agent:main:main', message: 'Is anybody there?', thinkMs: 60_000 })
      // Nobody waits for the answer: the gateway is about to be killed.
      fetch(`http://127.0.0.1:${port}/turn`, { method: 'POST', body }).then(
        async (answer) => say(`    the gateway answered too early: ${await answer.text()}`),
        () => {},
      )
      await until('the turn is on record', 30_000, async () =>
        (await history('agent:main:main')).includes('Is anybody there?'),
      )
    },
    resumed: async (times) => {
      const said = await history('agent:main:main')
      return said.filter((text) => text.startsWith('[System]') && text.includes(interrupted)).length >= times
    },
    close: async () => {},
  }
}

/** @param {string} version @param {Place} place @returns {Promise<Gateway>} */
export async function realOne(version, { root, stateDir, port }) {
  const openclaw = await openclawFromNpm(version, { say })
  const node = await nodeFor(openclaw, { say })
  const model = await startModel()
  await copyOfCrash(stateDir, {
    port,
    modelUrl: model.url,
    logFile: join(root, 'gateway.log'),
    pidInUse: process.pid,
  })
  return {
    command: [node, openclaw.entry, 'gateway', 'run'],
    env: { ...openclaw.env, OPENCLAW_NO_AUTO_UPDATE: '1', npm_config_offline: 'true' },
    startLimitMs: 120_000,
    history: (key) =>
      over(connect(openclaw.entry, port, token), async (rpc) =>
        (await rpc.history(key)).map(({ text }) => text),
      ),
    beginTurn: async () => {
      const rpc = await connect(openclaw.entry, port, token)
      // Nobody waits for the answer: the gateway is about to be killed.
      void rpc.turn('agent:main:other', 'hold:story Is anybody there?').then(rpc.close, rpc.close)
      await model.request(({ prompt }) => prompt.includes('hold:story'), 60_000, 'for an answer')
    },
    resumed: async (times) =>
      model.requests.filter(({ prompt }) => prompt.includes(interrupted)).length >= times,
    close: () => model.close(),
  }
}

/** What the stand-in shows of a session. @param {number} port */
function historyOn(port) {
  return async (/** @type {string} */ key) => {
    const url = `http://127.0.0.1:${port}/sessions/${encodeURIComponent(key)}/history`
    const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) })
    const { messages = [] } = /** @type {Shown} */ (await answer.json())
    return messages.map(({ content }) => textOf(content))
  }
}

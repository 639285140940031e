// @ts-check
/**
 * A model server for a real gateway: speaks as much of the OpenAI chat API as OpenClaw uses, on loopback, and
 * writes down what it was asked. What the gateway asks is the witness of what a user's agent still remembers.
 *
 * Words in the newest user message steer it; each steers only the first request that carries it, so that a turn
 * which the gateway resumes goes through:
 *
 *   hold:ANY     streams one word and then nothing until release() or the end of the connection
 *   slow:MS      streams its answer over that time
 *   fail:ANY     answers 500
 *   run:COMMAND| calls the exec tool with this command, and says "ran it" when the result comes
 */
import { createServer } from 'node:http'

/**
 * @typedef {{ role: string, content: unknown, tool_call_id?: string }} Message
 * @typedef {{ messages: readonly Message[], prompt: string, at: number, answered: boolean }} Request
 */

/**
 * @param {number} [port]
 */
export async function startModel(port = 0) {
  /** @type {Request[]} */
  const requests = []
  /** @type {Set<string>} */
  const used = new Set()
  /** @type {Set<() => void>} */
  const watchers = new Set()
  /** @type {Set<() => void>} */
  const held = new Set()
  let failing = false
  const changed = () => watchers.forEach((look) => look())

  const server = createServer((incoming, answer) => {
    incoming.on('error', () => {})
    answer.on('error', () => {})
    if (incoming.method !== 'POST' || !incoming.url?.endsWith('/chat/completions')) {
      answer.writeHead(incoming.url?.endsWith('/models') ? 200 : 404, { 'content-type': 'application/json' })
      answer.end('{"object":"list","data":[{"id":"echo","object":"model"}]}')
      return
    }
    /** @type {Buffer[]} */
    const chunks = []
    incoming.on('data', (chunk) => chunks.push(chunk))
    incoming.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString('utf8'))
      /** @type {readonly Message[]} */
      const messages = body.messages
      const prompt = newestOf(messages)
      /** @type {Request} */
      const request = { messages, prompt, at: Date.now(), answered: false }
      requests.push(request)
      changed()
      void speak(answer, body, messages, prompt).finally(() => {
        request.answered = answer.writableFinished || answer.writableEnded
        changed()
      })
    })
  })

  /**
   * @param {RegExp} word
   * @param {string} prompt
   */
  const steer = (word, prompt) => {
    const found = word.exec(prompt)
    if (!found || used.has(found[0])) return undefined
    used.add(found[0])
    return found[1] ?? ''
  }

  /**
   * @param {import('node:http').ServerResponse} answer
   * @param {{ stream?: boolean, model?: string }} body
   * @param {readonly Message[]} messages
   * @param {string} prompt
   */
  const speak = async (answer, body, messages, prompt) => {
    if (failing || steer(/fail:(\w+)/, prompt) !== undefined) {
      answer.writeHead(500, { 'content-type': 'application/json' })
      answer.end('{"error":{"message":"the model fails, as told","type":"server_error"}}')
      return
    }
    const say = open(answer, body)
    const command = steer(/run:([^|]+)\|/, prompt)
    if (command !== undefined) {
      say.call('exec', { command: command.trim() })
      return
    }
    const text = messages.at(-1)?.role === 'tool' ? 'ran it' : `You said: ${prompt.slice(-200)}`
    const words = text.split(/(?<= )/)
    if (steer(/hold:(\w+)/, prompt) !== undefined) {
      say.word(words[0] ?? '')
      await new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
        held.add(resolve)
        answer.on('close', () => resolve())
      })
    }
    const slowMs = Number(steer(/slow:(\d+)/, prompt) ?? 0)
    for (const word of words) {
      if (slowMs > 0) await new Promise((resolve) => setTimeout(resolve, slowMs / words.length))
      say.word(word)
    }
    say.stop()
  }

  await new Promise((/** @type {(value?: undefined) => void} */ resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve())
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the model server has no port')

  return {
    url: `http://127.0.0.1:${address.port}/v1`,
    requests,
    /** While it does, every request is answered with 500. @param {boolean} does */
    failing: (does) => {
      failing = does
    },
    release: () => {
      for (const go of held) go()
      held.clear()
    },
    /**
     * The first request that `is` says yes to, those of before included.
     *
     * @param {(request: Request) => boolean} is
     * @param {number} limitMs
     * @param {string} what for the error
     * @returns {Promise<Request>}
     */
    request: (is, limitMs, what) =>
      new Promise((resolve, reject) => {
        const end = () => {
          clearTimeout(timer)
          watchers.delete(look)
        }
        const look = () => {
          const found = requests.find(is)
          if (found === undefined) return
          end()
          resolve(found)
        }
        const timer = setTimeout(() => {
          end()
          const seen =
            requests.map(({ prompt }) => JSON.stringify(prompt.slice(0, 80))).join(', ') || 'nothing'
          reject(new Error(`the model was not asked ${what} within ${limitMs} ms; it was asked ${seen}`))
        }, limitMs)
        watchers.add(look)
        look()
      }),
    close: () =>
      new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** @typedef {Awaited<ReturnType<typeof startModel>>} Model */

/**
 * What the user said last. (2026.9.6 puts a message of its own behind it, in the user's name.)
 *
 * @param {readonly Message[]} messages
 */
const newestOf = (messages) =>
  messages
    .filter(({ role }) => role === 'user')
    .map(({ content }) => textOf(content))
    .findLast((text) => !text.startsWith('<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>')) ?? ''

/**
 * All text of a message, whichever of the API's shapes it has.
 *
 * @param {unknown} content
 * @returns {string}
 */
export const textOf = (content) =>
  typeof content === 'string'
    ? content
    : Array.isArray(content)
      ? content.map((part) => (typeof part?.text === 'string' ? part.text : '')).join('')
      : ''

/**
 * @param {import('node:http').ServerResponse} answer
 * @param {{ stream?: boolean, model?: string }} body
 */
function open(answer, body) {
  const id = 'chatcmpl-demo'
  const head = { id, created: 1, model: body.model ?? 'echo' }
  const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }
  let text = ''
  if (body.stream) answer.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })

  /** @param {object} delta @param {string | null} reason */
  const chunk = (delta, reason) => {
    if (!body.stream) return
    const choices = [{ index: 0, delta, finish_reason: reason }]
    answer.write(
      `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices, usage: reason ? usage : null })}\n\n`,
    )
  }
  /** @param {object} message @param {string} reason */
  const end = (message, reason) => {
    if (body.stream) {
      chunk({}, reason)
      answer.end('data: [DONE]\n\n')
      return
    }
    answer.writeHead(200, { 'content-type': 'application/json' })
    answer.end(
      JSON.stringify({
        ...head,
        object: 'chat.completion',
        choices: [{ index: 0, message, finish_reason: reason }],
        usage,
      }),
    )
  }

  return {
    /** @param {string} word */
    word: (word) => {
      text += word
      chunk({ role: 'assistant', content: word }, null)
    },
    stop: () => end({ role: 'assistant', content: text }, 'stop'),
    /** @param {string} name @param {object} args */
    call: (name, args) => {
      const call = { id: 'call_demo', type: 'function', function: { name, arguments: JSON.stringify(args) } }
      chunk({ role: 'assistant', content: null, tool_calls: [{ index: 0, ...call }] }, null)
      end({ role: 'assistant', content: null, tool_calls: [call] }, 'tool_calls')
    },
  }
}

// @ts-check
// `flood.mjs serve PORT` answers; `flood.mjs ask URL` asks, on eight connections at once, without end.
import { Agent, createServer, get } from 'node:http'

const [what, where = ''] = process.argv.slice(2)
if (what === 'serve') {
  const body = 'x'.repeat(2000)
  createServer((_, answer) => answer.end(body)).listen(Number(where), '127.0.0.1')
} else {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  const ask = () => {
    get(where, { agent }, (answer) => answer.resume().once('close', ask)).once('error', () =>
      setTimeout(ask, 10),
    )
  }
  for (let each = 0; each < 8; each++) ask()
}

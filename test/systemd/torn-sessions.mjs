// Fills the state directory DIR with COUNT sessions whose transcripts all end in a torn line.
import { mkdirSync, writeFileSync } from 'node:fs'
const [dir, count] = process.argv.slice(2)
const sessions = `${dir}/agents/main/sessions`
mkdirSync(sessions, { recursive: true })
const timestamp = '2026-04-26T00:00:00.000Z'
const index = {}
for (let i = 0; i < Number(count); i++) {
  const sessionId = `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`
  const message = { role: 'user', content: [{ type: 'text', text: 'hello' }] }
  const lines = [
    { type: 'session', version: 3, id: sessionId, timestamp, cwd: '/' },
    { type: 'message', id: '00000001', parentId: null, timestamp, message },
  ]
  writeFileSync(
    `${sessions}/${sessionId}.jsonl`,
    `${lines.map((line) => JSON.stringify(line)).join('\n')}\n{"type":"mess`,
  )
  index[`agent:main:torn-${i}`] = { sessionId, updatedAt: Date.parse(timestamp), status: 'done' }
}
writeFileSync(`${sessions}/sessions.json`, `${JSON.stringify(index, null, 2)}\n`)

// Says which processes run SCRIPT (`node SCRIPT ...`), or have retitled themselves to what a gateway is called, first
// and at every change, as one JSON array of pids a line.
// Looks every few milliseconds, so that a second copy is seen even when it lives only for a moment.
import { readdirSync, readFileSync } from 'node:fs'

const [script] = process.argv.slice(2)
let said = ''

const look = () => {
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const [title, first] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
        return first === script || title === 'openclaw-gateway'
      } catch {
        return false // it ended while we looked
      }
    })
  const line = JSON.stringify(pids.map(Number))
  if (line !== said) console.log(line)
  said = line
}

look()
setInterval(look, 5)
process.stdin.on('end', () => process.exit(0)).resume()

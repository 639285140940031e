// Says which processes run SCRIPT (`node SCRIPT ...`), first and at every change, as one JSON array of pids a line.
// Looks every few milliseconds, so that a second copy is seen even when it lives only for a moment.
import { readdirSync, readFileSync } from 'node:fs'

const [script] = process.argv.slice(2)
let said = ''

const look = () => {
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[1] === script
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

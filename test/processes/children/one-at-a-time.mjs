// Ready after the milliseconds given (0); after SIGTERM it drains for the milliseconds given then (0). Notes `overlap`
// at its first instruction when another of its kind is alive on the same journal.
import { readFileSync, writeFileSync } from 'node:fs'
import { argument, note, serve } from './endpoints.mjs'

const startTicks = (pid) => {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ')
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return undefined
  }
}
const claim = `${process.env['CHILD_JOURNAL']}.claim`
try {
  const [pid, ticks] = readFileSync(claim, 'utf8').split(' ')
  if (startTicks(pid) === ticks) note(`overlap-with-${pid}`)
} catch {
  note('first')
}
writeFileSync(claim, `${process.pid} ${startTicks(process.pid)}`)

process.on('SIGTERM', () => {
  note('draining')
  setTimeout(() => process.exit(0), Number(argument(1, 0)))
})
const due = Date.now() + Number(argument(0, 0))
serve({ ready: () => Date.now() >= due })

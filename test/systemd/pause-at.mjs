// Waits for the first change in DIR, and in that moment stops (SIGSTOP) the main process of UNIT.
import { execFileSync } from 'node:child_process'
import { watch } from 'node:fs'
const [unit, dir] = process.argv.slice(2)
const pidOf = () =>
  Number(execFileSync('systemctl', ['show', '--property=MainPID', '--value', unit], { encoding: 'utf8' }))
const giveUp = setTimeout(() => {
  console.error(`nothing changed in ${dir}`)
  process.exit(1)
}, 30_000)
let main = 0
const watcher = watch(dir, () => {
  main ||= pidOf()
  if (main <= 1) return
  process.kill(main, 'SIGSTOP')
  watcher.close()
  clearTimeout(giveUp)
})

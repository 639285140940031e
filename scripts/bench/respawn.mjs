// @ts-check
// The least that starts a child again when it ends: what a supervisor is measured beside.
import { spawn } from 'node:child_process'

const start = () => {
  const child = spawn(process.execPath, process.argv.slice(2), { stdio: 'inherit' })
  child.once('exit', start)
  current = child
}
/** @type {import('node:child_process').ChildProcess | undefined} */
let current
process.on('SIGTERM', () => {
  current?.removeListener('exit', start)
  current?.kill('SIGKILL')
  process.exit(0)
})
start()

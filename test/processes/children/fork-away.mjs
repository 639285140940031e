// Starts a ready copy in a session of its own, and ends with 0: what the gateway does when nobody supervises it.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { note } from './endpoints.mjs'
spawn(
  process.execPath,
  [fileURLToPath(new URL('ready-then-wait.mjs', import.meta.url)), ...process.argv.slice(2)],
  {
    detached: true,
    stdio: 'ignore',
  },
).unref()
note('forked')
process.exit(0)

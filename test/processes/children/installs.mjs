// As 2026.4 installs what a plugin needs: its loop stands still meanwhile. Before it listens for the first milliseconds
// given, and for the second ones once it was seen ready.
import { spawnSync } from 'node:child_process'
import { argument, note, serve, stopOn } from './endpoints.mjs'
stopOn('SIGTERM', 'SIGINT')
const install = (ms) => {
  if (ms === 0) return
  note('installing')
  spawnSync(process.execPath, ['-e', `setTimeout(() => {}, ${ms})`, 'npm', 'install', 'some-plugin'])
  note('installed')
}
install(Number(argument(0, 0)))
serve({ told: () => install(Number(argument(1, 0))) })

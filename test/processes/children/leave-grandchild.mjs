// Ready; ends with 0 on SIGTERM or SIGINT, and leaves a grandchild behind: in its own group, or, with the word
// `detached`, in a session of its own. With `stubborn` after it, one that ignores SIGTERM.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { argument, serve, stopOn } from './endpoints.mjs'
stopOn('SIGTERM', 'SIGINT')
const detached = argument(0) === 'detached'
spawn(process.execPath, [fileURLToPath(new URL('grandchild.mjs', import.meta.url)), argument(1, '')], {
  detached,
  stdio: 'ignore',
}).unref()
serve()

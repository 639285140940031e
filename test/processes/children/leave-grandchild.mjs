// Ready; ends with 0 on SIGTERM or SIGINT, and leaves a grandchild behind: in its own group, or, with the word
// `detached`, in a session of its own, or, with `adopted`, there and already without its parent. With `stubborn` after it, one that ignores SIGTERM.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { argument, serve, stopOn } from './endpoints.mjs'
stopOn('SIGTERM', 'SIGINT')
const where = argument(0)
const grandchild = [
  process.execPath,
  fileURLToPath(new URL('grandchild.mjs', import.meta.url)),
  argument(1, ''),
]
const [program, ...args] =
  where === 'adopted' ? ['sh', '-c', 'setsid "$@" &', 'sh', ...grandchild] : grandchild
spawn(program, args, { detached: where === 'detached', stdio: 'ignore' }).unref()
serve()

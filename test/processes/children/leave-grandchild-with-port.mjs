// Ready; ends with 0 on SIGTERM or SIGINT, and leaves a grandchild in its group that goes on listening at its port.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { serve, stopOn } from './endpoints.mjs'
stopOn('SIGTERM', 'SIGINT')
const server = serve()
server.on('listening', () => {
  const grandchild = fileURLToPath(new URL('grandchild.mjs', import.meta.url))
  // The listening socket becomes the grandchild's descriptor 3. No public name for it exists.
  // oxlint-disable-next-line no-underscore-dangle
  spawn(process.execPath, [grandchild], { stdio: ['ignore', 'ignore', 'ignore', server._handle.fd] }).unref()
})

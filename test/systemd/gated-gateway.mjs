// A gateway whose moments the story chooses: alive at once, ready when the file DIR/ready is there, and, after
// SIGTERM, ended when DIR/drained is there.
import { existsSync } from 'node:fs'
import { argument, note, serve } from '../processes/children/endpoints.mjs'
const gates = argument(0)
process.on('SIGTERM', () => {
  note('draining')
  setInterval(() => existsSync(`${gates}/drained`) && process.exit(0), 10)
})
serve({ ready: () => existsSync(`${gates}/ready`) })

// Ready. At its first instruction it writes what it was given, and what it sees of the state, into a file of its own
// beside the journal: environment, process group, session, descriptors, and each file of the sessions.
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { serve, stopOn } from './endpoints.mjs'

const stat = readFileSync('/proc/self/stat', 'latin1')
  .replace(/^.*\) /s, '')
  .split(' ')
const link = (fd) => {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return null
  }
}
const folder = `${process.env['OPENCLAW_STATE_DIR']}/agents/main/sessions`
const sessions = Object.fromEntries(
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => [name, readFileSync(`${folder}/${name}`, 'utf8')]),
)
const seen = {
  pid: process.pid,
  env: process.env,
  cwd: process.cwd(),
  group: Number(stat[2]),
  session: Number(stat[3]),
  descriptors: [0, 1, 2, 3].map(link),
  sessions,
}
writeFileSync(`${process.env['CHILD_JOURNAL']}.${process.pid}.json`, JSON.stringify(seen))
stopOn('SIGTERM', 'SIGINT')
serve()

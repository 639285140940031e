// Ready, and a hundred processes of its own whose parent ends at once, and then they: with 4, 5, 6 ... Ends with 3 on SIGTERM.
import { spawn } from 'node:child_process'
import { note, serve } from './endpoints.mjs'
process.on('SIGTERM', () => process.exit(3))
for (let i = 0; i < 100; i++)
  spawn('sh', ['-c', `(sleep 0.$((${i} % 10)); exit ${4 + i}) & exit 0`], { stdio: 'ignore' })
serve({ told: () => note('flooded') })

/** How many gateways ran, at every moment of a story: the promise is one, never two. */
import { createInterface } from 'node:readline'

import { CHECKOUT, type Machine } from './machine.ts'

export interface Census {
  /** The pids that run now. */
  now(): readonly number[]
  /** Ends the watch; each set of pids that was seen, in order. */
  end(): Promise<readonly (readonly number[])[]>
}

export const watchGateways = async (machine: Machine, script: string): Promise<Census> => {
  const watcher = machine.start('node', `${CHECKOUT}/test/systemd/census.mjs`, script)
  const seen: number[][] = []
  const lines = createInterface({ input: watcher.stdout })
  lines.on('line', (line) => seen.push(JSON.parse(line) as number[]))
  await new Promise((resolve) => lines.once('line', resolve))
  return {
    now: () => seen.at(-1) ?? [],
    async end() {
      const closed = new Promise((resolve) => lines.once('close', resolve))
      watcher.stdin.end()
      await closed
      return seen
    },
  }
}

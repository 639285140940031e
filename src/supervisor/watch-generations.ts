/**
 * While a gateway runs: a generation of each index and of the paired devices whenever one was replaced, and of the
 * configuration that it got ready with.  At rest this is a look at the times of a few files with each liveness probe.
 */
import type { Log } from '../host/log.ts'
import { takeGenerations, type How } from '../recovery/take-generations.ts'
import type { Site } from '../recovery/site.ts'

export interface GenerationsWatch {
  /** Never waits, never fails: trouble is told, once for each cause. */
  look(): void
  /** The gateway is ready with the configuration that stands there. */
  gotReady(): void
}

export function watchGenerations(site: Site, log: Log): GenerationsWatch {
  const known = new Map<string, string>()
  const told = new Set<string>()
  let isAtIt = false
  let isReadyAgain = false

  const take = async (): Promise<void> => {
    const what: How['what'] = isReadyAgain ? ['config', 'index', 'devices'] : ['index', 'devices']
    isReadyAgain = false
    const { trouble } = await takeGenerations(site, { what, when: 'running', durable: true, known })
    for (const why of trouble) tell(why)
  }
  const tell = (why: string): void => {
    if (!told.has(why)) log.warn('no snapshot was taken', { why })
    told.add(why)
  }
  const look = (): void => {
    if (isAtIt) return
    isAtIt = true
    void take()
      .catch((error: unknown) => tell(String(error)))
      .finally(() => (isAtIt = false))
  }
  return {
    look,
    gotReady() {
      isReadyAgain = true
      look()
    },
  }
}

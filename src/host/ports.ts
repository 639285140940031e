/**
 * Can the gateway listen on this port, and if not, what exactly stands in the way?
 *
 * Asked the way the gateway will ask: by binding, at each address by itself, since one family can be held and the
 * other free.  Only when that fails is it asked again (detect-port), and are the kernel's tables asked who it is:
 * each of those takes the kernel milliseconds, and this stands between a crash and the next start.
 *
 * 1. `held` is said only where a bind failed with the address in use at that moment.
 * 2. A port that only has connections lingering in TIME_WAIT is free: Node binds over them.
 * 3. It holds no port longer than a moment, and none after the answer.
 */
import { createServer } from 'node:net'
import { covers, listenersOnPort, ownersOf } from './listeners.ts'
import { describe, userName, type Description } from './process-table.ts'

export type PortSight = { readonly address: string } & (
  | { readonly is: 'free' }
  | { readonly is: 'held'; readonly by: readonly Description[]; readonly at: string }
  /** Somebody has it whom we may not look at; the user where the kernel's table names one. */
  | { readonly is: 'held-unseen'; readonly user: string | undefined }
  /** Not an address of this machine: no IPv6 here, or a bind that is configured wrong. */
  | { readonly is: 'no-such-address' }
  /** A port that this user may not bind. */
  | { readonly is: 'not-permitted' }
  | { readonly is: 'cannot-tell'; readonly why: string }
)

const loopbackAddresses: readonly string[] = ['127.0.0.1', '::1']

/** One answer for each address, both loopback addresses always among them. */
export const lookAtPort = async (port: number, addresses: readonly string[] = []): Promise<PortSight[]> => {
  const sights: PortSight[] = []
  // One after the other: two binds of our own, on :: and ::1, would be in each other's way.
  for (const address of new Set([...loopbackAddresses, ...addresses]))
    sights.push(await lookAt(port, address))
  return sights
}

const lookAt = async (port: number, address: string): Promise<PortSight> => {
  const code = await tryToBind(port, address)
  if (!code) return { address, is: 'free' }
  // detect-port tries for ever where no bind at all can succeed (no such family, no free descriptor).
  if (code !== 'EADDRINUSE') return { address, ...withoutBind(code) }
  const { detectPort } = await import('detect-port')
  const isFreeByNow = (await detectPort({ port, hostname: address })) === port
  return { address, ...(isFreeByNow ? { is: 'free' } : held(port, address)) }
}

type Sight = PortSight extends infer S ? (S extends PortSight ? Omit<S, 'address'> : never) : never

const withoutBind = (code: string): Sight => {
  switch (code) {
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
    case 'ENOTFOUND':
      return { is: 'no-such-address' }
    case 'EACCES':
    case 'EPERM':
      return { is: 'not-permitted' }
    default:
      return { is: 'cannot-tell', why: code }
  }
}

const held = (port: number, address: string): Sight => {
  const listeners = listenersOnPort(port).filter((socket) => covers(socket.address, address))
  const owners = ownersOf(listeners)
  for (const socket of listeners) {
    const by = (owners.get(socket.inode) ?? []).flatMap((pid) => describe(pid) ?? [])
    if (by.length > 0) return { is: 'held', by, at: socket.address }
  }
  return { is: 'held-unseen', user: listeners[0] && userName(listeners[0].uid) }
}

/** The code of the failure; undefined when it could be bound. */
const tryToBind = (port: number, address: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen(port, address, () => server.close(() => resolve(undefined)))
  })

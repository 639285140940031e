/**
 * Who listens on a port?  From the kernel's own tables: /proc/net/tcp{,6} name the sockets, the links in
 * /proc/<pid>/fd name whose they are.  Looks at the network namespace this process is in, and changes nothing.
 */
import { readFileSync } from 'node:fs'
import { openFilesOf, pids } from './process-table.ts'

export interface Socket {
  readonly family: 'ipv4' | 'ipv6'
  /** As people write it: 127.0.0.1, ::1, ::ffff:10.0.0.1. */
  readonly address: string
  readonly port: number
  readonly state: 'listen' | 'time-wait' | 'other'
  /** 0 for a socket that no process owns any more. */
  readonly inode: number
  readonly uid: number
}

/** All TCP sockets of this machine whose own end is this port. */
export const socketsOnPort = (port: number): Socket[] => [
  ...parseSockets(readTable('/proc/self/net/tcp'), 'ipv4', port),
  ...parseSockets(readTable('/proc/self/net/tcp6'), 'ipv6', port),
]

export const listenersOnPort = (port: number): Socket[] =>
  socketsOnPort(port).filter((socket) => socket.state === 'listen')

/** Which processes have which of these sockets open. A process we may not look into is missing here. */
export const ownersOf = (
  sockets: readonly Socket[],
  among: readonly number[] = pids(),
): Map<number, number[]> => {
  const wanted = new Map(sockets.map(({ inode }) => [`socket:[${inode}]`, inode]))
  const owners = new Map<number, number[]>()
  for (const pid of wanted.size > 0 ? among : []) {
    for (const inode of new Set(openFilesOf(pid).flatMap((link) => wanted.get(link) ?? [])))
      owners.set(inode, [...(owners.get(inode) ?? []), pid])
  }
  return owners
}

export interface Heard {
  readonly pids: readonly number[]
  /** Where they can be asked from here, as a host in a URL: on loopback, unless they listen elsewhere only. */
  readonly host: string
}

/** Which of these processes listen on the port, and where? */
export function listeningAmong(among: readonly number[], port: number): Heard | undefined {
  const sockets = listenersOnPort(port)
  const owners = ownersOf(sockets, among)
  const theirs = sockets.filter(({ inode }) => owners.has(inode))
  const [first] = theirs
  if (first === undefined) return undefined
  const loopback = ['127.0.0.1', '::1'].find((each) => theirs.some(({ address }) => covers(address, each)))
  const address = loopback ?? unmapped(first.address)
  return {
    pids: [...new Set([...owners.values()].flat())],
    host: address.includes(':') ? `[${address}]` : address,
  }
}

/**
 * Would a socket at `held` get, or stand in the way of, connections meant for `asked`?  The IPv6 any-address
 * covers IPv4 too, unless its owner limited it, which these tables do not show.
 */
export const covers = (held: string, asked: string): boolean => {
  const [holder, wanted] = [unmapped(held), unmapped(asked)]
  if (holder === wanted || holder === '::' || wanted === '::') return true
  const bothIpv4 = !holder.includes(':') && !wanted.includes(':')
  return bothIpv4 && (holder === '0.0.0.0' || wanted === '0.0.0.0')
}

const unmapped = (address: string): string => address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '')

const readTable = (path: string): string => {
  try {
    return readFileSync(path, 'latin1')
  } catch (error) {
    // No IPv6 in this kernel.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw new Error(`cannot read ${path}`, { cause: error })
  }
}

/** The text of /proc/net/tcp or tcp6. */
export const parseSockets = (table: string, family: Socket['family'], port: number): Socket[] => {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return table.split('\n').flatMap((line) => {
    const [, local, , state, , , , uid, , inode] = line.trim().split(/\s+/)
    if (!local?.endsWith(suffix) || inode === undefined) return []
    return {
      family,
      address: addressOf(local.slice(0, -suffix.length)),
      port,
      state: state === '0A' ? 'listen' : state === '06' ? 'time-wait' : 'other',
      inode: Number(inode),
      uid: Number(uid),
    }
  })
}

/** The kernel prints addresses as 32-bit words in the byte order of the machine, each from its highest digit on. */
const addressOf = (hex: string): string => {
  const bytes = Buffer.from(hex, 'hex')
  if (littleEndian) bytes.swap32()
  if (bytes.length === 4) return bytes.join('.')
  if (bytes.subarray(0, 12).equals(mappedPrefix)) return `::ffff:${bytes.subarray(12).join('.')}`
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16))
  return shortened(groups)
}

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1
const mappedPrefix = Buffer.from('00000000000000000000ffff', 'hex')

/** RFC 5952: the first longest run of two or more zero groups becomes `::`. */
const shortened = (groups: readonly string[]): string => {
  const runs = [...groups.join(':').matchAll(/(?<![0-9a-f])0(?::0(?![0-9a-f]))+/g)].map(([run]) => run)
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '')
  return longest ? groups.join(':').replace(new RegExp(`(^|:)${longest}(:|$)`), '::') : groups.join(':')
}

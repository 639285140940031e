/** The other end of NOTIFY_SOCKET: a real unix datagram socket, as the service manager has one. */
import { closeSync } from 'node:fs'
import koffi from 'koffi'

const libc = koffi.load(null)
const socket = libc.func('int socket(int, int, int)')
const bind = libc.func('int bind(int, const void *, uint32_t)')
const recv = libc.func('long recv(int, _Out_ void *, size_t, int)')
const [AF_UNIX, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_CLOEXEC] = [1, 2, 0o4000, 0o2000000] as const

export interface Receiver {
  /** All that has arrived since the last question. */
  received(): string[]
  close(): void
}

export const receiveAt = (address: string): Receiver => {
  const fd = Number(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))
  const name = address.startsWith('@') ? `\0${address.slice(1)}` : `${address}\0`
  const bytes = Buffer.concat([Buffer.from([AF_UNIX, 0]), Buffer.from(name)])
  if (fd < 0 || bind(fd, bytes, bytes.length) < 0) throw new Error(`cannot bind ${address}: ${koffi.errno()}`)
  const buffer = Buffer.alloc(65536)
  return {
    received() {
      const datagrams: string[] = []
      for (let limit = 0; limit < 100_000; limit++) {
        const bytes = Number(recv(fd, buffer, buffer.length, 0))
        if (bytes < 0) return datagrams
        datagrams.push(buffer.toString('utf8', 0, bytes))
      }
      throw new Error('there is no end to what arrives')
    },
    close: () => closeSync(fd),
  }
}

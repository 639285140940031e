/**
 * What the bytes of an SQLite database and its log tell by themselves (sqlite.org/fileformat2.html), where no SQLite is
 * at hand or none is to be opened.  Pure; never a verdict that a database is sound, only that it cannot be.
 */
const magic = 'SQLite format 3\0'
export const headerBytes = 100
const logHeaderBytes = 32

export type Header =
  | {
      readonly is: 'database'
      readonly pageBytes: number
      /** As the header counts them; null where an old SQLite wrote last and did not. */
      readonly pages: number | null
      /** Which schema the program that owns it says it has. */
      readonly userVersion: number
    }
  | { readonly is: 'no-database'; readonly why: string }

export function headerOf(bytes: Buffer): Header {
  const no = (why: string): Header => ({ is: 'no-database', why })
  if (bytes.length < headerBytes) return no(`${bytes.length} bytes, no header`)
  if (bytes.toString('latin1', 0, 16) !== magic) return no('does not begin as a database does')
  const raw = bytes.readUInt16BE(16)
  const pageBytes = raw === 1 ? 65536 : raw
  if (pageBytes < 512 || (pageBytes & (pageBytes - 1)) !== 0) return no(`a page size of ${raw}`)
  const isCounted = bytes.readUInt32BE(24) === bytes.readUInt32BE(92)
  const pages = bytes.readUInt32BE(28)
  return {
    is: 'database',
    pageBytes,
    pages: isCounted && pages > 0 ? pages : null,
    userVersion: bytes.readInt32BE(60),
  }
}

/** Why a file of this size cannot be the whole database; null when nothing speaks against it. */
export function sizeAgainst(header: Header & { is: 'database' }, bytes: number): string | null {
  if (bytes % header.pageBytes !== 0)
    return `${bytes} bytes, no whole number of pages of ${header.pageBytes}: cut off`
  if (header.pages !== null && bytes < header.pages * header.pageBytes)
    return `${bytes} bytes where ${header.pages} pages of ${header.pageBytes} belong: cut off`
  return null
}

/** Commits that are in the log. */
export interface Log {
  /** Whole frames up to the last commit: what SQLite would read. */
  readonly frames: number
  /** So many bytes of it are read: its header, and those frames. */
  readonly bytes: number
  /**
   * Commits behind the last one that is read, of the same life of the log: written, and not to be reached any more. (A
   * write that was taken back, or cut off, leaves frames there, but no commit; an older life has other salts.)
   */
  readonly lostCommits: number
  readonly salts: string
  /** Of the last committed copy of page 1: the header in force. */
  readonly firstPage: Header | null
}
export type LogSeen =
  ({ readonly is: 'log' } & Log) | { readonly is: 'empty' } | { readonly is: 'no-log'; readonly why: string }

/** Goes through the frames by their salts and checksums, as SQLite does at its start; fed in pieces, from its beginning. */
export function logReader(): { feed(piece: Buffer): void; seen(): LogSeen } {
  let held: Buffer = Buffer.alloc(0)
  let bytes = 0
  let header:
    | { readonly sums: Sums; readonly isBig: boolean; readonly pageBytes: number; readonly salts: Buffer }
    | undefined
  let why: string | undefined
  let sums: Sums = [0, 0]
  let isBroken = false
  let [at, frames, lostCommits] = [0, 0, 0]
  let pending: Header | null = null
  let firstPage: Header | null = null

  const begin = (): void => {
    const head = logHeaderOf(held)
    if ('why' in head) why = head.why
    else {
      header = head
      ;({ sums } = head)
      held = held.subarray(logHeaderBytes)
    }
  }
  const frame = (one: Buffer, { isBig, salts }: NonNullable<typeof header>): void => {
    at++
    const isOurs = one.subarray(8, 16).equals(salts)
    if (!isBroken) {
      sums = checksum(one, 24, one.length, checksum(one, 0, 8, sums, isBig), isBig)
      isBroken = !isOurs || sums[0] !== one.readUInt32BE(16) || sums[1] !== one.readUInt32BE(20)
    }
    const isCommit = one.readUInt32BE(4) !== 0
    if (isBroken) {
      if (isOurs && isCommit) lostCommits++
      return
    }
    if (one.readUInt32BE(0) === 1) pending = headerOf(one.subarray(24))
    if (!isCommit) return
    frames = at
    firstPage = pending ?? firstPage
  }
  return {
    feed(piece) {
      bytes += piece.length
      held = held.length === 0 ? piece : Buffer.concat([held, piece])
      if (header === undefined && why === undefined && held.length >= logHeaderBytes) begin()
      if (header === undefined) return
      const frameBytes = 24 + header.pageBytes
      let from = 0
      for (; from + frameBytes <= held.length; from += frameBytes)
        frame(held.subarray(from, from + frameBytes), header)
      held = held.subarray(from)
    },
    seen() {
      if (bytes === 0) return { is: 'empty' }
      if (header === undefined) return { is: 'no-log', why: why ?? `${bytes} bytes, no header` }
      const read = logHeaderBytes + frames * (24 + header.pageBytes)
      return { is: 'log', frames, bytes: read, lostCommits, salts: header.salts.toString('hex'), firstPage }
    },
  }
}

function logHeaderOf(bytes: Buffer) {
  const kind = bytes.readUInt32BE(0)
  if (kind !== 0x377f0682 && kind !== 0x377f0683) return { why: 'does not begin as a log does' }
  const isBig = kind === 0x377f0683
  const pageBytes = bytes.readUInt32BE(8)
  if (pageBytes < 512 || pageBytes > 65536 || (pageBytes & (pageBytes - 1)) !== 0)
    return { why: `a page size of ${pageBytes}` }
  const sums = checksum(bytes, 0, 24, [0, 0], isBig)
  if (sums[0] !== bytes.readUInt32BE(24) || sums[1] !== bytes.readUInt32BE(28))
    return { why: 'its header does not match its checksum' }
  return { sums, isBig, pageBytes, salts: Buffer.from(bytes.subarray(16, 24)) }
}

/** What the index of a log (the -shm) tells of it: it is shared memory, and lives on when its processes are killed. */
export interface LogIndex {
  /** Frames up to the last commit. */
  readonly frames: number
  /** So many of them are in the database by now. */
  readonly folded: number
  readonly salts: string
}
export const logIndexBytes = 136

/** Undefined where it tells nothing: begun, torn, of a machine of the other byte order, or all zero. */
export function logIndexOf(bytes: Buffer): LogIndex | undefined {
  if (bytes.length < logIndexBytes || !bytes.subarray(0, 48).equals(bytes.subarray(48, 96))) return undefined
  const [a, b] = checksum(bytes, 0, 40, [0, 0], false)
  if (bytes.readUInt8(12) === 0 || a !== bytes.readUInt32LE(40) || b !== bytes.readUInt32LE(44))
    return undefined
  const [frames, folded] = [bytes.readUInt32LE(16), bytes.readUInt32LE(96)]
  return folded > frames ? undefined : { frames, folded, salts: bytes.subarray(32, 40).toString('hex') }
}

type Sums = readonly [number, number]

function checksum(bytes: Buffer, from: number, to: number, [a, b]: Sums, isBig: boolean): Sums {
  for (let at = from; at < to; at += 8) {
    a = (a + (isBig ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at)) + b) >>> 0
    b = (b + (isBig ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at + 4)) + a) >>> 0
  }
  return [a, b]
}

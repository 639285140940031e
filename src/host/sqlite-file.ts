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
  /** Frames behind the last commit, of this log's generation or not: a write that was cut off, or an older round. */
  readonly beyond: number
  /** The pages that the database has after the last commit. */
  readonly pages: number
  /** Where the last committed copy of page 1 lies: the header in force. */
  readonly firstPageAt: number | null
  readonly pageBytes: number
}
export type LogSeen =
  ({ readonly is: 'log' } & Log) | { readonly is: 'empty' } | { readonly is: 'no-log'; readonly why: string }

/** Goes through the frames by their salts and checksums, as SQLite does at its start. */
export function logOf(bytes: Buffer): LogSeen {
  if (bytes.length === 0) return { is: 'empty' }
  if (bytes.length < logHeaderBytes) return { is: 'no-log', why: `${bytes.length} bytes, no header` }
  const kind = bytes.readUInt32BE(0)
  if (kind !== 0x377f0682 && kind !== 0x377f0683) return { is: 'no-log', why: 'does not begin as a log does' }
  const isBig = kind === 0x377f0683
  const pageBytes = bytes.readUInt32BE(8)
  if (pageBytes < 512 || pageBytes > 65536 || (pageBytes & (pageBytes - 1)) !== 0)
    return { is: 'no-log', why: `a page size of ${pageBytes}` }
  let sums = checksum(bytes, 0, 24, [0, 0], isBig)
  if (sums[0] !== bytes.readUInt32BE(24) || sums[1] !== bytes.readUInt32BE(28))
    return { is: 'no-log', why: 'its header does not match its checksum' }
  const frameBytes = 24 + pageBytes
  const all = Math.floor((bytes.length - logHeaderBytes) / frameBytes)
  let frames = 0
  let pages = 0
  let firstPageAt: number | null = null
  let pending: number | null = null
  for (let n = 0; n < all; n++) {
    const at = logHeaderBytes + n * frameBytes
    if (bytes.compare(bytes, 16, 24, at + 8, at + 16) !== 0) break
    sums = checksum(bytes, at + 24, at + frameBytes, checksum(bytes, at, at + 8, sums, isBig), isBig)
    if (sums[0] !== bytes.readUInt32BE(at + 16) || sums[1] !== bytes.readUInt32BE(at + 20)) break
    if (bytes.readUInt32BE(at) === 1) pending = at + 24
    const size = bytes.readUInt32BE(at + 4)
    if (size === 0) continue
    frames = n + 1
    pages = size
    firstPageAt = pending ?? firstPageAt
  }
  return { is: 'log', frames, beyond: all - frames, pages, firstPageAt, pageBytes }
}

type Sums = readonly [number, number]

function checksum(bytes: Buffer, from: number, to: number, [a, b]: Sums, isBig: boolean): Sums {
  for (let at = from; at < to; at += 8) {
    a = (a + (isBig ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at)) + b) >>> 0
    b = (b + (isBig ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at + 4)) + a) >>> 0
  }
  return [a, b]
}

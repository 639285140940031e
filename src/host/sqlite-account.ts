/**
 * The account of a repair: JSON lines, the first one what was done, each other one a row that was taken out, replaced or
 * lost, as it was. Written as it goes: it may come to as much as the database.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import type { Row, Value } from './sqlite.ts'

export interface Account {
  take(table: string, why: string, row: Row): void
  /** What was done first, then what was taken; at `to`. */
  report(did: readonly string[], to: string): void
  close(): void
}

const pieceBytes = 1024 * 1024

export function accountAt(path: string): Account {
  const fd = openSync(path, 'wx+', 0o600)
  let bytes = 0
  return {
    take(table, why, row) {
      bytes += written(fd, Buffer.from(`${JSON.stringify({ table, why, row: shown(row) })}\n`))
    },
    report(did, to) {
      const report = openSync(to, 'w', 0o600)
      try {
        written(report, Buffer.from(`${JSON.stringify({ did })}\n`))
        const piece = Buffer.alloc(Math.min(pieceBytes, bytes))
        for (let at = 0; at < bytes;) {
          const read = readSync(fd, piece, 0, piece.length, at)
          at += written(report, piece.subarray(0, read))
        }
      } finally {
        closeSync(report)
      }
    },
    close: () => closeSync(fd),
  }
}

function written(fd: number, bytes: Buffer): number {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at)
  return bytes.length
}

const shown = (row: Row): Record<string, unknown> =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, inJson(value)]))

const inJson = (value: Value): unknown =>
  value instanceof Uint8Array
    ? { base64: Buffer.from(value).toString('base64') }
    : typeof value === 'bigint'
      ? BigInt(Number(value)) === value && Number.isSafeInteger(Number(value))
        ? Number(value)
        : String(value)
      : value

/**
 * JSON that a row keeps compressed (zstd), told sound or not as a gateway would take it: unpacked to exactly so many
 * bytes, UTF-8, and JSON. One row at a time, and never more than those bytes. Node has it from 22.15 on.
 */
import zlib from 'node:zlib'

type Unpack = (packed: Uint8Array, options: { readonly maxOutputLength: number }) => Buffer
const unpack = (zlib as { zstdDecompressSync?: Unpack }).zstdDecompressSync

export const whichNodeUnpacks =
  unpack === undefined
    ? `this Node (${process.versions.node}) cannot unpack them: run supervise with Node 22.16 or later, or 24`
    : null

/** More than a row may say that it holds: of a damaged one it may be anything. */
const mostBytes = 4 * 1024 * 1024

export function isPackedJson(packed: unknown, bytes: unknown): boolean {
  const length = Number(bytes)
  if (unpack === undefined) return true
  if (!(packed instanceof Uint8Array) || !(length >= 1 && length <= mostBytes)) return false
  try {
    const plain = unpack(packed, { maxOutputLength: length })
    if (plain.length !== length) return false
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(plain))
    return true
  } catch {
    return false
  }
}

/**
 * Where the members of a JSON object lie, in bytes, so that one value can be changed and every other byte stays as
 * it is: unknown fields, their order, number texts, doubled keys, a key named `__proto__`.
 *
 * Only for text that JSON.parse accepted.  Nesting costs a counter, not a stack.
 */

export interface Member {
  readonly key: string
  /** Of the value; `to` is exclusive. */
  readonly from: number
  readonly to: number
}

export interface JsonObject {
  /** Of the brackets; `to` is behind the closing one. */
  readonly from: number
  readonly to: number
  readonly members: readonly Member[]
}

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const colon = 0x3a
const isOpening = (byte: number): boolean => byte === 0x7b || byte === 0x5b
const isClosing = (byte: number): boolean => byte === 0x7d || byte === 0x5d
const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

/** The object that begins at or behind `from` (only white space, or a byte order mark, before it). */
export function jsonObject(bytes: Uint8Array, from: number): JsonObject | undefined {
  let at = from
  while (at < bytes.length && (isSpace(bytes[at]!) || bytes[at]! > 0x7f)) at++
  if (bytes[at] !== 0x7b) return undefined
  const start = at++
  const members: Member[] = []
  for (;;) {
    at = pastSpace(bytes, at)
    if (bytes[at] === 0x7d) return { from: start, to: at + 1, members }
    if (bytes[at] === comma) {
      at++
      continue
    }
    if (bytes[at] !== quote) return undefined
    const keyEnd = pastString(bytes, at)
    const key = text(bytes, at, keyEnd)
    at = pastSpace(bytes, keyEnd)
    if (bytes[at] !== colon) return undefined
    const valueFrom = pastSpace(bytes, at + 1)
    at = pastValue(bytes, valueFrom)
    if (at === valueFrom) return undefined
    members.push({ key, from: valueFrom, to: at })
  }
}

function pastSpace(bytes: Uint8Array, from: number): number {
  let at = from
  while (at < bytes.length && isSpace(bytes[at]!)) at++
  return at
}

function pastString(bytes: Uint8Array, from: number): number {
  let at = from + 1
  while (at < bytes.length && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1
  return Math.min(at + 1, bytes.length)
}

function pastValue(bytes: Uint8Array, from: number): number {
  let depth = 0
  let at = from
  while (at < bytes.length) {
    const byte = bytes[at]!
    if (byte === quote) {
      at = pastString(bytes, at)
      if (depth === 0) return at
      continue
    }
    if (isOpening(byte)) depth++
    else if (isClosing(byte)) {
      if (depth === 0) return at
      depth--
      if (depth === 0) return at + 1
    } else if (depth === 0 && (byte === comma || isSpace(byte))) return at
    at++
  }
  return at
}

const decoder = new TextDecoder()
function text(bytes: Uint8Array, from: number, to: number): string {
  const raw = decoder.decode(bytes.subarray(from, to))
  try {
    return JSON.parse(raw) as string
  } catch {
    return raw
  }
}

export interface Edit {
  readonly from: number
  readonly to: number
  readonly put: string
}

/** The last member of that name counts, as it does for JSON.parse. */
export const member = (object: JsonObject, key: string): Member | undefined =>
  object.members.findLast((one) => one.key === key)

/** Change or add one member.  `indent` is that of the members. */
export function setMember(object: JsonObject, key: string, value: unknown, indent: string): Edit {
  const put = JSON.stringify(value, null, 2).replaceAll('\n', `\n${indent}`)
  const there = member(object, key)
  if (there !== undefined) return { from: there.from, to: there.to, put }
  const named = `${JSON.stringify(key)}: ${put}`
  const last = object.members.at(-1)
  if (last !== undefined) return { from: last.to, to: last.to, put: `,\n${indent}${named}` }
  return { from: object.from, to: object.to, put: `{\n${indent}${named}\n${indent.slice(2)}}` }
}

/** Has a value that was read back the shape in which we write it?  Of files of our own, that others may have written. */

export type Check = (value: unknown) => boolean

export const text: Check = (value) => typeof value === 'string'
export const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0
export const finite: Check = (value) => typeof value === 'number' && Number.isFinite(value)
export const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value)
export const orNone =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value)
export const oneOf =
  (...words: readonly unknown[]): Check =>
  (value) =>
    words.includes(value)
export const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check)
export const pairOf =
  (one: Check, other: Check): Check =>
  (value) =>
    Array.isArray(value) && value.length === 2 && one(value[0]) && other(value[1])
export const record =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.entries(fields).every(([name, check]) => check((value as Record<string, unknown>)[name]))
export const anyOf =
  (...checks: readonly Check[]): Check =>
  (value) =>
    checks.some((check) => check(value))

/** `openclaw.json` is JSON5 (dist/io-*.js of 2026.4.26).  Only whether it can be read at all is judged here. */
import JSON5 from 'json5'

export type Config =
  | { readonly is: 'sound'; readonly version: string | null; readonly value: unknown }
  | { readonly is: 'unreadable'; readonly line: number; readonly column: number; readonly why: string }

export const configLimitBytes = 16 * 1024 * 1024

export function config(text: string): Config {
  let parsed: unknown
  try {
    parsed = quietly(() => JSON5.parse<unknown>(text))
  } catch (error) {
    const at = error as { lineNumber?: unknown; columnNumber?: unknown; message?: unknown }
    return {
      is: 'unreadable',
      line: typeof at.lineNumber === 'number' ? at.lineNumber : 1,
      column: typeof at.columnNumber === 'number' ? at.columnNumber : 1,
      why: typeof at.message === 'string' ? at.message.replace(/^JSON5: /, '') : 'does not parse',
    }
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    return { is: 'unreadable', line: 1, column: 1, why: 'not an object' }
  return { is: 'sound', version: touchedBy(parsed as Record<string, unknown>), value: parsed }
}

/** json5 writes to the console about U+2028 and U+2029 in a string, which it reads all the same. */
function quietly<T>(parse: () => T): T {
  const { warn } = console
  Object.assign(console, { warn: () => {} })
  try {
    return parse()
  } finally {
    Object.assign(console, { warn })
  }
}

/** `meta.lastTouchedVersion`, written whenever the gateway or its CLI writes the file. */
function touchedBy(parsed: Record<string, unknown>): string | null {
  const meta = parsed['meta']
  const version =
    typeof meta === 'object' && meta !== null ? (meta as Record<string, unknown>)['lastTouchedVersion'] : null
  return typeof version === 'string' ? version.slice(0, 64) : null
}

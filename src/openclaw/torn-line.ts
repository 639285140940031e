/** What is whole inside a line that does not parse. */
import { lineOf } from './transcript-line.ts'

/** Whole lines inside a line that does not parse: glued together, or behind the fragment of a torn one. */
export function salvage(text: string): string[] {
  const whole: string[] = []
  let rest = text
  for (let tries = 0; tries < 64;) {
    const at = rest.lastIndexOf('{"type":"', rest.length)
    if (at === -1) break
    let from = at
    let found = false
    // From the right: nested objects begin the same way, so the longest that parses as a line is sought.
    for (; from !== -1 && tries < 64; tries++) {
      if (isWhole(rest.slice(from))) {
        found = true
        break
      }
      if (from === 0) break
      from = rest.lastIndexOf('{"type":"', from - 1)
    }
    if (!found) {
      // The end of it is torn: nothing behind the last `}` can be whole.
      const cut = rest.lastIndexOf('}{"type":"', rest.length - 1)
      if (cut === -1) break
      rest = rest.slice(0, cut + 1)
      tries++
      continue
    }
    whole.unshift(rest.slice(from).trim())
    rest = rest.slice(0, from)
  }
  return whole
}

/** A header, or an entry that says whose child it is: objects inside a message have ids, but never a parent. */
function isWhole(text: string): boolean {
  const line = lineOf(text)
  if (line.is === 'header') return true
  return line.is === 'entry' && /"parentId"\s*:/.test(text)
}

/** Of a header that does not parse: a field that was whole before the tear. */
export function lostField(head: string | undefined, name: string): string | undefined {
  const quoted = new RegExp(String.raw`"${name}"\s*:\s*("(?:[^"\\\u0000-\u001f]|\\.)*")`).exec(
    head ?? '',
  )?.[1]
  if (quoted === undefined) return undefined
  try {
    return JSON.parse(quoted) as string
  } catch {
    return undefined
  }
}

/**
 * Where a configuration differs from the last one that a gateway got ready with: lines and the keys on them.  Never a
 * value: there are secrets among them.
 */
const mostKeys = 6

/** Null when they do not differ. */
export function whatChanged(before: string, now: string): string | null {
  const [old, young] = [before, now].map((text) => text.replace(/^\uFEFF/, '').split(/\r?\n/)) as [
    string[],
    string[],
  ]
  let head = 0
  while (head < old.length && head < young.length && old[head] === young[head]) head++
  if (head === old.length && head === young.length) return null
  let tail = 0
  const most = Math.min(old.length, young.length) - head
  while (tail < most && old[old.length - 1 - tail] === young[young.length - 1 - tail]) tail++
  const gone = old.slice(head, old.length - tail)
  const come = young.slice(head, young.length - tail)
  const first = head + 1
  const last = Math.max(first, head + come.length)
  const where =
    come.length === 0 ? `at line ${first}` : first === last ? `line ${first}` : `lines ${first} to ${last}`
  const said = [
    ...named(
      'written',
      [...keysIn(come)].filter((key) => !keysIn(gone).has(key)),
    ),
    ...named(
      'gone',
      [...keysIn(gone)].filter((key) => !keysIn(come).has(key)),
    ),
    ...named(
      'changed',
      [...keysIn(come)].filter((key) => keysIn(gone).has(key)),
    ),
  ]
  return `${where}${said.length === 0 ? '' : `: ${said.join('; ')}`}`
}

const named = (what: string, keys: readonly string[]): string[] =>
  keys.length === 0
    ? []
    : [
        `${what} ${keys.slice(0, mostKeys).join(', ')}${keys.length > mostKeys ? ` and ${keys.length - mostKeys} more` : ''}`,
      ]

/** What stands before a colon, where JSON5 would take it for a key. */
function keysIn(lines: readonly string[]): ReadonlySet<string> {
  const keys = new Set<string>()
  for (const line of lines)
    for (const [, quoted, plain] of line.matchAll(
      /(?:^|[{,])\s*(?:["']([\w$.@/-]{1,64})["']|([\w$]{1,64}))\s*:/g,
    ))
      keys.add((quoted ?? plain)!)
  return keys
}

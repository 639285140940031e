/** Eight hex digits, as the gateway's own; the same for the same place, so that two plans of one damage agree. */
export function shortId(seed: string, index: number): string {
  let hash = 0x811c9dc5
  for (const char of seed) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193)
  // Odd multiplier: a different id for each index.
  return ((Math.imul(index + 1, 0x9e3779b1) ^ hash) >>> 0).toString(16).padStart(8, '0')
}

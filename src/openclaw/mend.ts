/** The bytes `from`..`to` of a transcript become `put`. */
export interface Mend {
  readonly from: number
  readonly to: number
  readonly put: string
}

/** Neighbours become one: a transcript of nothing but garbage is one mend, not a million. */
export function joined(mends: readonly Mend[]): readonly Mend[] {
  const apart: Mend[] = []
  for (const mend of mends.toSorted((a, b) => a.from - b.from || a.to - b.to)) {
    const last = apart.at(-1)
    if (last !== undefined && last.to === mend.from)
      apart[apart.length - 1] = { ...mend, from: last.from, put: last.put + mend.put }
    else apart.push(mend)
  }
  return apart
}

/** A unit file as systemd reads it: sections of assignments; an empty value forgets what the key had before. */
export type Unit = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>

export const parseUnit = (text: string): Unit => {
  const sections = new Map<string, Map<string, string[]>>()
  let section: Map<string, string[]> | undefined
  for (const line of text
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .map((raw) => raw.trim())) {
    if (line === '' || /^[#;]/.test(line)) continue
    const heading = /^\[(.+)\]$/.exec(line)?.[1]
    const at = line.indexOf('=')
    if (heading !== undefined) {
      section = sections.get(heading) ?? new Map<string, string[]>()
      sections.set(heading, section)
    } else if (section === undefined || at < 1) {
      throw new Error(`not a line of a unit: ${line}`)
    } else {
      const [key, value] = [line.slice(0, at).trim(), line.slice(at + 1).trim()]
      section.set(key, value === '' ? [] : [...(section.get(key) ?? []), value])
    }
  }
  return sections
}

export const words = (unit: Unit, section: string, key: string): readonly string[] =>
  (unit.get(section)?.get(key) ?? []).flatMap((value) => value.split(/\s+/))

/** systemd.time(7), as far as units here use it; a bare number is seconds. */
export const timeMs = (unit: Unit, section: string, key: string): number => {
  const [value] = unit.get(section)?.get(key) ?? []
  const [, amount, suffix] = /^(\d+)\s*(ms|s|min|h)?$/.exec(value ?? '') ?? []
  if (amount === undefined) throw new Error(`${key} is not one time: ${value}`)
  return (
    Number(amount) *
    { ms: 1, s: 1000, min: 60_000, h: 3_600_000 }[(suffix ?? 's') as 'ms' | 's' | 'min' | 'h']
  )
}

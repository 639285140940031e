/** Waiting for a state, with a bound; never for a time. */
import type { Machine } from './machine.ts'

export const until = async <Value>(
  what: string,
  look: () => Promise<Value | undefined | false>,
  limitMs = 30_000,
): Promise<Value> => {
  const deadline = performance.now() + limitMs
  for (;;) {
    const value = await look()
    if (value !== undefined && value !== false) return value
    if (performance.now() > deadline) throw new Error(`waited ${limitMs} ms for: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Until all of these properties have these values; what they are instead is in the error. */
export const untilShown = async <Name extends string>(
  machine: Machine,
  unit: string,
  wanted: Readonly<Record<Name, string>>,
  limitMs = 30_000,
): Promise<void> => {
  const names = Object.keys(wanted) as Name[]
  let shown: Record<Name, string> | undefined
  const reached = async () => {
    shown = await machine.show(unit, ...names)
    return names.every((name) => shown?.[name] === wanted[name])
  }
  await until(JSON.stringify(wanted), reached, limitMs).catch((error: unknown) => {
    throw new Error(`${unit} is ${JSON.stringify(shown)}`, { cause: error })
  })
}

/** Waits for a state, never for time: looks again and again within a bound, and says what it saw last. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | null,
  withinMs = 10_000,
  sawLast: () => unknown = () => undefined,
): Promise<T> {
  const limit = Date.now() + withinMs
  for (;;) {
    const found = look()
    if (found !== undefined && found !== false && found !== null) return found
    if (Date.now() > limit) {
      const last = sawLast()
      const told = typeof last === 'string' ? last : JSON.stringify(last, null, 1)
      throw new Error(`not within ${withinMs} ms: ${what}\n${told}`)
    }
    await new Promise((go) => setTimeout(go, 10))
  }
}

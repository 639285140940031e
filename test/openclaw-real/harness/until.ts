/** Waits for a state of the world, never for time to pass; says what it last saw when the state does not come. */
export class Hopeless extends Error {
  override name = 'Hopeless'
}

/** `look` ends the waiting with a Hopeless. */
export async function until<T>(
  what: string,
  limitMs: number,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  lastSeen: () => string = () => '',
  pauseMs = 50,
): Promise<T> {
  const deadline = Date.now() + limitMs
  let failure = ''
  for (;;) {
    try {
      const seen = await look()
      if (seen !== undefined && seen !== false) return seen
    } catch (error) {
      if (error instanceof Hopeless) throw error
      failure = String(error)
    }
    if (Date.now() > deadline)
      throw new Error(`not within ${limitMs} ms: ${what} ${failure} ${lastSeen()}`.trimEnd())
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}

/** One clear line, and exit status 64. */
export class UsageError extends Error {
  override name = 'UsageError'
}

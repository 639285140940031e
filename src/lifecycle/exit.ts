/** How a child ended. Exactly one of code and signal is meaningful, so exactly one exists; a signal never becomes a number. */
export type Exit =
  | { readonly by: 'code'; readonly code: number }
  | { readonly by: 'signal'; readonly signal: string; readonly coreDumped: boolean }

/**
 * What an exit that nobody here asked for means. Decided by what is known of the gateway (openclaw/exits.ts);
 * what follows from it is decided here.
 */
export type Meaning =
  /** The gateway ended in order to be started again. */
  | 'restart-wanted'
  /** It found another owner of its port or state, and left: that can pass. */
  | 'gave-way'
  /** It ended with 0 before it was ever ready, and nothing tells why. */
  | 'ended-early'
  /** It refuses its configuration or its state: starting it again changes nothing. */
  | 'refused'
  /** It gave up at a limit of its own: the machine was too busy, and may not be the next time. */
  | 'timed-out'
  | 'crash'

export const describeExit = (exit: Exit): string =>
  exit.by === 'code'
    ? `exit status ${exit.code}`
    : `killed by ${exit.signal}${exit.coreDumped ? ' (core dumped)' : ''}`

/**
 * What an exit of the gateway means that nobody here asked for.
 *
 * 2026.4.26 (seen): 0 is a restart left to the supervisor, but also "something else owns my port" and "a gateway
 * is running already", both before it was ever ready; a SIGTERM from a stranger ends it with 0, too. 78 is a
 * missing or blocked configuration. 1 is everything else, 13 a restart in place that failed.
 * 2026.9.6 (seen): 78 is also given for contention that passes, told apart only by its words.
 */
export type ExitLike =
  { readonly by: 'code'; readonly code: number } | { readonly by: 'signal'; readonly signal: string }

export type Meaning = 'restart-wanted' | 'gave-way' | 'ended-early' | 'refused' | 'timed-out' | 'crash'

/** EX_CONFIG of sysexits.h. */
const refusal = 78

/**
 * `cause` is the last thing the gateway's log says, where it says something; `words` what it wrote into its database
 * of its own end. A stop that nobody here asked for is answered like a restart: a stranger's SIGTERM is no stop order.
 */
export function meaningOf(
  exit: ExitLike,
  wasReady: boolean,
  cause: string | null,
  words: 'restart' | 'stop' | 'nothing' = 'nothing',
): Meaning {
  if (exit.by === 'signal') return 'crash'
  if (exit.code === 0 && words !== 'nothing') return 'restart-wanted'
  if (exit.code === 0 && wasReady) return 'restart-wanted'
  if (cause !== null && contention.test(cause)) return 'gave-way'
  // Of a command that is no gateway, or that goes on in the background, too.
  if (exit.code === 0) return 'ended-early'
  if (exit.code === refusal) return 'refused'
  return cause !== null && ownLimit.test(cause) ? 'timed-out' : 'crash'
}

/** 2026.9.6 gives its heartbeat five seconds (`phase=startup, trigger=timeout`): too few on a machine that boots. */
const ownLimit = /\btrigger=timeout\b/

/** Another process has what this one needs: the words of 2026.4.26 (EADDRINUSE, gateway lock) and of 2026.9.6 (coordinator, agent leases). */
const contention =
  /another gateway instance is already listening|gateway already running|another OpenClaw process owns|agent database is in use/i

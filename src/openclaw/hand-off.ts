/**
 * OpenClaw's own commands for whoever supervises it from outside: one says what it can be asked, one takes the hand-off
 * of a gateway that ended, once. 2026.8 and later, docs/cli/gateway/restart-and-supervision.md; 2026.9.6,
 * dist/gateway-cli, dist/restart-handoff.
 */
export interface HandOff {
  /** Of the gateway that left it. */
  readonly pid: number
  readonly untilMs: number
}

/** How long one is good for, where it could not be read. */
export const handOffMs = 60_000

const protocol = 'openclaw.gateway.restart-handoff'
const protocolVersion = 1

export type Question = readonly ['capabilities'] | readonly ['consume', '--expected-pid', string]
export const consume = (pid: number): Question => ['consume', '--expected-pid', String(pid)]

/** The words after the program, up to its own `gateway`; null where they do not tell it, as a shell's script. */
export function handOffArguments(args: readonly string[], question: Question): readonly string[] | null {
  const at = args.indexOf('gateway')
  return at === -1 ? null : [...args.slice(0, at + 1), 'restart-handoff', ...question, '--json']
}

/** Why it cannot be asked to consume; null: it can. */
export function whyNotOffered(printed: string): string | null {
  const answer = answerIn(printed)
  const isOffered = Array.isArray(answer['operations']) && answer['operations'].includes('consume')
  return isOffered ? null : 'this OpenClaw does not offer that'
}

export type Consumed =
  | { readonly is: 'accepted'; readonly reason: string | null }
  | { readonly is: 'refused'; readonly why: string }

export function consumedOf(printed: string): Consumed {
  const { status, reason, handoff } = answerIn(printed)
  if (status === 'accepted')
    return { is: 'accepted', reason: text((handoff as { reason?: unknown })?.reason) }
  const words = [text(status), text(reason)].filter((word) => word !== null)
  return { is: 'refused', why: words.length > 0 ? words.join(', ') : 'no answer that is known here' }
}

/** Its first start after an installation tells on standard output, too, what it finished of that (2026.9.6). */
function answerIn(printed: string): Readonly<Record<string, unknown>> {
  try {
    const answer = JSON.parse(printed.slice(printed.lastIndexOf('\n{') + 1)) as unknown
    const fields = typeof answer === 'object' && answer !== null ? (answer as Record<string, unknown>) : {}
    return fields['protocol'] === protocol && fields['protocolVersion'] === protocolVersion ? fields : {}
  } catch {
    return {}
  }
}

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)

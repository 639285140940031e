/** Who stands where the gateway wants to listen, said truly: "in use" only of what is in use, and by whom. */
import { lookAtPort, type PortSight } from '../host/ports.ts'
import { environmentOf, nameOfProcess, type Description } from '../host/process-table.ts'
import { isGatewayName } from '../openclaw/process-title.ts'
import { describeHolder } from './lock-holder.ts'

export interface Obstruction {
  readonly evidence: string
  readonly command: string
}

export interface PortReport {
  /** Why a gateway cannot be started; null when it can. */
  readonly obstruction: Obstruction | null
  /** What it will have to do without. */
  readonly warnings: readonly string[]
}

/** Another gateway is worth knowing as one: whose state it works on tells which of the two is in the wrong place. */
const describeOwner = (who: Description): string => {
  if (!isGatewayName(nameOfProcess(who.pid))) return describeHolder(who)
  const state = environmentOf(who.pid)?.get('OPENCLAW_STATE_DIR')
  return `another OpenClaw gateway, on ${state === undefined ? 'the state of its user' : JSON.stringify(state)}: ${describeHolder(who)}`
}

export async function lookForObstruction(port: number, addresses: readonly string[]): Promise<PortReport> {
  const sights = await lookAtPort(port, addresses)
  const warnings: string[] = []
  let obstruction: Obstruction | null = null
  for (const sight of sights) {
    const why = whyNot(port, sight)
    if (why === null) continue
    // The gateway does without ::1 when it has to (2026.4.26 and 2026.9.6: loopback alias).
    if (sight.address === '::1') {
      if (why.held)
        warnings.push(
          `${why.evidence}; the gateway will serve IPv4 only, and clients of [::1] reach the other one`,
        )
    } else obstruction ??= { evidence: why.evidence, command: why.command }
  }
  return { obstruction, warnings }
}

/** At this address alone. */
export async function obstructionAt(port: number, address: string): Promise<Obstruction | null> {
  const sight = (await lookAtPort(port, [address])).find((one) => one.address === address)
  return sight === undefined ? null : whyNot(port, sight)
}

export const lookAtListeners = (port: number): string => `ss -ltnp 'sport = :${port}'`

function whyNot(port: number, sight: PortSight): (Obstruction & { readonly held: boolean }) | null {
  const where = `port ${port} on ${sight.address}`
  const look = lookAtListeners(port)
  switch (sight.is) {
    case 'free':
      return null
    case 'held': {
      const who = sight.by.map(describeOwner).join(' and ')
      return { held: true, evidence: `${where} is held by ${who}`, command: look }
    }
    case 'held-unseen': {
      const user = sight.user === undefined ? '' : ` of user ${sight.user}`
      return {
        held: true,
        evidence: `${where} is held by a process${user} that may not be looked at from here`,
        command: `sudo ${look}`,
      }
    }
    case 'not-permitted':
      return {
        held: false,
        evidence: `${where} may not be bound by this user`,
        command: 'supervise run --port 18789',
      }
    case 'no-such-address':
      return {
        held: false,
        evidence: `${sight.address} is no address of this machine`,
        command: 'ip address show',
      }
    case 'cannot-tell':
      return { held: false, evidence: `${where} cannot be looked at: ${sight.why}`, command: look }
  }
}

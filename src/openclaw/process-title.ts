/**
 * How a gateway is called in the process table: it gives itself the title `openclaw-gateway` over its whole
 * command line, of which the kernel keeps 15 characters as the name (2026.4.26 and 2026.9.6, seen).
 */
export const isGatewayName = (name: string): boolean => name === 'openclaw-gatewa'

/**
 * `openclaw gateway restart` and its like bear the same title, and wait for the gateway that is to come. All commands
 * but `gateway run` start themselves anew with this in their environment (2026.4.26 to 2026.9.6, entry.respawn).
 */
export const commandVariable = 'OPENCLAW_NODE_OPTIONS_READY'

/** What can run a gateway; a backup or a database shell that has a store open is none. */
export const canBeGateway = (exe: string): boolean =>
  /(?:^|\/)(?:node|nodejs|bun|deno|openclaw)[\d.]*(?: \(deleted\))?$/.test(exe)

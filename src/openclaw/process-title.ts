/**
 * How a gateway is called in the process table: it gives itself the title `openclaw-gateway` over its whole
 * command line, of which the kernel keeps 15 characters as the name (2026.4.26 and 2026.9.6, seen).
 */
export const isGatewayName = (name: string): boolean => name === 'openclaw-gatewa'

/** What can run a gateway; a backup or a database shell that has a store open is none. */
export const canBeGateway = (exe: string): boolean =>
  /(?:^|\/)(?:node|nodejs|bun|deno|openclaw)[\d.]*(?: \(deleted\))?$/.test(exe)

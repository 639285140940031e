/** What is run: each version, each way from one to another, what is done to them, and where that makes no sense. */

/**
 * The Node of each, as its package.json asks for; the store that its stable release has; how it is told to restart;
 * whether `openclaw gateway restart` recognises it in the process table.
 */
export const versions = [
  { version: '2026.4.26', node: 22, store: 'file', restarts: 'SIGUSR1', command: 'finds nothing' },
  { version: '2026.5.7', node: 22, store: 'file', restarts: 'SIGUSR1', command: 'finds nothing' },
  { version: '2026.6.11', node: 24, store: 'file', restarts: 'SIGUSR1', command: 'finds nothing' },
  { version: '2026.7.1', node: 24, store: 'file', restarts: 'SIGUSR1', command: 'restarts' },
  { version: '2026.7.35', node: 24, store: 'file', restarts: 'SIGUSR1', command: 'restarts' },
  { version: '2026.8.2', node: 24, store: 'sqlite', restarts: 'SIGUSR1', command: 'restarts' },
  // From here on SIGUSR1 opens an inspector; before, SIGUSR2 killed.
  { version: '2026.9.6', node: 24, store: 'sqlite', restarts: 'SIGUSR2', command: 'restarts' },
] as const

export const upgrades = [
  { from: '2026.4.26', to: '2026.9.6', imports: 'at its start' },
  // 2026.8 refuses files, and says: "openclaw doctor --fix" (docs/concepts/session.md).
  { from: '2026.7.35', to: '2026.8.2', imports: 'by hand' },
  { from: '2026.7.35', to: '2026.9.6', imports: 'at its start' },
] as const

/** In the order in which they are played, and of the table. */
export const ofVersions = [
  'start to ready',
  'its own restart',
  'openclaw gateway restart',
  'configuration edited',
  'killed idle',
  'killed in a turn',
  'killed, model slow',
  'killed, model failing',
  'stopped in a turn',
  'stranger on the port',
  'stranger on ::1',
  'second owner',
  'nothing else changed',
  'index emptied',
  'transcripts torn',
  'database emptied',
  'databases torn',
  'consistent at the end',
] as const
export type OfVersion = (typeof ofVersions)[number]

export const ofUpgrades = [
  'undisturbed',
  'package replaced',
  'killed with a new schema',
  'killed with the import recorded',
  'killed with an agent database',
  'killed with files archived',
  'killed before ready',
  'supervisor killed, too',
] as const
export type OfUpgrade = (typeof ofUpgrades)[number]

type Store = (typeof versions)[number]['store']

/** Why a scenario makes no sense for a version, where it makes none. */
const onlyOf: Partial<Record<OfVersion, { readonly store: Store; readonly otherwise: string }>> = {
  'index emptied': { store: 'file', otherwise: 'its sessions are rows' },
  'transcripts torn': { store: 'file', otherwise: 'its sessions are rows' },
  'database emptied': { store: 'sqlite', otherwise: 'its sessions are files' },
  'databases torn': { store: 'sqlite', otherwise: 'its sessions are files' },
}

export const doesNotApply = (scenario: OfVersion, store: Store): string | undefined => {
  const only = onlyOf[scenario]
  return only === undefined || only.store === store ? undefined : only.otherwise
}

/** The same for an upgrade. */
export const doesNotApplyTo = (
  scenario: OfUpgrade,
  { imports }: (typeof upgrades)[number],
): string | undefined =>
  scenario === 'supervisor killed, too' && imports === 'by hand'
    ? 'nothing is imported under a supervisor'
    : undefined

export const nameOf = ({ from, to }: { readonly from: string; readonly to: string }): string =>
  `${from} to ${to}`

/** Rows that are to be played: all, unless some are named (scripts/matrix). `upgrade` names every upgrade. */
export function isAsked(row: string): boolean {
  const asked = (process.env['SUPERVISE_TEST_ROWS'] ?? '').split(' ').filter((word) => word !== '')
  const ofUpgrade = upgrades.map(nameOf)
  const rowsOf = (word: string): readonly string[] =>
    word === 'upgrade'
      ? ofUpgrade
      : [...versions.map(({ version }) => version), ...ofUpgrade].filter(
          (one) => one.replaceAll(' ', '-') === word,
        )
  const unknown = asked.find((word) => rowsOf(word).length === 0)
  if (unknown !== undefined) throw new Error(`no row of the matrix: ${unknown}`)
  return asked.length === 0 || asked.some((word) => rowsOf(word).includes(row))
}

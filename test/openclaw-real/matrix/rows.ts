/** What is run: each version, each way from one to another, what is done to them, and where that makes no sense. */

/** The Node of each, as its package.json asks for; the store that its stable release has; how it is told to restart. */
export const versions = [
  { version: '2026.4.26', node: 22, store: 'file', restarts: 'SIGUSR1' },
  { version: '2026.5.7', node: 22, store: 'file', restarts: 'SIGUSR1' },
  { version: '2026.6.11', node: 24, store: 'file', restarts: 'SIGUSR1' },
  { version: '2026.7.1', node: 24, store: 'file', restarts: 'SIGUSR1' },
  { version: '2026.7.35', node: 24, store: 'file', restarts: 'SIGUSR1' },
  { version: '2026.8.2', node: 24, store: 'sqlite', restarts: 'SIGUSR1' },
  // From here on SIGUSR1 opens an inspector; before, SIGUSR2 killed.
  { version: '2026.9.6', node: 24, store: 'sqlite', restarts: 'SIGUSR2' },
] as const

export const upgrades = [
  { from: '2026.4.26', to: '2026.9.6' },
  { from: '2026.7.35', to: '2026.8.2' },
  { from: '2026.7.35', to: '2026.9.6' },
] as const

/** In the order in which they are played, and of the table. */
export const ofVersions = [
  'start to ready',
  'its own restart',
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

export const ofUpgrades = ['killed on the way', 'consistent at the end'] as const
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

export const nameOf = ({ from, to }: { readonly from: string; readonly to: string }): string =>
  `${from} to ${to}`

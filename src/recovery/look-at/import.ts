/**
 * Files of before, under an OpenClaw that keeps its sessions in databases and imports nothing at its start: it refuses
 * them, with 78 and for ever, and names its own command. Said before that start, and only of files that are sound: its
 * doctor archives what it cannot read, so what has to be repaired is repaired first.
 */
import { importsAtItsStart } from '../../openclaw/era.ts'
import { indexName, sessionsFolder } from '../../openclaw/layout.ts'
import type { Eyes } from '../eyes.ts'
import type { WhichStore } from '../which-store.ts'

export function lookAtImport({ site, notes }: Eyes, { store, unimported }: WhichStore): void {
  const { installed } = site
  if (store !== 'file' && store !== 'migrating') return
  const [first] = [...unimported].toSorted()
  if (first === undefined || installed == null || importsAtItsStart(installed) !== false) return
  const isRepairDue =
    notes.findings.some(({ severity }) => severity !== 'benign') || notes.remedies().length > 0
  const which = unimported.size === 1 ? `agent ${first}` : `${unimported.size} agents, first ${first}`
  notes.found({
    kind: 'import-by-hand',
    severity: isRepairDue ? 'benign' : 'blocks',
    path: `${site.stateDir}/${sessionsFolder(first)}/${indexName}`,
    evidence: `sessions of ${which} are in files, and the OpenClaw ${installed.version} that is installed keeps them in databases and does not import them at its start: it refuses to, until its doctor has. That may change more, and no copy is kept for you: keep one of the state first`,
    repair: null,
    ...(!isRepairDue && { without: 'needs-operator', command: 'openclaw doctor --fix --non-interactive' }),
  })
}

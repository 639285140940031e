/**
 * Our own folder lies where the gateway writes, and whatever speaks to it may come to write.  So what is read there
 * is judged before it is followed: a journal may have been left by nobody of us.
 *
 * 1. A folder of ours that is a link, or no folder, is not looked into.
 * 2. A plan is followed only as long as every name in it stays inside the state, by its words and by where its
 *    directories really lead.  Outside, only the configuration and the gateway's lock are ever named.
 */
import { inside } from '../openclaw/posix-path.ts'
import { lastGoodOf } from '../openclaw/config-file.ts'
import { isGatewayLockName } from '../openclaw/lock-file.ts'
import { Eyes, quoted } from './eyes.ts'
import type { Step } from './finding.ts'
import type { Repair } from './journal.ts'
import { Notebook } from './notebook.ts'
import { journalFile, ownFolder, parentOf, pathOf, repairsFolder } from './places.ts'
import type { Site } from './site.ts'

/** Nothing was changed: a person has to look. */
export class Distrusted extends Error {
  override name = 'Distrusted'
  readonly command: string
  constructor(evidence: string, path: string) {
    super(evidence)
    this.command = `ls -ld ${quoted(path)}`
  }
}

/** Are there repairs to be read?  Not in the folder of somebody else. */
export async function hasRepairs(site: Site): Promise<boolean> {
  for (const folder of [ownFolder(site), repairsFolder(site)]) {
    const stat = await site.disk.stat(folder)
    if (stat === undefined) return false
    if (stat.kind !== 'directory')
      throw new Distrusted(`${JSON.stringify(folder)} is no directory: not followed, not opened`, folder)
  }
  return true
}

/** What is written anew at each hand-over: nothing comes in the place of a folder, today or later. */
export async function assertNoFolderInTheWay(site: Site): Promise<void> {
  for (const name of ['turns', 'checkpoint', 'accepted-losses'])
    for (const end of ['.json', '.json.new']) {
      const path = `${ownFolder(site)}/${name}${end}`
      if ((await site.disk.stat(path))?.kind === 'directory')
        throw new Distrusted(`${JSON.stringify(path)} is a folder, where a file of ours belongs`, path)
    }
}

export async function assertStaysInside(site: Site, repair: Repair): Promise<void> {
  const eyes = new Eyes(site, new Notebook(site.stateDir))
  for (const name of new Set(repair.steps.flatMap(namesIn))) {
    const path = pathOf(site, name)
    if (isNamed(site, name) && (await leadsInside(eyes, path))) continue
    const journal = journalFile(site, repair.id)
    throw new Distrusted(`repair ${repair.id} names ${JSON.stringify(name)}, which leads outside`, journal)
  }
}

const namesIn = ({ path, change }: Step): readonly string[] => [
  path,
  ...(change.do === 'put-back' ? [change.from] : []),
  ...(change.do === 'write' ? change.content.flatMap((piece) => ('path' in piece ? [piece.path] : [])) : []),
]

function isNamed(site: Site, name: string): boolean {
  if (name.startsWith('/')) return isOutsideByRight(site, name)
  return name.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !part.includes('\0'))
}

const isOutsideByRight = ({ configPath, gatewayLockDir }: Site, path: string): boolean =>
  path === configPath ||
  path === lastGoodOf(configPath) ||
  (gatewayLockDir !== null &&
    parentOf(path) === gatewayLockDir &&
    isGatewayLockName(path.slice(gatewayLockDir.length + 1)))

async function leadsInside(eyes: Eyes, path: string): Promise<boolean> {
  const { site } = eyes
  if (isOutsideByRight(site, path)) return true
  const real = await eyes.real(parentOf(path))
  return real === site.stateDir || inside(site.stateDir, real) !== undefined
}

/** Can the paired devices be read?  The gateway gets ready without them, and lets nobody in. */
import type { FileStat } from '../../host/disk.ts'
import { configLimitBytes } from '../../openclaw/config-file.ts'
import { deviceLists, pairedDevices } from '../../openclaw/layout.ts'
import { dirName } from '../../openclaw/posix-path.ts'
import { type Eyes, quoted } from '../eyes.ts'
import { contentOf, readableGenerations } from '../generations.ts'
import { isJson } from './is-json.ts'
import { spliced } from '../notebook.ts'
import { isoOf } from '../iso.ts'
import { counted } from './sessions-dir.ts'
import type { Site } from '../site.ts'
import type { Store } from '../verdict.ts'

export async function lookAtDevices(eyes: Eyes, store: Store): Promise<void> {
  for (const name of deviceLists) {
    const path = `${eyes.site.stateDir}/${name}`
    const stat = await eyes.file(path)
    if (stat === undefined && name === pairedDevices && store === 'file') await lookForGone(eyes, path)
    const bytes = stat === undefined ? undefined : await eyes.whole(path, stat, configLimitBytes)
    if (stat === undefined || bytes === undefined) continue
    const text = bytes.toString('utf8')
    if (listed(text) !== undefined) continue
    const kept = await newestDevices(eyes.site, path)
    const because = eyes.notes.found({
      kind: 'devices-unreadable',
      severity: 'blocks',
      path,
      evidence: isJson(text)
        ? `${stat.bytes} bytes that are no list of devices: the gateway takes them for none`
        : `${stat.bytes} bytes that do not parse: the gateway gets ready, yet no client can connect`,
      repair:
        kept !== undefined
          ? `restore ${counted(kept.devices, 'device')} from the generation of ${kept.when}`
          : name === pairedDevices
            ? 'set it aside: devices have to be paired again'
            : 'set it aside',
    })
    eyes.notes.remedy(
      'content',
      path,
      [because],
      kept === undefined ? { do: 'set-aside', found: stat } : spliced(kept, [], stat),
    )
  }
}

/** No gateway of the era of files removes it. But somebody may who lets nobody in any more: it is told, and no more. */
async function lookForGone(eyes: Eyes, path: string): Promise<void> {
  const { site, notes } = eyes
  const folder = await eyes.stat(dirName(path))
  // What stands there and is not looked at, or is not to be reached, is told already, and not gone.
  if (folder !== undefined && folder.kind !== 'directory') return
  if (notes.findings.some((one) => one.path === notes.shown(path))) return
  const kept = await newestDevices(site, path)
  if (kept === undefined) return
  // As its owner has it, whoever runs this.
  const copy = `cp -p ${quoted(kept.path)} ${quoted(path)}`
  notes.found({
    kind: 'devices-unreadable',
    severity: 'benign',
    path,
    evidence: `gone, and its generation of ${kept.when} has ${counted(kept.devices, 'device')}: none of them can connect until it is paired again`,
    repair: null,
    command: folder === undefined ? `mkdir -m 700 ${quoted(dirName(path))} && ${copy}` : copy,
  })
}

/** The devices in it; undefined for what no gateway writes. */
function listed(text: string): readonly string[] | undefined {
  const value: unknown = isJson(text) ? JSON.parse(text) : null
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : undefined
}

async function newestDevices(
  site: Site,
  path: string,
): Promise<{ path: string; stat: FileStat; devices: number; when: string } | undefined> {
  for (const generation of await readableGenerations(site, path)) {
    const content = await contentOf(site, generation)
    const devices = content && listed(content.bytes.toString('utf8'))?.length
    if (content === undefined || devices === undefined) continue
    return { path: generation.path, stat: content.stat, devices, when: isoOf(generation.mtimeMs) }
  }
  return undefined
}

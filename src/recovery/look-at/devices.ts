/** Can the paired devices be read?  The gateway gets ready without them, and lets nobody in. */
import type { FileStat } from '../../host/disk.ts'
import { configLimitBytes } from '../../openclaw/config-file.ts'
import { deviceLists, pairedDevices } from '../../openclaw/layout.ts'
import type { Eyes } from '../eyes.ts'
import { contentOf, readableGenerations } from '../generations.ts'
import { isJson } from './is-json.ts'
import { spliced } from '../notebook.ts'
import { isoOf } from '../iso.ts'
import { counted } from './sessions-dir.ts'
import type { Site } from '../site.ts'

export async function lookAtDevices(eyes: Eyes): Promise<void> {
  for (const name of deviceLists) {
    const path = `${eyes.site.stateDir}/${name}`
    const stat = await eyes.file(path)
    const bytes = stat === undefined ? undefined : await eyes.whole(path, stat, configLimitBytes)
    if (stat === undefined || bytes === undefined) continue
    if (isJson(bytes.toString('utf8'))) continue
    const kept = await newestDevices(eyes.site, path)
    const because = eyes.notes.found({
      kind: 'devices-unreadable',
      severity: 'blocks',
      path,
      evidence: `${stat.bytes} bytes that do not parse: the gateway gets ready, yet no client can connect`,
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

async function newestDevices(
  site: Site,
  path: string,
): Promise<{ path: string; stat: FileStat; devices: number; when: string } | undefined> {
  for (const generation of await readableGenerations(site, path)) {
    const content = await contentOf(site, generation)
    if (content === undefined || !isJson(content.bytes.toString('utf8'))) continue
    const devices = Object.keys(JSON.parse(content.bytes.toString('utf8')) as object).length
    return { path: generation.path, stat: content.stat, devices, when: isoOf(generation.mtimeMs) }
  }
  return undefined
}

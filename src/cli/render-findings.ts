/** Findings as a person reads them: worst first, one line of evidence, one of what is done about it. */
import type { Finding } from '../recovery/finding.ts'
import type { Inspection } from '../recovery/verdict.ts'
import { inWords } from '../recovery/which-store.ts'
import { clean, plural, say } from './output.ts'

export function sayInspection(inspection: Inspection): void {
  const { store, version, schema, verdict, counts } = inspection
  const written = version === null ? '' : `, written by OpenClaw ${clean(version)}`
  say(`store: ${store}${written}${schema === null ? '' : `, ${inWords(schema)}`}`)
  say(
    `verdict: ${verdict} (${plural(counts.sessions, 'session')}, ${plural(counts.files, 'file')} looked at, ${counts.read} read)`,
  )
  for (const finding of inspection.findings) sayFinding(finding)
}

export function sayFinding({ severity, kind, path, evidence, repair, command }: Finding): void {
  say(`${severity.padEnd(6)}  ${kind}  ${clean(path)}`)
  say(`        ${clean(evidence)}`)
  if (repair !== null) say(`        repair: ${clean(repair)}`)
  if (command !== undefined) say(`        run: ${clean(command)}`)
}

/**
 * Findings as a person reads them: worst first, one line of evidence, one of what is done about it, one for each session
 * of which that leaves something unknown.
 */
import type { Finding } from '../recovery/finding.ts'
import type { Inspection } from '../recovery/verdict.ts'
import { inWords } from '../recovery/which-store.ts'
import { wholeCommand, type Meant } from '../supervisor/whole-command.ts'
import { clean, plural, say } from './output.ts'

export const withWholeCommand = (finding: Finding, meant: Meant): Finding =>
  finding.command === undefined ? finding : { ...finding, command: wholeCommand(finding.command, meant) }

export function sayInspection(inspection: Inspection, meant: Meant): void {
  const { store, version, schema, verdict, counts } = inspection
  const written = version === null ? '' : `, written by OpenClaw ${clean(version)}`
  say(`store: ${store}${written}${schema === null ? '' : `, ${inWords(schema)}`}`)
  say(
    `verdict: ${verdict} (${plural(counts.sessions, 'session')}, ${plural(counts.files, 'file')} looked at, ${counts.read} read)`,
  )
  for (const finding of inspection.findings) sayFinding(finding, meant)
}

const mostSessions = 20

export function sayFinding(finding: Finding, meant: Meant): void {
  const { severity, kind, path, evidence, repair, command, sessions = [] } = withWholeCommand(finding, meant)
  say(`${severity.padEnd(6)}  ${kind}  ${clean(path)}`)
  say(`        ${clean(evidence)}`)
  if (repair !== null) say(`        repair: ${clean(repair)}`)
  for (const { key, notKnown } of sessions.slice(0, mostSessions))
    say(`        ${clean(key)}: not known: ${clean(notKnown.join('; '))}`)
  if (sessions.length > mostSessions)
    say(`        and ${plural(sessions.length - mostSessions, 'session')} more: --json names them all`)
  if (command !== undefined) say(`        run: ${clean(command)}`)
}

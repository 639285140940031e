/** What came of each scenario, kept beside this file; and the table that people read, made of nothing else. */
import { readFileSync, writeFileSync } from 'node:fs'

/** In the order of the table. */
export const scenarios = [
  'start to ready',
  'its own restart',
  'killed idle',
  'killed in a turn',
  'stopped in a turn',
  'sessions lost',
  'consistent at the end',
] as const
export type Scenario = (typeof scenarios)[number]
type Results = Record<string, Partial<Record<string, 'yes' | 'no'>>>

const results = new URL('results.json', import.meta.url)
const page = new URL('README.md', import.meta.url)

export function note(version: string, scenario: string, outcome: 'yes' | 'no'): void {
  const all = known()
  all[version] = { ...all[version], [scenario]: outcome }
  const sorted = Object.fromEntries(
    Object.entries(all).toSorted(([a], [b]) => (order(a) < order(b) ? -1 : 1)),
  )
  writeFileSync(results, `${JSON.stringify(sorted, null, 2)}\n`)
  writeFileSync(page, textOf(sorted))
}

function known(): Results {
  try {
    return JSON.parse(readFileSync(results, 'utf8')) as Results
  } catch {
    return {}
  }
}

const order = (version: string): string => version.replaceAll(/\d+/g, (digits) => digits.padStart(4, '0'))

function textOf(all: Results): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const rows = Object.entries(all).map(([version, outcomes]) => [
    version,
    ...scenarios.map((scenario) => outcomes[scenario] ?? ''),
  ])
  const head = ['OpenClaw', ...scenarios]
  const widths = head.map((_, column) => Math.max(3, ...[head, ...rows].map((row) => row[column]!.length)))
  const padded = (row: readonly string[]): string => line(row.map((cell, n) => cell.padEnd(widths[n]!)))
  return `# Real gateways under the supervisor

Made by \`scripts/matrix\`: each version from npm, with the Node that it asks for, against one harness. What is asserted is
what a user sees: after each of these the history is there over the gateway's own RPC, and the next turn sees it.

${[padded(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(padded)].join('\n')}
`
}

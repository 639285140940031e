/**
 * What came of each scenario, kept beside this file; and the page that people read, made of nothing else. Each cell
 * says something: `yes`, `no`, `not run`, or why it does not apply.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import {
  doesNotApply,
  doesNotApplyTo,
  nameOf,
  ofUpgrades,
  ofVersions,
  upgrades,
  versions,
  type OfUpgrade,
  type OfVersion,
} from './rows.ts'

type Results = Readonly<Record<string, Readonly<Record<string, 'yes' | 'no'>>>>

const results = new URL('results.json', import.meta.url)
export const page = new URL('README.md', import.meta.url)

export async function note(
  row: string,
  scenario: OfVersion | OfUpgrade,
  outcome: 'yes' | 'no',
): Promise<void> {
  const before = known()
  const after = ordered({ ...before, [row]: { ...before[row], [scenario]: outcome } })
  writeFileSync(results, `${JSON.stringify(after, null, 2)}\n`)
  writeFileSync(page, await pageOf(after))
}

export const known = (): Results => JSON.parse(readFileSync(results, 'utf8')) as Results

/** Rows and columns that are not played any more are forgotten. */
function ordered(all: Results): Results {
  const rows = [
    ...versions.map(({ version }) => [version, ofVersions] as const),
    ...upgrades.map((upgrade) => [nameOf(upgrade), ofUpgrades] as const),
  ]
  const kept = rows.map(
    ([row, columns]) =>
      [
        row,
        Object.fromEntries(
          columns.flatMap((column) => {
            const outcome = all[row]?.[column]
            return outcome === undefined ? [] : [[column, outcome] as const]
          }),
        ),
      ] as const,
  )
  return Object.fromEntries(kept.filter(([, outcomes]) => Object.keys(outcomes).length > 0))
}

export async function pageOf(all: Results): Promise<string> {
  const ofEachVersion = versions.map(({ version, store }) => [
    version,
    ...ofVersions.map((scenario) => {
      const why = doesNotApply(scenario, store)
      return why === undefined ? (all[version]?.[scenario] ?? 'not run') : `n/a: ${why}`
    }),
  ])
  const ofEachUpgrade = upgrades.map((upgrade) => [
    nameOf(upgrade),
    ...ofUpgrades.map((scenario) => {
      const why = doesNotApplyTo(scenario, upgrade)
      return why === undefined ? (all[nameOf(upgrade)]?.[scenario] ?? 'not run') : `n/a: ${why}`
    }),
  ])
  const unrecognised = versions
    .filter(({ command }) => command === 'finds nothing')
    .map(({ version }) => version)
  const text = `# Real gateways under the supervisor

Made by \`scripts/matrix\`: each version from npm, with the Node that it asks for, against one harness. What is asserted is what a user sees: after each of these the history is there over the gateway's own RPC, and the next turn sees it.

${tableOf(['OpenClaw', ...ofVersions], ofEachVersion)}

\`openclaw gateway restart\` is typed beside the supervisor, in a shell that knows nothing of it. In ${unrecognised.join(', ')} that command does not recognise a running gateway: it says "Gateway service disabled.", leaves the gateway as it is, and ends with 0. \`supervise restart\` restarts it.

A state of the older version is taken over by the newer one, whose gateway imports its files at its first start (2026.8 refuses them; its operator imports them with \`openclaw doctor --fix\`, as \`supervise\` says). It is put in the place of the one that runs, between two starts; and whoever imports is killed at one moment after the other. In the end every question is there once, the next turn sees all of them, the store is consistent, and each file of the old one is still kept:

${tableOf(['upgrade', ...ofUpgrades], ofEachUpgrade)}
`
  const path = fileURLToPath(page)
  return format(text, { ...(await resolveConfig(path)), filepath: path })
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

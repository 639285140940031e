/** The help texts, made from the tables that the program itself goes by. */
import { explained } from './exit-statuses.ts'
import type { Flags } from './flags.ts'

export interface CommandHelp {
  readonly usage: string
  readonly summary: string
  readonly flags: Flags
  readonly statuses: keyof typeof explained
}

export function helpOf({ usage, summary, flags, statuses }: CommandHelp): string {
  const rows = Object.entries({ ...flags, help: { help: 'this text' } } as Flags).map(
    ([name, { value, help, fallback }]) => {
      const left = value === undefined ? `--${name}` : `--${name} ${value}`
      return `  ${left.padEnd(34)} ${help}${fallback === undefined ? '' : ` (default: ${fallback})`}`
    },
  )
  const ends = explained[statuses].map(([status, meaning]) => `  ${String(status).padEnd(6)} ${meaning}`)
  return [
    `usage: supervise ${usage}`,
    '',
    summary,
    '',
    ...rows,
    '',
    'Each --flag can be given as SUPERVISE_FLAG in the environment; the flag wins.',
    '',
    'exit status:',
    ...ends,
  ].join('\n')
}

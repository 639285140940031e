/**
 * The one-way rule between the rooms (ARCHITECTURE.md) is the linter's to keep: each import against it is refused, of
 * types too. What it cannot see is a name that is spelled where it does not belong.
 */
import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const ofTheMachine = [
  'node:fs',
  'node:net',
  'node:child_process',
  'node:http',
  'execa',
  'pino',
  'detect-port',
]
const effects = [...ofTheMachine, 'systemd-notify', 'koffi']
/** Names for the same that the rule of the rooms does not know. */
const byAnotherName = ['fs', 'child_process']
const room = (name: string): string => `../${name}/some.ts`

/** Of each room: what it may not import, and what it may. */
const rooms: Readonly<Record<string, readonly [readonly string[], readonly string[]]>> = {
  lifecycle: [['host', 'openclaw', 'recovery', 'supervisor', 'cli'].map(room), ['./some.ts']],
  openclaw: [['host', 'lifecycle', 'recovery', 'supervisor', 'cli'].map(room), ['./some.ts', 'json5']],
  host: [['lifecycle', 'openclaw', 'recovery', 'supervisor', 'cli'].map(room), ['./some.ts', ...effects]],
  'recovery/look-at': [
    ['lifecycle', 'supervisor', 'cli'].map((name) => `../${room(name)}`),
    ['./some.ts', '../some.ts', ...['host', 'openclaw'].map((name) => `../${room(name)}`)],
  ],
  recovery: [
    [...['lifecycle', 'supervisor', 'cli'].map(room), './look-at/some.ts'],
    ['./some.ts', ...['host', 'openclaw'].map(room)],
  ],
  supervisor: [
    [room('cli'), room('recovery/look-at')],
    ['./some.ts', ...['host', 'openclaw', 'recovery', 'lifecycle'].map(room)],
  ],
  cli: [
    ['../main.ts', room('recovery/look-at')],
    ['./some.ts', 'node:util', ...['host', 'openclaw', 'recovery', 'supervisor', 'lifecycle'].map(room)],
  ],
}
const isPure = (name: string): boolean => name !== 'host'

interface Diagnostics {
  readonly diagnostics: readonly { readonly code?: string; readonly filename: string }[]
}

test('each import against the rule is refused, and none that it allows', () => {
  const folder = mkdtempSync(join(tmpdir(), 'supervise-rooms-'))
  try {
    copyFileSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'))
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    const wanted: string[] = []
    const all: string[] = []
    for (const [name, [forbidden, allowed]] of Object.entries(rooms)) {
      mkdirSync(join(folder, 'src', name), { recursive: true })
      const refused = [...forbidden, ...(isPure(name) ? effects : []), ...byAnotherName]
      for (const target of [...refused, ...allowed])
        for (const [how, text] of Object.entries({
          value: `import { some } from '${target}'\nexport const it = some\n`,
          type: `import type { Some } from '${target}'\nexport type It = Some\n`,
          later: `export const it = await import('${target}')\n`,
          again: `export { some } from '${target}'\n`,
        })) {
          const file = `src/${name}/${all.length}-${how}.ts`
          const told = `${name}: ${how} of ${target}`
          writeFileSync(join(folder, file), text)
          all.push(told)
          if (refused.includes(target)) wanted.push(told)
        }
    }
    const { stdout } = spawnSync(
      process.execPath,
      [join(root, 'node_modules/oxlint/bin/oxlint'), '--format=json', 'src'],
      { cwd: folder, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
    )
    const { diagnostics } = JSON.parse(stdout) as Diagnostics
    const seen = diagnostics
      .filter(({ code }) => /no-restricted-imports|prefer-node-protocol/.test(code ?? ''))
      .map(({ filename }) => all[Number.parseInt(basename(filename), 10)]!)
    expect([...new Set(seen)].toSorted()).toEqual(wanted.toSorted())
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

/** As a program spells them: in a string, or in an expression. */
const openclawsNames =
  /sessions\\?\.json|\/agents\b|\bagents\/|\/sessions\b|\.last-good|openclaw\\?\.json|(?:paired|pending)\\?\.json|gateway\.\$|-path\.json|\.trajectory\b/
/** Files of our own end so, too; none of them is looked at by an inspection. */
const ofTranscripts = /\.jsonl/

test('the names of the files of OpenClaw are spelled in its own room', () => {
  const spelled = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true }).flatMap(
    (entry) => {
      const file = relative(root, join(entry.parentPath, entry.name))
      if (!file.endsWith('.ts') || file.startsWith('src/openclaw/')) return []
      const code = readFileSync(join(root, file), 'utf8').replaceAll(
        /\/\*[^]*?\*\/|^\s*\/\/.*$|^import .*$/gm,
        '',
      )
      const isLook = file.startsWith('src/recovery/look-at/')
      return code
        .split('\n')
        .filter(
          (line) => /['`/]/.test(line) && (openclawsNames.test(line) || (isLook && ofTranscripts.test(line))),
        )
        .map((line) => `${file}: ${line.trim()}`)
    },
  )
  expect(spelled).toEqual([])
})

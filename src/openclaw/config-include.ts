/**
 * `$include` in openclaw.json: other files of its folder, with what stands beside it on top (2026.4.26,
 * dist/includes-D00MH42T.js: IncludeProcessor; 2026.9.6 the same). Since 2026.8 also files of the folders that
 * OPENCLAW_INCLUDE_ROOTS names. Followed here as far as a supervisor has to know: at the top and in its sections. What
 * the gateway refuses (a file elsewhere, a circle) is left out: it says so itself.
 */
import { dirName, inside, resolvePath } from './posix-path.ts'

const deepest = 10
const mostFiles = 64
/** Sections lie one below the top; `env.vars` one below that. */
const levels = 2

/** `roots`: first the folder of the configuration. `read`: the parsed file of that path; undefined where there is none. */
export function withIncludes(
  config: unknown,
  roots: readonly [string, ...string[]],
  read: (path: string) => unknown,
): unknown {
  let files = 0
  const load = (path: unknown, folder: string, depth: number, level: number): unknown => {
    if (typeof path !== 'string' || depth >= deepest) return {}
    const at = resolvePath(folder, path)
    if (!roots.some((root) => inside(root, at) !== undefined) || ++files > mostFiles) return {}
    return resolve(read(at), dirName(at), depth + 1, level)
  }
  const resolve = (value: unknown, folder: string, depth: number, level: number): unknown => {
    if (!isPlain(value) || level < 0) return value
    const { $include, ...rest } = value
    const own = Object.fromEntries(
      Object.entries(rest).map(([name, each]) => [name, resolve(each, folder, depth, level - 1)]),
    )
    if ($include === undefined) return own
    const names = Array.isArray($include) ? ($include as unknown[]) : [$include]
    const included = names.reduce<unknown>((all, name) => merge(all, load(name, folder, depth, level)), {})
    return merge(included, own)
  }
  return resolve(config, roots[0], 0, levels)
}

function merge(below: unknown, above: unknown): unknown {
  if (!isPlain(below) || !isPlain(above)) return above
  const both = Object.entries(above).map(([name, value]) => [name, merge(below[name], value)])
  return { ...below, ...Object.fromEntries(both) }
}

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

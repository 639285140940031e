/**
 * `$include` in openclaw.json: other files of its folder, with what stands beside it on top (2026.4.26,
 * dist/includes-D00MH42T.js: IncludeProcessor; 2026.9.6 the same). Followed here as far as a supervisor has to know: at
 * the top and in its sections. What the gateway refuses (a file elsewhere, a circle) is left out: it says so itself.
 */
const deepest = 10
const mostFiles = 64
/** Sections lie one below the top; `env.vars` one below that. */
const levels = 2

/** `top`: the folder of the configuration. `read`: the parsed file of that path below it; undefined where there is none. */
export function withIncludes(config: unknown, top: string, read: (path: string) => unknown): unknown {
  let files = 0
  const load = (path: unknown, folder: string, depth: number, level: number): unknown => {
    const at = typeof path === 'string' && depth < deepest ? within(top, folder, path) : undefined
    if (at === undefined || ++files > mostFiles) return {}
    return resolve(read(at), at.slice(0, at.lastIndexOf('/') + 1), depth + 1, level)
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
  return resolve(config, '', 0, levels)
}

/** Undefined: it leads out of the folder of the configuration. */
function within(top: string, folder: string, path: string): string | undefined {
  if (path.startsWith('/') && !path.startsWith(`${top}/`)) return undefined
  const parts: string[] = []
  for (const part of (path.startsWith('/') ? path.slice(top.length) : `${folder}${path}`).split('/')) {
    if (part === '..' && parts.pop() === undefined) return undefined
    if (part !== '..' && part !== '.' && part !== '') parts.push(part)
  }
  return parts.join('/')
}

function merge(below: unknown, above: unknown): unknown {
  if (!isPlain(below) || !isPlain(above)) return above
  const both = Object.entries(above).map(([name, value]) => [name, merge(below[name], value)])
  return { ...below, ...Object.fromEntries(both) }
}

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

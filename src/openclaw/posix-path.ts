/** Paths as text, for a room that may not ask the machine. Absolute paths, forward slashes: OpenClaw on Linux. */

export const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

export const dirName = (path: string): string => {
  const cut = path.lastIndexOf('/')
  return cut <= 0 ? '/' : path.slice(0, cut)
}

export const isAbsolute = (path: string): boolean => path.startsWith('/')

/** `path` seen from `dir`, without `.`, `..` and doubled slashes. */
export function resolvePath(dir: string, path: string): string {
  const parts: string[] = []
  for (const part of `${isAbsolute(path) ? '' : dir}/${path}`.split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..') parts.pop()
    else parts.push(part)
  }
  return `/${parts.join('/')}`
}

/** What follows `dir/` in `path`; undefined when it does not lie inside. */
export const inside = (dir: string, path: string): string | undefined => {
  const prefix = dir === '/' ? '/' : `${dir}/`
  return path.length > prefix.length && path.startsWith(prefix) ? path.slice(prefix.length) : undefined
}

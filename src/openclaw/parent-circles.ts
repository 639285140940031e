/** Parents that go round in a circle, on which the walk from the last line to the root would never end. */
import type { Mend } from './mend.ts'
import type { Line } from './transcript-line.ts'

export interface Turning {
  readonly line: Line & { is: 'entry' }
  readonly at: number
  /** Undefined where it is too long to be changed. */
  readonly text: string | undefined
  readonly before: string | undefined
}

type Parents = Map<string, string | undefined>

/** The ids that the walk from here to the root meets for ever; undefined where it comes to an end. */
function circleFrom(id: string | undefined, parents: Parents): ReadonlySet<string> | undefined {
  const seen = new Set<string>()
  let at = id
  for (; at !== undefined && !seen.has(at); at = parents.get(at)) seen.add(at)
  if (at === undefined) return undefined
  const circle = new Set<string>()
  for (; at !== undefined && !circle.has(at); at = parents.get(at)) circle.add(at)
  return circle
}

/** Each circle on the way from the last line is opened where a line names what is not before it. */
export function circlesBroken(
  last: string | undefined,
  parents: Parents,
  turnings: readonly Turning[],
): { readonly broken: readonly Mend[]; readonly evidence: string | undefined } {
  const broken: Mend[] = []
  let evidence: string | undefined
  if (turnings.length === 0) return { broken, evidence }
  for (let n = 0; n < mostCircles; n++) {
    const circle = circleFrom(last, parents)
    if (circle === undefined) break
    const turning = turnings.find(({ line }) => circle.has(line.id) && parents.get(line.id) === line.parentId)
    evidence ??= `the parents of the last line go round in a circle${turning === undefined ? '' : `, through entry ${JSON.stringify(turning.line.id)}`}`
    const place = turning && placeOfParent(turning)
    if (turning === undefined || place === undefined) break
    parents.set(turning.line.id, turning.before)
    if (circleFrom(turning.line.id, parents) !== undefined) parents.set(turning.line.id, undefined)
    broken.push({ ...place, put: JSON.stringify(parents.get(turning.line.id) ?? null) })
  }
  return { broken, evidence }
}

const mostCircles = 100
const encoder = new TextEncoder()

/** Where in the file a line names its parent: before anything is nested in it, so that it is its own. */
function placeOfParent({ line, at, text }: Turning): { from: number; to: number } | undefined {
  const found = /^([^{]*\{[^{[]*?"parentId"\s*:\s*)("(?:[^"\\]|\\.)*")/.exec(text ?? '')
  if (found === null || JSON.parse(found[2]!) !== line.parentId) return undefined
  // What is no UTF-8 was read as one such sign, whatever its length in the file.
  if (found[1]!.includes('\uFFFD')) return undefined
  const from = at + encoder.encode(found[1]).length
  return { from, to: from + encoder.encode(found[2]).length }
}

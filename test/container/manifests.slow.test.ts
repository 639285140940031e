/** What the tools that read them say of the Compose file and of the Kubernetes manifests, without a cluster. */
import { createRequire } from 'node:module'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { runFlags } from '../../src/cli/run.ts'
import { attempt, repository } from './podman.ts'

const at = (name: string) => join(repository, 'units/container', name)
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'manifests-'))
})
afterAll(() => rm(folder, { recursive: true }))

const kubectl = async (...args: readonly string[]) => {
  const { status, stdout, stderr } = await attempt('kubectl', args)
  if (status !== 0) throw new Error(stderr)
  return stdout
}
const json = async (...args: readonly string[]): Promise<unknown> =>
  JSON.parse(await kubectl(...args, '--output=json'))

/** The file as it is written, and as kubectl's own types understand it: they forget a key they do not know. */
const asWritten = (path: string) => json('label', '--local', '--filename', path, 'a=b')
const asUnderstood = {
  StatefulSet: (path: string) => json('set', 'image', '--local', '--filename', path, '*=of-the-test'),
  Service: (path: string) => json('set', 'selector', '--local', '--filename', path, 'a=b'),
}

/** What is written and not understood, but for what the two commands above change themselves. */
const notUnderstood = (written: unknown, understood: unknown, path = ''): readonly string[] => {
  if (/^\.(metadata\.labels|spec\.selector|spec\.template\.spec\.(initC|c)ontainers\.0\.image)$/.test(path))
    return []
  if (typeof written !== 'object' || written === null) return written === understood ? [] : [path]
  return Object.entries(written).flatMap(([key, value]) =>
    notUnderstood(value, (understood as Record<string, unknown> | undefined)?.[key], `${path}.${key}`),
  )
}

/**
 * What kubectl does not look at offline: whether each value is one of those that the API allows. (Without its types,
 * which do not hold under exactOptionalPropertyTypes.)
 */
const models = createRequire(import.meta.url)
type Model = new (written: unknown) => { validate(): void }
const valuesOf = {
  StatefulSet: (models('kubernetes-models/apps/v1') as { StatefulSet: Model }).StatefulSet,
  Service: (models('kubernetes-models/v1') as { Service: Model }).Service,
}

const complaints = async (kind: keyof typeof asUnderstood, path: string) => {
  try {
    const written = await asWritten(path)
    new valuesOf[kind](written).validate()
    return notUnderstood(written, await asUnderstood[kind](path))
  } catch (error) {
    return [(error as Error).message]
  }
}

describe.each([
  [
    'StatefulSet',
    'kubernetes/statefulset.yaml',
    'readOnlyRootFilesystem: true',
    'readOnlyRootFileSystem: true',
  ],
  ['StatefulSet', 'kubernetes/statefulset.yaml', 'periodSeconds: 15', 'periodSeconds: fifteen'],
  ['StatefulSet', 'kubernetes/statefulset.yaml', 'ReadWriteOncePod]', 'ReadWriteOncePodd]'],
  ['StatefulSet', 'kubernetes/statefulset.yaml', 'type: RuntimeDefault', 'type: RuntimeDefualt'],
  ['StatefulSet', 'kubernetes/statefulset.yaml', 'OnRootMismatch', 'Sometimes'],
  ['Service', 'kubernetes/service.yaml', 'targetPort', 'targetport'],
] as const)('%s', (kind, name, right, wrong) => {
  test('is understood to the last key', async () => {
    expect(await complaints(kind, at(name))).toEqual([])
  })

  test(`a mistake is heard: ${wrong}`, async () => {
    const path = join(folder, 'wrong.yaml')
    const text = await readFile(at(name), 'utf8')
    expect(text).toContain(right)
    await writeFile(path, text.replace(right, wrong))
    expect(await complaints(kind, path)).not.toEqual([])
  })
})

test('each name that another file or place has to know is the same there', async () => {
  const set = (await asWritten(at('kubernetes/statefulset.yaml'))) as Written
  const service = (await asWritten(at('kubernetes/service.yaml'))) as {
    metadata: { name: string }
    spec: { selector: object; ports: { port: number; targetPort: string }[] }
  }
  const { template, selector, serviceName, volumeClaimTemplates } = set.spec
  const { labels } = template.metadata
  expect(selector.matchLabels).toEqual(labels)
  expect(service.spec.selector).toEqual(labels)
  expect(serviceName).toBe(service.metadata.name)
  const ports = template.spec.containers.flatMap((one) => one.ports)
  for (const { containerPort } of ports) expect(containerPort).toBeLessThan(65_536)
  for (const { targetPort } of service.spec.ports) expect(ports.map(({ name }) => name)).toContain(targetPort)
  const volumes = [...template.spec.volumes, ...volumeClaimTemplates.map(({ metadata }) => metadata)]
  const mounted = [...template.spec.initContainers, ...template.spec.containers].flatMap(
    (one) => one.volumeMounts,
  )
  expect(new Set(mounted.map(({ name }) => name))).toEqual(new Set(volumes.map(({ name }) => name)))
})

interface Written {
  readonly spec: {
    readonly selector: { readonly matchLabels: object }
    readonly serviceName: string
    readonly volumeClaimTemplates: readonly { readonly metadata: { readonly name: string } }[]
    readonly template: {
      readonly metadata: { readonly labels: object }
      readonly spec: {
        readonly volumes: readonly { readonly name: string }[]
        readonly initContainers: readonly Mounting[]
        readonly containers: readonly (Mounting & {
          readonly ports: readonly { readonly name: string; readonly containerPort: number }[]
        })[]
      }
    }
  }
}
interface Mounting {
  readonly volumeMounts: readonly { readonly name: string }[]
}

test('the kustomization brings both, with the image that it names', async () => {
  const rendered = await kubectl('kustomize', at('kubernetes'))
  expect(rendered.match(/^kind: .*$/gm)).toEqual(['kind: Service', 'kind: StatefulSet'])
  expect(rendered).toMatch(/image: registry\.example\/supervise-openclaw:/)
})

test('everything that ends a container waits longer than the supervisor does', async () => {
  const supervisorS = Number.parseInt(runFlags['stop-limit'].fallback, 10)
  const { spec } = (await asWritten(at('kubernetes/statefulset.yaml'))) as {
    spec: { replicas: number; template: { spec: { terminationGracePeriodSeconds: number } } }
  }
  expect(spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(supervisorS)
  expect(spec.replicas).toBe(1)
  const [, minutes, seconds] =
    /stop_grace_period: (\d+)m(\d+)s/.exec(await readFile(at('compose.yaml'), 'utf8')) ?? []
  expect(60 * Number(minutes) + Number(seconds)).toBeGreaterThan(supervisorS)
})

test('the Compose file is valid, and a mistake in it is heard', async () => {
  expect(await attempt('docker-compose', ['--file', at('compose.yaml'), 'config', '--quiet'])).toMatchObject({
    status: 0,
  })
  const path = join(folder, 'compose.yaml')
  await writeFile(
    path,
    (await readFile(at('compose.yaml'), 'utf8')).replace('stop_grace_period', 'stop_period'),
  )
  expect((await attempt('docker-compose', ['--file', path, 'config', '--quiet'])).status).not.toBe(0)
})

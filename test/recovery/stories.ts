/** Plans of every kind of step, and of several together. */
import { STATE, type Story, steps } from './bench.ts'

const A = 'agents/main/sessions'
const at = (name: string): string => `${STATE}/${A}/${name}`
const torn = '{"type":"session"}\n{"n":1}\n{"n":'
const whole = '{"type":"session"}\n{"n":1}\n'

const cutTail: Story = {
  name: 'a torn tail is cut',
  input: { [at('a.jsonl')]: torn },
  rounds: [
    async (site) => [
      await steps.write(site, `${A}/a.jsonl`, whole, [{ path: `${A}/a.jsonl`, from: 0, to: whole.length }]),
    ],
  ],
  output: { [at('a.jsonl')]: whole },
}
const create: Story = {
  name: 'a file is made where there was none',
  input: { [at('other')]: 'x' },
  rounds: [async (site) => [await steps.write(site, `${A}/sessions.json`, '{}\n', [{ text: '{}\n' }])]],
  output: { [at('sessions.json')]: '{}\n' },
}
const fromGeneration: Story = {
  name: 'an unreadable index is restored from a generation, with an entry added',
  input: { [at('sessions.json')]: '{"a":', [at('sessions.json.1.tmp')]: '{"a":1}' },
  rounds: [
    async (site) => [
      await steps.write(site, `${A}/sessions.json`, '{"a":1,"b":2}', [
        { path: `${A}/sessions.json.1.tmp`, from: 0, to: 6 },
        { base64: Buffer.from(',"b":2}').toString('base64') },
      ]),
    ],
  ],
  output: { [at('sessions.json')]: '{"a":1,"b":2}' },
}
const asideFile: Story = {
  name: 'a file is set aside',
  input: { [at('sessions.json.lock')]: '{"pid":4}', [at('x')]: 'x' },
  rounds: [async (site) => [await steps.setAside(site, `${A}/sessions.json.lock`)]],
  output: { [at('sessions.json.lock')]: null },
}
const asideDirectory: Story = {
  name: 'a directory with files is set aside',
  input: { [at('a.jsonl.lock/one')]: 'one', [at('a.jsonl.lock/deep/two')]: 'two', [at('x')]: 'x' },
  rounds: [async (site) => [await steps.setAside(site, `${A}/a.jsonl.lock`)]],
  output: { [at('a.jsonl.lock')]: null },
}
const asideOthers: Story = {
  name: 'a link, a pipe and an empty directory are set aside',
  isLong: true,
  input: {
    [at('l')]: { link: '/etc/passwd' },
    [at('p')]: { fifo: true },
    [at('d')]: { dir: true },
    [at('x')]: 'x',
  },
  rounds: [
    async (site) => [
      await steps.setAside(site, `${A}/l`),
      await steps.setAside(site, `${A}/p`),
      await steps.setAside(site, `${A}/d`),
    ],
  ],
  output: { [at('l')]: null, [at('p')]: null, [at('d')]: null },
}
const putBack: Story = {
  name: 'an archive is put back',
  input: { [at('a.jsonl.deleted.1')]: whole, [at('x')]: 'x' },
  rounds: [async (site) => [await steps.putBack(site, `${A}/a.jsonl`, `${A}/a.jsonl.deleted.1`)]],
  output: { [at('a.jsonl')]: whole, [at('a.jsonl.deleted.1')]: null },
}
const putBackFromElsewhere: Story = {
  name: 'an archive is put back from another directory',
  input: { [`${STATE}/archive/a.jsonl`]: whole, [`${STATE}/archive/x`]: 'x', [at('x')]: 'x' },
  rounds: [async (site) => [await steps.putBack(site, `${A}/a.jsonl`, 'archive/a.jsonl')]],
  output: { [at('a.jsonl')]: whole, [`${STATE}/archive/a.jsonl`]: null },
}
const together: Story = {
  name: 'a plan of every kind of step',
  isLong: true,
  input: { ...cutTail.input, ...fromGeneration.input, ...asideFile.input, ...putBackFromElsewhere.input },
  rounds: [
    async (site) => [
      ...(await fromGeneration.rounds[0]!(site)),
      ...(await cutTailOf(site)),
      ...(await asideFile.rounds[0]!(site)),
      ...(await putBackAs(site)),
    ],
  ],
  output: {
    ...cutTail.output,
    ...fromGeneration.output,
    ...asideFile.output,
    [at('z.jsonl')]: whole,
    [`${STATE}/archive/a.jsonl`]: null,
  },
}
const twoRounds: Story = {
  name: 'a put back archive turns out to be torn',
  input: { [at('a.jsonl.deleted.1')]: torn, [at('x')]: 'x' },
  rounds: [putBack.rounds[0]!, cutTail.rounds[0]!],
  output: { [at('a.jsonl')]: whole, [at('a.jsonl.deleted.1')]: null },
}
const thereAndBack: Story = {
  name: 'a later round writes what the file was at first',
  input: { [at('a.jsonl')]: torn, [at('x')]: 'x' },
  rounds: [
    cutTail.rounds[0]!,
    async (site) => [await steps.write(site, `${A}/a.jsonl`, torn, [{ text: torn }])],
  ],
  output: { [at('a.jsonl')]: torn },
}

function cutTailOf(site: Parameters<Story['rounds'][number]>[0]): ReturnType<Story['rounds'][number]> {
  return cutTail.rounds[0]!(site)
}
async function putBackAs(site: Parameters<Story['rounds'][number]>[0]): ReturnType<Story['rounds'][number]> {
  return [await steps.putBack(site, `${A}/z.jsonl`, 'archive/a.jsonl')]
}

const everywhere = [
  cutTail,
  create,
  fromGeneration,
  asideFile,
  asideDirectory,
  asideOthers,
  putBack,
  putBackFromElsewhere,
  twoRounds,
  thereAndBack,
  together,
]
/** What a poorer file system refuses is done in another way. */
const withFiles = [cutTail, create, asideFile, putBack, putBackFromElsewhere, twoRounds, thereAndBack]

export const stories: readonly Story[] = [
  ...everywhere,
  ...withFiles.map((story) => ({
    ...story,
    name: `${story.name}, without hard links`,
    refuseLinks: 'EPERM',
  })),
  ...withFiles.map((story) => ({ ...story, name: `${story.name}, without exchange`, noExchange: true })),
  ...[cutTail, twoRounds].map((story) => ({
    ...story,
    name: `${story.name}, with neither`,
    refuseLinks: 'EPERM',
    noExchange: true,
  })),
]

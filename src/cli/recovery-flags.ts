/** What a recovery may do, said alike to each command that recovers. */
import { defaultPolicy, type Policy } from '../recovery/site.ts'
import { choiceOf, isOn, type Flags, type Given } from './flags.ts'

export const recoveryFlags = {
  'on-loss': {
    value: 'start|hold',
    help: 'a transcript that nothing on disk holds any more',
    fallback: 'start',
  },
  'unknown-store': { value: 'hold|start', help: 'a state whose layout is not known', fallback: 'hold' },
  resume: {
    value: 'crashed|all|none',
    help: 'cut-off turns of the store of files to resume: of a crash, of a stop too, or none',
    fallback: 'crashed',
  },
  'config-rollback': { help: 'put back the configuration that last got ready, when it does not parse' },
} satisfies Flags

export const recoveryPolicy = (given: Given): Policy => ({
  ...defaultPolicy,
  onLoss: choiceOf(given, 'on-loss', ['start', 'hold']),
  unknownStore: choiceOf(given, 'unknown-store', ['hold', 'start']),
  resume: choiceOf(given, 'resume', ['crashed', 'all', 'none']),
  configRollback: isOn(given, 'config-rollback'),
})

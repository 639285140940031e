/** What an operator is told to run means this state, in whichever shell of this user it is typed. */
import { firstExisting, realPathOf, userHome } from '../host/paths.ts'
import { configCandidates, stateDirCandidates } from '../openclaw/settings.ts'
import { quoted } from '../recovery/eyes.ts'

export interface Meant {
  readonly stateDir: string
  readonly configPath: string
}

/** Commands of others, and of OpenClaw's where both are found without a word, are whole as they are. */
export function wholeCommand(command: string, { stateDir, configPath }: Meant): string {
  const home = userHome()
  const usual = firstExisting(stateDirCandidates({}, home, null))
  const isUsual = usual !== undefined && realPathOf(usual) === stateDir
  const configs = configCandidates({}, home, stateDir)
  const isUsualConfig = (firstExisting(configs) ?? configs[0]) === configPath
  const [program, ...rest] = command.split(' ')
  if (program === 'supervise') {
    const state = isUsual || rest.includes('--state-dir') ? [] : ['--state-dir', quoted(stateDir)]
    const config = isUsualConfig || rest.includes('--config') ? [] : ['--config', quoted(configPath)]
    return [command, ...state, ...config].join(' ')
  }
  if (program !== 'openclaw') return command
  const state = isUsual ? [] : [`OPENCLAW_STATE_DIR=${quoted(stateDir)}`]
  const config = isUsualConfig ? [] : [`OPENCLAW_CONFIG_PATH=${quoted(configPath)}`]
  return [...state, ...config, command].join(' ')
}

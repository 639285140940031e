// Sends itself the signal given (SIGKILL): a name, or a number.
import { argument } from './endpoints.mjs'
const signal = argument(0, 'SIGKILL')
process.kill(process.pid, /^\d+$/.test(signal) ? Number(signal) : signal)
setInterval(() => {}, 1000)

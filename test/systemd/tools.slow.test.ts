/** What the fence of the system unit lets an agent's tools do, and what not. */
import { expect } from 'vitest'

import { HOME, install, STAND_IN, UNIT } from './installed.ts'
import { story } from './story.ts'

/** Commands as an agent runs them; each alone, in the unit's own sandbox. */
const WORKS = {
  'a file in its home': 'echo note >~/note && mkdir -p ~/.cache && touch ~/.cache/x',
  'temporary files': 'touch /tmp/x /var/tmp/x /dev/shm/x',
  'a repository':
    'cd "$(mktemp -d)" && git init -q . && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x',
  'a program of its own': 'f=$(mktemp ~/XXXX) && printf "#!/bin/sh\\n" >"$f" && chmod 700 "$f" && "$f"',
  'Node, which compiles at run time':
    "node -e \"new Function('return 1')(); new worker_threads.Worker('0', { eval: true })\"",
  'network interfaces': 'node -e "process.exit(Object.keys(os.networkInterfaces()).length ? 0 : 1)"',
  'a listener and a client':
    'node -e "const s = http.createServer((q, a) => a.end()).listen(0, () => fetch(\'http://localhost:\' + s.address().port).then(() => process.exit(0)))"',
  'processes of its own': 'sleep 100 & kill $! && ps -o pid= $$',
  'reading the machine': 'cat /etc/os-release /proc/meminfo /proc/net/tcp /proc/1/stat',
  'the sandbox of a browser': 'unshare --user --map-root-user --pid --net --fork chroot / true',
}

const REFUSED = {
  'writing elsewhere': 'touch /etc/x || touch /usr/local/bin/x || touch /opt/x || touch /srv/x',
  'other homes': 'ls /root || ls /home',
  'becoming root':
    'grep -q "^NoNewPrivs:.*0" /proc/self/status || grep -Eq "^Cap(Bnd|Prm|Amb):.*[1-9a-f]" /proc/self/status',
  'a mount': 'unshare --user --map-root-user --mount true',
  'the settings of the kernel': 'test -w /proc/sys/kernel/panic || test -w /sys/fs/cgroup',
  disks: 'ls /dev/vda /dev/sda /dev/kmsg /dev/mem',
  'a setuid program': 'cp /bin/true ~/s && chmod u+s ~/s',
}

story('tools work in their home and nowhere else', async (machine) => {
  await install(machine, { gateway: STAND_IN })
  const outcomes = async (commands: Readonly<Record<string, string>>) => {
    const results: Record<string, string> = {}
    for (const [what, command] of Object.entries(commands)) {
      await machine.write('/run/tool', `${command}\n`)
      await machine.write(
        `/etc/systemd/system/${UNIT}.d/tool.conf`,
        '[Service]\nType=oneshot\nRestart=no\nWatchdogSec=0\nExecStart=\nExecStart=/bin/bash /run/tool\n',
      )
      await machine.run('systemctl', 'daemon-reload')
      const { status } = await machine.attempt('systemctl', 'start', UNIT)
      results[what] = status === 0 ? 'works' : 'refused'
    }
    return results
  }
  const all = (commands: object, outcome: string) =>
    Object.fromEntries(Object.keys(commands).map((what) => [what, outcome]))
  expect(await outcomes(WORKS)).toEqual(all(WORKS, 'works'))
  expect(await outcomes(REFUSED)).toEqual(all(REFUSED, 'refused'))

  // The same folder for temporary files as everybody's, and a home that belongs to nobody else.
  await machine.run('test', '-e', '/tmp/x')
  expect((await machine.run('stat', '--format=%U:%G %a', HOME)).trim()).toBe('openclaw:openclaw 700')
})

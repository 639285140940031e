#!/usr/bin/env bash
# A real systemd as PID 1 of a throw-away machine made of namespaces (pid, mount, uts, ipc, cgroup, net with
# its own loopback).  Its root is an overlay over /, written to a tmpfs: every change is gone at the end.
#
#   machine.sh boot [--bind-read-only SRC:DST]...
#       boots, prints "PID CGROUP" (of the machine's PID 1, as seen from outside), lives until its standard
#       input ends, and takes everything down
#   machine.sh enter PID CGROUP COMMAND [ARG...]
#       runs COMMAND in it; its status is ours
#
# Status 125: the machine did not boot; what it printed is on standard error.
# Needs root, overlayfs and cgroup2, and what scripts/install-test-tools installs.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
me=$(readlink -f "$0")
boot_limit_s=60

die() {
  echo "machine.sh: $*" >&2
  exit 125
}

# Field 22 of /proc/PID/stat: together with the pid it names a process.
start_time() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  read -ra stat <<<"${stat##*) }"
  echo "${stat[19]}"
}

enter() {
  local pid=$1
  shift
  # -r -w: the root and working directory of the machine's PID 1, which are its overlay.
  nsenter -t "$pid" -m -u -i -n -p -C -r -w env -i container=machine LANG=C.UTF-8 HOME=/root SYSTEMD_PAGER= \
    SYSTEMD_COLORS=0 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# Run as PID 1 of the new PID namespace; ends by becoming systemd.
become_systemd() {
  local lab=$1 root=$1/root name from to unit
  mount --make-rprivate /
  mount -t tmpfs -o mode=755,size=1g machine "$lab/layers"
  mkdir "$lab"/layers/{upper,work}
  mount -t overlay -o "lowerdir=/,upperdir=$lab/layers/upper,workdir=$lab/layers/work" overlay "$root"

  mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
  # systemd raises fs.file-max when it boots, which no namespace holds: the outer machine's settings stay
  # read-only, but for those of the network namespace.
  mount --bind "$root/proc/sys" "$root/proc/sys"
  mount --bind "$root/proc/sys/net" "$root/proc/sys/net"
  mount -o remount,bind,ro "$root/proc/sys"
  [[ ! -e $root/proc/sysrq-trigger ]] || mount --bind /dev/null "$root/proc/sysrq-trigger"

  mount -t tmpfs -o mode=755,nosuid,size=16m tmpfs "$root/dev"
  for name in null zero full random urandom tty; do
    : >"$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name"
  done
  mkdir "$root"/dev/{pts,shm,mqueue}
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
  ln -s pts/ptmx "$root/dev/ptmx"
  ln -s /proc/self/fd "$root/dev/fd"
  ln -s fd/0 "$root/dev/stdin"
  ln -s fd/1 "$root/dev/stdout"
  ln -s fd/2 "$root/dev/stderr"
  mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/dev/shm"
  mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$root/run"
  mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/tmp"
  mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
  mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$root/sys/fs/cgroup"
  while IFS=: read -r from to; do
    if [[ -d $from ]]; then
      mkdir -p "$root$to"
    else
      mkdir -p "$root${to%/*}"
      : >>"$root$to"
    fi
    mount --bind "$from" "$root$to"
    mount -o remount,bind,ro "$root$to"
  done <"$lab/binds"

  # Nothing that the outer machine enabled is started here.
  local etc=$root/etc/systemd
  rm -rf "$etc/system" "$etc"/{system,journald}.conf{,.d}
  mkdir -p "$etc/system" "$etc"/{system,journald}.conf.d
  rm -f "$root"/etc/{fstab,machine-id,hostname}
  : >"$root/etc/fstab"
  tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
  echo machine >"$root/etc/hostname"
  printf '[Manager]\nShowStatus=no\n' >"$etc/system.conf.d/machine.conf"
  printf '[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\nRateLimitIntervalSec=0\nForwardToSyslog=no\n' \
    >"$etc/journald.conf.d/machine.conf"
  printf '[Unit]\nDescription=A machine to test on\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n' \
    >"$etc/system/machine.target"
  for unit in systemd-{udevd,udev-trigger,udev-settle,hwdb-update,timesyncd,modules-load,sysctl,sysusers}.service \
    systemd-{binfmt,random-seed,update-utmp,remount-fs,machine-id-commit,boot-system-token,pcrphase}.service \
    systemd-{pcrphase-sysinit,pcrphase-initrd,firstboot,repart,networkd,resolved,journal-flush,oomd}.service \
    systemd-{udevd-control,udevd-kernel,networkd,initctl}.socket systemd-ask-password-{console,wall}.path \
    systemd-tmpfiles-setup-dev.service systemd-tmpfiles-clean.timer kmod-static-nodes.service dbus.{socket,service} \
    dev-hugepages.mount dev-mqueue.mount sys-kernel-{config,debug,tracing}.mount sys-fs-fuse-connections.mount \
    proc-sys-fs-binfmt_misc.{auto,}mount tmp.mount keyboard-setup.service console-setup.service hwclock.service \
    networking.service ifupdown-pre.service apparmor.service ldconfig.service ssh.service cron.service procps.service; do
    ln -s /dev/null "$etc/system/$unit"
  done
  ip link set lo up

  cd "$root"
  mkdir -p .outer
  pivot_root . .outer
  cd /
  umount -l /.outer
  rmdir /.outer
  # Else LoadCredential=, a mount that must propagate from another namespace, shows an empty folder.
  mount --make-rshared /
  exec env -i container=machine LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=machine.target --log-target=journal --show-status=0
}

remove_cgroup() {
  local _
  for _ in {1..100}; do
    [[ -d $1 ]] || return 0
    find "$1" -depth -type d -exec rmdir {} + 2>/dev/null || true
    sleep 0.05
  done
  echo "machine.sh: left behind: $1" >&2
}

init='' init_start='' outer='' own_cgroup2='' lab='' cgroup=''
take_down() {
  local status=$?
  trap - EXIT
  trap '' INT TERM HUP
  set +e
  # With PID 1 of a PID namespace the kernel kills everything in it.
  [[ -z $init || $(start_time "$init") != "$init_start" ]] || kill -KILL "$init" 2>/dev/null
  if [[ -n $outer ]]; then
    kill -KILL "$outer" 2>/dev/null
    wait "$outer" 2>/dev/null
  fi
  [[ -z $cgroup ]] || remove_cgroup "$cgroup"
  [[ -z $own_cgroup2 ]] || umount "$own_cgroup2"
  [[ -z $lab ]] || rm -rf --one-file-system "$lab"
  exit "$status"
}

boot() {
  local mount cgroup2='' old owner owner_start state deadline child
  local -a children=()
  [[ $(id -u) == 0 ]] || die 'needs root'
  [[ -x /lib/systemd/systemd ]] || die 'no systemd here: run scripts/install-test-tools'
  for mount in /sys/fs/cgroup/unified /sys/fs/cgroup; do
    [[ $(stat -fc %T "$mount" 2>/dev/null) != cgroup2fs ]] || { cgroup2=$mount && break; }
  done

  # What a boot that was killed left behind: its processes went with it, its folder and cgroup did not.
  for old in /var/tmp/supervise-machine.*; do
    [[ -s $old/owner ]] || continue
    read -r owner owner_start <"$old/owner"
    [[ $(start_time "$owner" || true) != "$owner_start" ]] || continue
    [[ -z $cgroup2 ]] || remove_cgroup "$cgroup2/${old##*/}"
    rm -rf --one-file-system "$old"
  done

  trap take_down EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
  lab=$(mktemp -d /var/tmp/supervise-machine.XXXXXX)
  echo "$$ $(start_time $$)" >"$lab/owner"
  mkdir "$lab"/{layers,root}
  : >"$lab/binds"
  while (($#)); do
    [[ $1 == --bind-read-only ]] || die "unknown option $1"
    [[ -e ${2%%:*} ]] || die "no such path: ${2%%:*}"
    echo "$(readlink -e "${2%%:*}"):${2#*:}" >>"$lab/binds"
    shift 2
  done
  if [[ -z $cgroup2 ]]; then
    cgroup2=$lab/cgroup2
    mkdir "$cgroup2"
    mount -t cgroup2 cgroup2 "$cgroup2"
    own_cgroup2=$cgroup2
  fi
  cgroup=$cgroup2/${lab##*/}
  mkdir "$cgroup"

  (
    # First into the cgroup, so that the cgroup namespace has its root there.  Dies with this script.
    echo "$BASHPID" >"$cgroup/cgroup.procs"
    exec setpriv --pdeathsig KILL unshare --fork --kill-child=KILL --pid --mount --uts --ipc --cgroup --net \
      --propagation private setsid bash "$me" become-systemd "$lab" </dev/null >"$lab/console" 2>&1
  ) &
  outer=$!

  deadline=$((SECONDS + boot_limit_s))
  while :; do
    if [[ -z $init ]]; then
      read -ra children <"/proc/$outer/task/$outer/children" 2>/dev/null || true # it ends without a newline
      for child in "${children[@]}"; do
        if [[ $(awk '/^NSpid/ { print $NF }' "/proc/$child/status" 2>/dev/null) == 1 ]]; then
          init_start=$(start_time "$child") && init=$child
        fi
      done
    elif [[ $(cat "/proc/$init/comm" 2>/dev/null) == systemd && -S /proc/$init/root/run/systemd/private ]]; then
      state=$(enter "$init" systemctl is-system-running 2>/dev/null </dev/null) || true
      [[ $state != running ]] || break
      if [[ $state == degraded ]]; then
        enter "$init" systemctl list-units --failed --no-legend --plain >&2 </dev/null || true
        die 'booted, but some units failed'
      fi
    fi
    if ! kill -0 "$outer" 2>/dev/null || ((SECONDS > deadline)); then
      tail -n 40 "$lab/console" >&2
      die 'no boot'
    fi
    sleep 0.03
  done
  mkdir "$cgroup/commands"
  echo "$init $cgroup"
  # In the background, because a trap waits for a foreground command.
  cat <&0 >/dev/null &
  wait $!
}

case ${1:-} in
boot) boot "${@:2}" ;;
enter)
  # Beside systemd's own cgroups, not in one of its units.
  echo "$BASHPID" >"$3/commands/cgroup.procs"
  enter "$2" "${@:4}"
  ;;
become-systemd) become_systemd "$2" ;;
*) sed -n '2,/^set /{s/^# \{0,1\}//p}' "$me" >&2 && exit 125 ;;
esac

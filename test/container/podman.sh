#!/usr/bin/env bash
# podman without an engine, a registry or systemd, as root, with all of its state in one folder.
#
#   podman.sh FOLDER base NAME NODE    makes the image NAME: busybox, Node (the binary NODE), its libraries, this
#                                      machine's npm, and the user `node`: what the public image has, in seconds
#   podman.sh FOLDER run ARG...        podman ARG...
#   podman.sh FOLDER remove            containers, images, everything
#
# Needs what scripts/install-test-tools installs.
set -euo pipefail
[[ $# -ge 2 ]] || { sed -n '2,/^set /{s/^# \{0,1\}//p}' "$0" >&2 && exit 125; }
folder=$1
export CONTAINERS_CONF=$folder/containers.conf CONTAINERS_STORAGE_CONF=$folder/storage.conf
export XDG_RUNTIME_DIR=/run TMPDIR=$folder/tmp

configure() {
  mkdir -p "$folder"/{tmp,storage,run}
  # runc, because crun 1.8 refuses a machine that has cgroup v1 and v2 at once.  The limits, because podman as root
  # asks for more than a root without CAP_SYS_RESOURCE may have.
  local files processes driver=overlay
  files=$(ulimit -Hn)
  processes=$(cat /proc/sys/kernel/pid_max)
  # An overlay cannot lie on another.
  [[ $(stat -fc %T "$folder") != overlayfs ]] || driver=vfs
  cat >"$CONTAINERS_CONF" <<END
[containers]
default_ulimits = ["nofile=$files:$files", "nproc=$processes:$processes"]
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
END
  cat >"$CONTAINERS_STORAGE_CONF" <<END
[storage]
driver = "$driver"
runroot = "$folder/run"
graphroot = "$folder/storage"
END
}

base() {
  local name=$1 node=$2 root=$folder/tmp/root npm library
  npm=$(npm root --global)/npm
  rm -rf "$root"
  mkdir -p "$root"/{bin,etc,proc,dev,sys,tmp,root,usr/bin,usr/local/bin,usr/local/lib/node_modules,home/node}
  chmod 1777 "$root/tmp"
  cp "$(command -v busybox)" "$root/bin/busybox"
  chroot "$root" /bin/busybox --install -s /bin
  ln -s /bin/env "$root/usr/bin/env"
  install -m 755 "$node" "$root/usr/local/bin/node"
  ldd "$node" | grep -o '/[^ ]*' | while read -r library; do
    install -D -m 755 "$library" "$root$library"
  done
  cp -R "$npm" "$root/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  printf '%s\n' root:x:0:0::/root:/bin/sh node:x:1000:1000::/home/node:/bin/sh >"$root/etc/passwd"
  printf '%s\n' root:x:0: node:x:1000: >"$root/etc/group"
  chown 1000:1000 "$root/home/node"
  tar --directory "$root" --create . | podman import --quiet - "$name"
  rm -rf "$root"
}

[[ -e $CONTAINERS_CONF ]] || configure
case $2 in
base) base "$3" "$4" ;;
run) exec podman "${@:3}" ;;
remove)
  podman pod rm --all --force --time 0 >/dev/null 2>&1 || true
  podman rm --all --force --time 0 >/dev/null 2>&1 || true
  umount "$folder/storage/overlay" 2>/dev/null || true
  rm -rf --one-file-system "$folder"
  ;;
*) exit 125 ;;
esac

#!/bin/bash
# `npm run quickstart`: from a fresh clone to a running container. Checks the machine, builds, runs; as root it installs what is
# missing. What it cannot do it says in one line, with the command that would.
set -euo pipefail
umask 022
cd "$(dirname "$0")/.."
step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
say() { printf '   %s\n' "$*"; }

# The command that installs the two helper programs here; empty on a distribution we do not know.
install_command() {
  if command -v apt-get; then echo "apt-get install -y --no-install-recommends uidmap slirp4netns"
  elif command -v dnf; then echo "dnf install -y shadow-utils slirp4netns"
  elif command -v zypper; then echo "zypper --non-interactive install shadow slirp4netns"
  elif command -v pacman; then echo "pacman -S --noconfirm --needed shadow slirp4netns"
  elif command -v apk; then echo "apk add shadow-uidmap slirp4netns"
  fi | tail -n 1
}

check_helpers() {
  local program missing=() install
  for program in newuidmap newgidmap slirp4netns; do
    command -v "$program" > /dev/null || missing+=("$program")
  done
  [ "${#missing[@]}" -gt 0 ] || { say "newuidmap, newgidmap and slirp4netns are here"; return 0; }
  install=$(install_command)
  if [ "$(id -u)" = 0 ] && [ -n "$install" ]; then
    say "installing what is missing (${missing[*]}): $install"
    ! command -v apt-get > /dev/null || apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $install > /dev/null || say "that failed: going on without ${missing[*]}"
  else
    say "missing: ${missing[*]}; an administrator installs them with: sudo ${install:-<package manager> uidmap slirp4netns}"
  fi
}

# Bare machines have the kernel's driver for it, and nobody who makes the node.
make_tun() {
  [ "$(id -u)" != 0 ] || [ -e /dev/net/tun ] || ! grep -qw tun /proc/misc 2> /dev/null ||
    { mkdir -p /dev/net && mknod -m 0666 /dev/net/tun c 10 200; } 2> /dev/null || say "/dev/net/tun cannot be made here"
}

# The command that doctor has for a check that failed.
mend_of() {
  "$tspod" doctor --json | scripts/bun -e '
    const found = (await Bun.stdin.json()).find(check => check.name === process.argv[1])
    console.log(found?.mend === undefined ? "tspod doctor says why" : `${found.mend.who === "you" ? "you" : "an administrator"}: ${found.mend.command}`)
  ' "$1" || true
}

step "this machine"
case "$(uname -sm)" in
  "Linux x86_64" | "Linux aarch64") say "$(uname -srm)" ;;
  *) say "tspod runs on Linux on x86-64 and arm64, this is $(uname -sm)"; exit 1 ;;
esac
check_helpers
make_tun

step "building"
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund
scripts/bun scripts/build.ts
tspod=$PWD/dist/tspod

step "what tspod needs here (tspod doctor)"
"$tspod" doctor || say "not everything is there; trying all the same"

step "an image"
if "$tspod" image exists alpine || timeout 30 "$tspod" pull --quiet --retry 0 alpine > /dev/null 2>&1; then
  image=alpine
  say "alpine, from its registry"
else
  image=mini
  say "no registry can be reached (try: $tspod pull alpine): making \"mini\" from this machine's own programs"
  "$tspod" image exists mini || "$tspod" image from-host > /dev/null
fi

step "a container: tspod run --rm $image sh"
network=()
if ! command -v slirp4netns > /dev/null && ! command -v pasta > /dev/null; then
  network=(--network none)
  say "without network, since slirp4netns is missing ($(mend_of slirp4netns))"
elif ! (: <> /dev/net/tun) 2> /dev/null; then
  network=(--network none)
  say "without network, since /dev/net/tun cannot be opened ($(mend_of /dev/net/tun))"
fi
"$tspod" run --rm "${network[@]}" "$image" sh -c '
  echo "hello from inside a container"
  echo "I am $(id -u) on $(hostname), my shell is process $$, and these are all the processes there are:"
  ps
  echo "and this is all of my file system:"
  ls /
'

step "yours now"
say "$tspod run --rm -it ${network[*]:+${network[*]} }$image sh"
say "$tspod --help"

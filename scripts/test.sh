#!/bin/bash
# `npm test`: everything from a fresh clone to a line `N passed, M failed, K skipped`.
# As root it also prepares the machine and runs the tests as a normal user; as a normal user it runs what can run.
# Words after it choose groups, or files by a piece of their path: npm test -- unit integration e2e root vm networking
set -euo pipefail
umask 022
cd "$(dirname "$0")/.."
checkout=$PWD
step() { printf '\n== %s\n' "$*"; }

step dependencies
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund

if [ "$(id -u)" = 0 ]; then
  step "machine"
  . test/setup/machine.sh
  export TSPOD_TEST_USER=${TSPOD_TEST_USER:-tspod-test} TSPOD_TEST_PROMISED=
  install_packages
  make_user "$TSPOD_TEST_USER"
  open_devices
  mount_tiny_disk "$TSPOD_TEST_USER"
  trap 'umount "${TSPOD_TEST_TINY_DISK:-/nowhere}" "${TSPOD_TEST_TINY_DISK:-/nowhere}-build" 2> /dev/null || true' EXIT
  make_debian "$checkout/.cache/debian.tar"
  make_python "$checkout/.cache/python.tar"
fi

export TSPOD_VM_CACHE=$checkout/.cache/vm

step build
scripts/bun scripts/build.ts

step check
scripts/bun scripts/check.ts format 'types and lint' 'unused code' || export TSPOD_TEST_COMPLAINT='the checks above found faults'

if [ "$(id -u)" = 0 ] && ! can_read "$TSPOD_TEST_USER" "$checkout"; then
  step "copying to where $TSPOD_TEST_USER can read"
  copy=/var/lib/tspod-test/checkout
  rm -rf "$copy" && mkdir -p "$copy"
  cp -a package.json package-lock.json tsconfig.json biome.json .oxlintrc.json knip.json \
    src scripts test bench containers-conf docs dist node_modules "$copy"
  chmod -R a+rX "$copy"
  cd "$copy"
fi

scripts/bun test/setup/run.ts "$@"

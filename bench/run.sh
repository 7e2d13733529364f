#!/bin/bash
# `npm run bench`: builds, prepares what is compared, and measures as a normal user. Arguments go to bench/main.ts.
set -euo pipefail
umask 022
cd "$(dirname "$0")/.."

[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund
scripts/bun scripts/build.ts >&2

# One layer of about 130 MB and 12,000 entries.
recipe=python3,git,curl,vim,perl-doc,locales
export TSPOD_BENCH_BIG_TAR=$PWD/.cache/bench/big-$(echo "$recipe" | sha256sum | cut -c1-12).tar
if [ ! -e "$TSPOD_BENCH_BIG_TAR" ] && command -v mmdebstrap > /dev/null; then
  mkdir -p "$(dirname "$TSPOD_BENCH_BIG_TAR")"
  echo "making an image of 130 MB" >&2
  mmdebstrap --quiet --format=tar --variant=minbase --include="$recipe" bookworm "$TSPOD_BENCH_BIG_TAR.$$"
  mv "$TSPOD_BENCH_BIG_TAR.$$" "$TSPOD_BENCH_BIG_TAR"
fi

if [ "$(id -u)" != 0 ]; then
  exec scripts/bun bench/main.ts "$@"
fi

. test/setup/machine.sh
user=${TSPOD_TEST_USER:-tspod-test}
install_packages >&2
make_user "$user"
open_devices
uid=$(id -u "$user")
mkdir -p .cache && results=$(mktemp -d) && chown "$user" "$results"
can_read "$user" "$PWD" || { echo "$user cannot read $PWD: put the checkout where others may read it" >&2; exit 2; }
status=0
setpriv --reuid="$uid" --regid="$(id -g "$user")" --init-groups --inh-caps=-all \
  env -i HOME="$(getent passwd "$user" | cut -d: -f6)" USER="$user" XDG_RUNTIME_DIR="/run/user/$uid" LANG=C.UTF-8 \
  PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin TSPOD_BENCH_BIG_TAR="$TSPOD_BENCH_BIG_TAR" \
  tini -s -- scripts/bun bench/main.ts --json "$results/results.json" "$@" || status=$?
[ ! -e "$results/results.json" ] || cp "$results/results.json" bench/results.json
rm -rf "$results"
exit "$status"

# Set-up of a Debian machine for the tests; sourced by scripts/test.sh and run as root. Everything here may be run again and again.

. "${BASH_SOURCE[0]%/*}/packages.sh"

# Whether the ids that a line of /etc/subuid names exist here: a container has only some of its host's.
are_mapped() {
  awk -F: -v map=/proc/self/uid_map '{ while ((getline line < map) > 0) { split(line, m, " "); if (m[1] <= $2 && $2 + $3 <= m[1] + m[3]) found = 1 } } END { exit !found }' <<< "$1"
}

# Lines for a user: the next 65,536 ids that nobody has; in a container without these, all of its ids but root's and the user's own.
subordinate_ranges() {
  local user=$1 file=$2 uid last
  uid=$(id -u "$user")
  last=$(awk -F: '$2 + $3 > last { last = $2 + $3 } END { print (last < 100000 ? 100000 : last) }' "$file")
  if are_mapped "$user:$last:65536"; then
    echo "$user:$last:65536"
  else
    echo "$user:1:$((uid - 1))"
    echo "$user:$((uid + 1)):$((65536 - uid))"
  fi
}

# Makes the user the tests run as, with subordinate ids and a runtime folder.
make_user() {
  local user=$1 uid file
  getent passwd "$user" > /dev/null || useradd --create-home --shell /bin/bash "$user"
  uid=$(id -u "$user")
  for file in /etc/subuid /etc/subgid; do
    touch "$file"
    # useradd(8) gives ids too, and does not ask whether they exist
    are_mapped "$(grep -m 1 "^$user:" "$file")" || sed -i "/^$user:/d" "$file"
    grep -q "^$user:" "$file" || subordinate_ranges "$user" "$file" >> "$file"
  done
  [ -d "/run/user/$uid" ] || install -d -m 0755 /run/user
  install -d -m 0700 -o "$user" -g "$(id -g "$user")" "/run/user/$uid"
  promise user userns subids tspod
}

# Opens the devices that desktop systems open to everyone and bare machines keep for root.
open_devices() {
  local device
  [ -e /dev/net/tun ] || { mkdir -p /dev/net && mknod /dev/net/tun c 10 200; } 2> /dev/null || true
  [ -e /dev/fuse ] || mknod /dev/fuse c 10 229 2> /dev/null || true
  for device in /dev/net/tun /dev/fuse; do
    # in a container they belong to somebody outside
    chmod 0666 "$device" 2> /dev/null || true
    if [ -c "$device" ] && (: <> "$device") 2> /dev/null; then
      promise "$([ "$device" = /dev/fuse ] && echo fuse || echo tun)"
    else
      echo "$device cannot be opened on this machine"
    fi
  done
}

# File systems of a few megabytes for the tests of full disks: one for containers, and beside it one for builds (`…-build`), since test
# files run side by side.
mount_tiny_disk() {
  local disk
  export TSPOD_TEST_TINY_DISK=/var/lib/tspod-test/tiny-$1
  for disk in "$TSPOD_TEST_TINY_DISK" "$TSPOD_TEST_TINY_DISK-build"; do
    mkdir -p "$disk"
    # what a killed run left may still use it
    while mountpoint -q "$disk"; do umount -l "$disk"; done
    if ! mount -t tmpfs -o "size=8m,mode=0700,uid=$(id -u "$1"),gid=$(id -g "$1")" tspod-test "$disk" 2> /dev/null; then
      unset TSPOD_TEST_TINY_DISK
      return 0
    fi
  done
  promise tiny-disk
}

# A Debian root file system for the fixture image; made once and kept for as long as the recipe is the same.
make_debian() {
  local tar=$1 recipe
  recipe=$(declare -f make_debian | sha256sum | cut -c1-16)
  export TSPOD_TEST_DEBIAN_TAR=${tar%.tar}-$recipe.tar
  if [ ! -e "$TSPOD_TEST_DEBIAN_TAR" ]; then
    command -v mmdebstrap > /dev/null || return 0
    mkdir -p "$(dirname "$tar")"
    echo "making a Debian root file system"
    mmdebstrap --quiet --format=tar --variant=minbase --include=procps,iproute2 bookworm "$TSPOD_TEST_DEBIAN_TAR.$$" ||
      { echo "no Debian image: mmdebstrap failed"; rm -f "$TSPOD_TEST_DEBIAN_TAR.$$"; return 0; }
    mv "$TSPOD_TEST_DEBIAN_TAR.$$" "$TSPOD_TEST_DEBIAN_TAR"
  fi
  promise debian
}

# A Debian with Python and pip for the guide's project, and beside it the packages of Flask, which its build installs.
make_python() {
  local tar=$1 recipe
  recipe=$(declare -f make_python | sha256sum | cut -c1-16)
  export TSPOD_TEST_PYTHON_TAR=${tar%.tar}-$recipe.tar TSPOD_TEST_FLASK_PACKAGES=${tar%.tar}-$recipe.flask
  if [ ! -e "$TSPOD_TEST_PYTHON_TAR" ]; then
    command -v mmdebstrap > /dev/null || return 0
    mkdir -p "$TSPOD_TEST_FLASK_PACKAGES"
    echo "making a Debian with Python"
    mmdebstrap --quiet --format=tar --variant=minbase --include=python3,python3-pip \
      --customize-hook='chroot "$1" apt-get clean' \
      --customize-hook='chroot "$1" apt-get -qq --download-only --no-install-recommends -y install python3-flask' \
      --customize-hook='cp "$1"/var/cache/apt/archives/*.deb '"$TSPOD_TEST_FLASK_PACKAGES" \
      bookworm "$TSPOD_TEST_PYTHON_TAR.$$" ||
      { echo "no image with Python: mmdebstrap failed"; rm -f "$TSPOD_TEST_PYTHON_TAR.$$"; return 0; }
    mv "$TSPOD_TEST_PYTHON_TAR.$$" "$TSPOD_TEST_PYTHON_TAR"
  fi
  promise python
}

# True when the user can read the folder and all its parents.
can_read() { setpriv --reuid="$(id -u "$1")" --regid="$(id -g "$1")" --init-groups test -r "$2/package.json" -a -x "$2/scripts"; }

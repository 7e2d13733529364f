# The programs that the tests use, as Debian packages; sourced as root by machine.sh and by Dockerfile.test, whose build it is a step of.

test_packages=(
  uidmap slirp4netns fuse-overlayfs passt busybox-static mmdebstrap docker-registry
  podman runc crun skopeo buildah catatonit
  binutils binutils-x86-64-linux-gnu binutils-aarch64-linux-gnu qemu-user gcc libc6-dev
  qemu-system-x86 e2fsprogs
  iperf3 wrk perl-base strace lsof iproute2 tmux tini attr util-linux bsdutils procps openssl curl xz-utils bzip2 zstd ca-certificates git openssh-client
)

# Adds a word to what tests may rely on (test/needs.ts): such a need fails where it would skip.
promise() { TSPOD_TEST_PROMISED="${TSPOD_TEST_PROMISED:-} $*"; }

install_packages() {
  local package missing=()
  command -v apt-get > /dev/null || { echo "not a Debian machine: tests that need more programs are skipped"; return; }
  for package in "${test_packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null)" = installed ] || missing+=("$package")
  done
  if [ "${#missing[@]}" -gt 0 ]; then
    echo "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # one by one where all at once is refused: not every release has every package
    apt-get install -qq -y --no-install-recommends "${missing[@]}" > /dev/null ||
      for package in "${missing[@]}"; do
        apt-get install -qq -y --no-install-recommends "$package" > /dev/null || echo "no package $package here"
      done
  fi
  promise registry fixtures registry-auth registry-tls podman skopeo runc crun slirp4netns strace lsof tmux mmdebstrap
  promise binutils binutils-arm64 qemu-arm64
}

# The disk of a virtual machine: a Debian with its own kernel, systemd and cgroup v2, three users, and a unit that runs the script
# on the second disk and powers off. Made once as root, kept for as long as the recipe is the same. Sourced by run.sh.
#   dev    everything delegated: cpu cpuset io memory pids
#   plain  memory and pids only, as on older systems
#   guest  as the system has it; does not linger

vm_packages=systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,login,uidmap,slirp4netns,apparmor,fuse-overlayfs,iproute2,procps,kmod,ca-certificates,linux-image-cloud-amd64,initramfs-tools,podman,crun

# make_disk FOLDER SUITE [MIRROR]: sets vm_disk, vm_kernel, vm_initrd. Fails where packages cannot be had.
make_disk() {
  local folder=$1 suite=$2 mirror=${3:-} recipe root
  recipe=$( (declare -f make_disk furnish_disk; echo "$vm_packages $mirror") | sha256sum | cut -c1-16)
  vm_disk=$folder/$suite-$recipe.ext4 vm_kernel=$folder/$suite-$recipe.vmlinuz vm_initrd=$folder/$suite-$recipe.initrd
  [ ! -e "$vm_disk" ] || return 0
  mkdir -p "$folder" && root=$(mktemp -d "$folder/root.XXXXXX") || return
  echo "making a disk with Debian $suite; this takes minutes, once"
  mmdebstrap --quiet --variant=minbase --format=directory --include="$vm_packages" "$suite" "$root" ${mirror:+"$mirror"} &&
    furnish_disk "$root" &&
    cp "$root"/boot/vmlinuz-* "$vm_kernel" &&
    cp "$root"/boot/initrd.img-* "$vm_initrd" &&
    truncate -s 4G "$vm_disk.new" &&
    mkfs.ext4 -q -d "$root" "$vm_disk.new" &&
    mv "$vm_disk.new" "$vm_disk" || { rm -rf "$root" "$vm_disk.new"; return 1; }
  rm -rf "$root"
}

furnish_disk() {
  local root=$1 user uid
  for user in dev:1001 plain:1002 guest:1003; do
    uid=${user#*:} user=${user%:*}
    chroot "$root" useradd --create-home --shell /bin/bash --uid "$uid" "$user"
    [ "$user" = guest ] || install -D /dev/null "$root/var/lib/systemd/linger/$user"
    mkdir -p "$root/etc/systemd/system/user@$uid.service.d"
  done
  printf '[Service]\nDelegate=cpu cpuset io memory pids\n' > "$root/etc/systemd/system/user@1001.service.d/delegate.conf"
  printf '[Service]\nDelegate=\nDelegate=memory pids\n' > "$root/etc/systemd/system/user@1002.service.d/delegate.conf"
  mkdir -p "$root/files"
  printf '/dev/vda / ext4 defaults 0 1\n/dev/vdb /files ext4 ro 0 0\n' > "$root/etc/fstab"
  cat > "$root/etc/systemd/system/tspod-tests.service" << 'UNIT'
[Unit]
After=multi-user.target user@1001.service user@1002.service
[Service]
Type=oneshot
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
ExecStart=/bin/sh /files/inside.sh
ExecStopPost=/sbin/poweroff --force
UNIT
  mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
  ln -sf ../tspod-tests.service "$root/etc/systemd/system/multi-user.target.wants/tspod-tests.service"
}

#!/bin/bash
# `npm run test:vm [-- --suite trixie] [--mirror URL] [--part all|short|'NAME...'] [--script FILE]`: boots a Debian in QEMU by software emulation (any processor, no
# /dev/kvm), runs test/vm/suite in it, and ends with `N passed, M failed, K skipped`. Needs root once, for the disk, and
# mmdebstrap, e2fsprogs, qemu-system-x86. --part runs a part: `short` the main job and what
# root sees of it, or files of test/vm/suite. A mirror named for an old release takes the place of its security archive too, which may be gone. --script runs a shell script as the machine's root instead of the suite.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/vm/disk.sh
. test/vm/systemd-image.sh
suite=bookworm mirror= script= part= limit=${TSPOD_VM_LIMIT:-1200}
while [ $# -gt 0 ]; do
  case $1 in
    --suite) suite=$2 ;;
    --mirror) mirror=$2 ;;
    --script) script=$2 ;;
    --part) part=$2 ;;
    *) echo "unknown option \"$1\": --suite, --mirror, --part, --script" >&2; exit 125 ;;
  esac
  shift 2
done
# older systems delegate too little for all of it
[ -n "$part" ] || { [ "$suite" = bullseye ] && part=short || part=all; }
export PATH=$PATH:/usr/sbin:/sbin
cache=${TSPOD_VM_CACHE:-.cache/vm}
make_disk "$cache" "$suite" "$mirror" || { echo "the disk cannot be made here"; exit 77; }
case $part in *init.ts*) with_image=yes ;; *) with_image= ;; esac
[ -z "$with_image" ] || make_systemd_image "$cache" || { echo "the image with systemd cannot be made here"; exit 77; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/files/checkout/test/vm"
cp dist/tspod "$work/files/"
cp "$(scripts/bun -e 'console.log(process.execPath)')" "$work/files/bun"
cp test/vm/inside.sh "$work/files/"
echo "$part" > "$work/files/part"
cp package.json tsconfig.json "$work/files/checkout/"
cp -r test/vm/suite "$work/files/checkout/test/vm/"
cp "$(scripts/bun test/vm/fixture.ts)" "$work/files/alpine.tar"
[ -z "$with_image" ] || cp "$vm_systemd_image" "$work/files/systemd.tar"
[ -z "$script" ] || cp "$script" "$work/files/script.sh"
truncate -s 1G "$work/files.ext4"
mkfs.ext4 -q -d "$work/files" "$work/files.ext4"

# a login prompt on the console would hang up the terminal that the suite writes to (vhangup(2))
no_login=systemd.mask=serial-getty@ttyS0.service
timeout --foreground "$limit" nice -n 5 qemu-system-x86_64 -accel tcg,thread=multi -cpu max -M q35 -m 2G -smp 2 -nodefaults -no-reboot \
  -display none -serial stdio -serial "file:$work/report" -kernel "$vm_kernel" -initrd "$vm_initrd" \
  -append "root=/dev/vda rw console=ttyS0 quiet loglevel=1 systemd.show_status=0 $no_login mitigations=off panic=-1 ${TSPOD_VM_CMDLINE:-}" \
  -drive "file=$vm_disk,if=virtio,format=raw,snapshot=on" -drive "file=$work/files.ext4,if=virtio,format=raw,snapshot=on" \
  ${TSPOD_VM_QEMU:-} < /dev/null | stdbuf -oL tr -d '\r' || true
[ -z "$script" ] || exit 0
[ -z "${TSPOD_VM_REPORT:-}" ] || cp "$work/report" "$TSPOD_VM_REPORT"
scripts/bun test/vm/report.ts "$work/report"

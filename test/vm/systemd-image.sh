# The files of an image with systemd, as a tar archive: a Debian that boots to a login prompt. Sourced by run.sh; made once as root.

# make_systemd_image FOLDER: sets vm_systemd_image. Fails where packages cannot be had.
make_systemd_image() {
  local folder=$1 recipe
  recipe=$(declare -f make_systemd_image | sha256sum | cut -c1-16)
  vm_systemd_image=$folder/systemd-$recipe.tar
  [ ! -e "$vm_systemd_image" ] || return 0
  mkdir -p "$folder"
  echo "making an image with systemd; this takes minutes, once"
  mmdebstrap --quiet --variant=essential --include=systemd,systemd-sysv,login,util-linux,dbus \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --customize-hook='rm -rf "$1"/var/cache/apt "$1"/var/lib/apt/lists && : > "$1/etc/machine-id"' \
    bookworm "$vm_systemd_image.new.tar" && mv "$vm_systemd_image.new.tar" "$vm_systemd_image"
}

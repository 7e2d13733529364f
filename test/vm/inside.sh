# Runs in the virtual machine as root, from the second disk: prepares devices, runs the suite as users in login sessions, and sends the
# reports out through the second serial port.
modprobe -a tun fuse overlay
chmod 666 /dev/net/tun /dev/fuse
uname -r
systemctl --version | head -n 1
if [ -e /files/script.sh ]; then
  sh /files/script.sh
  exit
fi

# suite USER TEST...
suite() {
  user=$1
  shift
  count=$((${count:-0} + 1))
  mkdir -p "/tests/$user"
  cp -r /files/checkout "/tests/$user/"
  chown -R "$user:" "/tests/$user"
  systemd-run --quiet --wait --pipe -p User="$user" -p PAMName=login -p WorkingDirectory="/tests/$user/checkout" \
    -E TSPOD_TEST_EXECUTABLE=/files/tspod -E TSPOD_TEST_ALPINE=/files/alpine.tar \
    -E LANG=C.UTF-8 -E NO_COLOR=1 -E PATH=/usr/bin:/usr/sbin:/bin:/sbin \
    /files/bun test --timeout=120000 --reporter=junit --reporter-outfile="/tests/$user/report$count.xml" "$@"
  echo "the suite of user $user ended with status $?"
  # a suite that ended before it could say what failed has failed
  [ -s "/tests/$user/report$count.xml" ] || echo '<testsuites tests="1" failures="1">' > "/tests/$user/report$count.xml"
}

# by name only: init.ts (needs an image that takes minutes to make) and bench.ts
files=test/vm/suite
for part in $(cat /files/part); do
  case $part in
    all)
      suite dev ./$files
      suite plain ./$files/plain.ts
      suite root ./$files/sessions.root.ts ./$files/restrictions.root.ts
      ;;
    short)
      suite dev ./$files/short.ts
      suite root ./$files/restrictions.root.ts
      ;;
    *.root.ts) suite root "./$files/$part" ;;
    *) suite dev "./$files/$part" ;;
  esac
done
stty -F /dev/ttyS1 raw -echo
cat /tests/*/report*.xml > /dev/ttyS1

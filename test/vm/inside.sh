# Runs in the virtual machine as root, from the second disk: prepares devices, runs the suite as a lingering user in a login session,
# and sends the report out through the second serial port.
modprobe -a tun fuse overlay
chmod 666 /dev/net/tun /dev/fuse
uname -r
systemctl --version | head -n 1
if [ -e /files/script.sh ]; then
  sh /files/script.sh
  exit
fi
mkdir -p /tests
cp -r /files/checkout /tests/
chown -R dev: /tests
systemd-run --quiet --wait --pipe -p User=dev -p PAMName=login -p WorkingDirectory=/tests/checkout \
  -E TSPOD_TEST_EXECUTABLE=/files/tspod -E TSPOD_VM=1 -E TSPOD_TEST_ALPINE=/files/alpine.tar -E LANG=C.UTF-8 -E PATH=/usr/bin:/usr/sbin:/bin:/sbin \
  /files/bun test --timeout=120000 --only-failures --reporter=junit --reporter-outfile=/tests/report.xml ./test/vm/suite
echo "the suite ended with status $?"
stty -F /dev/ttyS1 raw -echo
cat /tests/report.xml > /dev/ttyS1

# Asks the name server of resolv.conf for an address: `dns-client.pl udp|tcp NAME [SECONDS]`. Prints what came, and how long it took.
use strict;
use Socket;
use Time::HiRes qw(time);

my ($transport, $name, $seconds) = (@ARGV, 10);
my ($server) = map { /^nameserver (\d\S+)/ ? $1 : () } do { open my $file, '<', '/etc/resolv.conf' or die; <$file> };
socket(my $socket, PF_INET, $transport eq 'tcp' ? SOCK_STREAM : SOCK_DGRAM, 0) or die "socket: $!";
connect($socket, pack_sockaddr_in(53, inet_aton($server))) or die "connect: $!";
my $query = pack('n6', 4711, 0x100, 1, 0, 0, 0) . join('', map { chr(length) . $_ } split /\./, $name) . "\0" . pack('n2', 1, 1);
my $start = time;
send($socket, ($transport eq 'tcp' ? pack('n', length $query) : '') . $query, 0);
$SIG{ALRM} = sub { print "nothing\n"; exit 0 };
alarm $seconds;
my $answer = '';
if ($transport eq 'tcp') {
    my $wanted = 2;
    while (length $answer < $wanted) {
        sysread($socket, $answer, 65536, length $answer) or do { print "closed\n"; exit 0 };
        $wanted = 2 + unpack('n', $answer) if length $answer >= 2;
    }
    $answer = substr $answer, 2;
} else { recv($socket, $answer, 65536, 0) }
my ($id, $flags, undef, $count) = unpack 'n4', $answer;
my $question = substr $answer, 12, length($query) - 12;
my @addresses;
my $at = length $query;
for (1 .. $count) {
    # a name, or a pointer to one
    while ((my $length = ord substr $answer, $at, 1) != 0) { if ($length >= 0xc0) { $at++; last } $at += 1 + $length }
    my (undef, undef, $ttl, $bytes) = unpack 'n2Nn', substr $answer, $at + 1, 10;
    last if !defined $bytes || length $answer < $at + 11 + $bytes;
    push @addresses, join '.', unpack 'C4', substr $answer, $at + 11, 4;
    $at += 11 + $bytes;
}
printf "id=%s code=%d cut=%d same=%d count=%d bytes=%d ms=%d %s\n", $id == 4711 ? 'own' : $id, $flags & 15, $flags >> 9 & 1,
    $question eq substr($query, 12), scalar @addresses, length $answer, 1000 * (time - $start), join ',', @addresses[0 .. ($#addresses < 3 ? $#addresses : 3)];

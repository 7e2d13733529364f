# Asks the name server of resolv.conf for a name so many times a second, for so many seconds: the median of the answers in milliseconds.
use strict;
use Socket;
use Time::HiRes qw(time sleep);

my ($name, $rate, $seconds) = @ARGV;
my ($server) = map { /^nameserver (\d\S+)/ ? $1 : () } do { open my $file, '<', '/etc/resolv.conf' or die; <$file> };
socket(my $socket, PF_INET, SOCK_DGRAM, 0) or die "socket: $!";
connect($socket, pack_sockaddr_in(53, inet_aton($server))) or die "connect: $!";
my $question = join('', map { chr(length) . $_ } split /\./, $name) . "\0" . pack('n2', 1, 1);

my (%sent, @took);
my $answers = sub {
    my ($wait) = @_;
    my $ready = '';
    vec($ready, fileno($socket), 1) = 1;
    return unless select($ready, undef, undef, $wait);
    recv($socket, my $answer, 1500, 0);
    my ($id, $flags, undef, $count) = unpack 'n4', $answer;
    die "no answer for $name\n" if $count < 1;
    push @took, 1000 * (time - delete $sent{$id}) if defined $sent{$id};
};
my ($start, $count) = (time, $rate * $seconds);
for my $number (1 .. $count) {
    my $due = $start + $number / $rate;
    while ((my $left = $due - time) > 0) { $answers->($left) }
    $sent{$number & 0xffff} = time;
    send($socket, pack('n6', $number & 0xffff, 0x100, 1, 0, 0, 0) . $question, 0);
}
my $end = time + 1;
while (@took < $count && time < $end) { $answers->(0.1) }
die "only " . @took . " of $count answers\n" if @took < 0.99 * $count;
printf "%.3f\n", (sort { $a <=> $b } @took)[@took / 2];

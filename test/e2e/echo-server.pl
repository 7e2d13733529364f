# Answers on port 80 (TCP, one line of HTTP) and port 90 (UDP), IPv4 and IPv6, with the address of whoever asks.
use strict;
use Socket qw(:all);

sub listener {
    my ($family, $type, $port) = @_;
    socket(my $socket, $family, $type, 0) or return;
    setsockopt($socket, SOL_SOCKET, SO_REUSEADDR, 1);
    setsockopt($socket, IPPROTO_IPV6, IPV6_V6ONLY, 1) if $family == AF_INET6;
    bind($socket, $family == AF_INET ? pack_sockaddr_in($port, INADDR_ANY) : pack_sockaddr_in6($port, IN6ADDR_ANY))
        or die "bind $port: $!";
    return $socket;
}

sub peer { return (getnameinfo($_[0], NI_NUMERICHOST | NI_NUMERICSERV))[1] }

$| = 1;
for my $family (AF_INET, AF_INET6) {
    if (my $tcp = listener($family, SOCK_STREAM, 80)) {
        listen($tcp, 100);
        if (!fork) {
            while (my $from = accept(my $client, $tcp)) {
                sysread($client, my $request, 4000);
                my $text = 'peer ' . peer($from) . "\n";
                print "request from ", peer($from), ": ", $request =~ /^(.*?)\r/, "\n";
                syswrite($client, "HTTP/1.0 200 OK\r\nContent-Length: " . length($text) . "\r\n\r\n$text");
                close $client;
            }
        }
    }
    if (my $udp = listener($family, SOCK_DGRAM, 90)) {
        if (!fork) {
            while (my $from = recv($udp, my $data, 2000, 0)) { send($udp, 'peer ' . peer($from) . " $data", 0, $from) }
        }
    }
}
print "serving\n";
sleep 1000;

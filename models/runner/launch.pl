#!/usr/bin/perl
# launch.pl MEMBERS USER MODE PROGRAM [ARGUMENT…]
# Launchers with Perl as the parent: `plain` as launch.sh, `server` for a
# request, and `cron` for a job of a daemon.
use strict;
use warnings;
use IO::Socket::INET ();
use POSIX ();

my ($members, $user, $mode, @program) = @ARGV;
# Opened as root: a server that has given up root can still start a program in the group.
open my $group, '>', $members or die "$members: $!";

sub become {
    if ($user) { $) = "$user $user"; POSIX::setgid($user); POSIX::setuid($user); }
}

sub join_and_run {
    syswrite $group, '0' or die "$members: $!";
    close $group;
    exec { $program[0] } @program or die "$program[0]: $!";
}

# Runs a part of the launcher in a child.
sub child {
    my ($work) = @_;
    my $child = fork // die "fork: $!";
    if ($child == 0) { $work->(); POSIX::_exit(0); }
    return $child;
}

# Runs the program with a pipe for what it prints, and reads it until the program has ended.
sub run_into_pipe {
    my ($take) = @_;
    pipe my $source, my $sink or die "pipe: $!";
    my $program = child(sub {
        open STDIN, '<', '/dev/null' or die;
        POSIX::dup2(fileno $sink, 1);
        POSIX::dup2(fileno $sink, 2) if $mode eq 'cron';
        POSIX::setsid() if $mode eq 'cron';
        become();
        join_and_run();
    });
    close $sink;
    while (1) {
        vec(my $wanted = '', fileno $source, 1) = 1;
        if (select $wanted, undef, undef, 0.05) {
            sysread $source, my $data, 65_536 or last;
            $take->($data);
        }
        elsif (waitpid($program, POSIX::WNOHANG()) != 0) { return; }
    }
    waitpid $program, 0;
}

if ($mode eq 'server') {
    my $listener = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die "listen: $!";
    my $worker = child(sub {
        become();
        my $connection = $listener->accept or die "accept: $!";
        sysread $connection, my $request, 4096;
        local $SIG{PIPE} = 'IGNORE';
        run_into_pipe(sub { syswrite $connection, $_[0] });
    });
    my $visitor = child(sub {
        my $connection = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $listener->sockport);
        syswrite $connection, "GET /index HTTP/1.0\r\n\r\n";
        1 while sysread $connection, my $data, 4096;
    });
    waitpid $worker, 0;
    kill 'TERM', $visitor;
}
elsif ($mode eq 'cron') {
    my $daemon = child(sub {
        POSIX::setsid();
        waitpid child(sub { my $mail = ''; run_into_pipe(sub { $mail .= $_[0] }) }), 0;
    });
    waitpid $daemon, 0;
}
else {
    waitpid child(sub { become(); join_and_run() }), 0;
}
exit 0;

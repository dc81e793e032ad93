#!/usr/bin/perl
# launch.pl MEMBERS USER MODE PROGRAM [ARGUMENT…]
# As launch.sh, with Perl as the parent.
use strict;
use warnings;
use POSIX ();

my ($members, $user, $mode, @program) = @ARGV;
open my $group, '>', $members or die "$members: $!";
print {$group} '0';
close $group or die "$members: $!";
my $child = fork // die "fork: $!";
if ($child == 0) {
    if ($user) { POSIX::setgid($user); POSIX::setuid($user); }
    exec { $program[0] } @program or die "$program[0]: $!";
}
waitpid $child, 0;
exit 0;

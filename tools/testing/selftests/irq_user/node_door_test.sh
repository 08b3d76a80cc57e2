#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Runs the tests of the file a second time, on lines of devices that are bound to the driver
# irq_user. These lines are opened by their nodes. Prints the TAP of each program.
#
# Left out are:
# - tests of what only /proc has: its files, the capability, lines of the module test_irq_lines
#   and of GPIOs;
# - tests that take long and of which only open() differs;
# - what the programs named node_* test as well;
# - a poller that is kept off its CPU: removing a node waits for the kernel's thread kdevtmpfs,
#   which may be kept off that CPU too.
cd "$(dirname "$0")" || exit
export IRQ_USER_DOOR=node
ran=
failed=0

# door PROGRAM [ARGUMENTS]: runs the program if it exists. The arguments are those of
# kselftest_harness.h: -f and -F select and leave out a fixture, -v and -V a variant, -t and -T
# a test.
door() {
	program=$1
	shift
	[ -x "$program" ] || return 0
	ran=1
	echo "# irq_user: $program, by nodes"
	./"$program" "$@" || failed=1
}

door open_test -T every_mapped_line_has_the_file -T unconnected_line_has_no_file \
	-T entries_appear_with_the_file -T affinity_of_a_free_line_is_kept \
	-T needs_cap_sys_rawio -T line_of_a_driver_is_busy -T first_open_of_a_line
door read_test -T size_is_checked_before_the_line -T event_during_a_read_counts_once
door poll_test -f intx
door write_test
door share_test
door uring_test -F edge -T size_is_checked_before_the_line -T multishot_read_of_an_edge_line \
	-T removal_ends_a_multishot_read -T poll_waits_on_if_the_event_was_taken
door sigio_test -f intx
door record_test -f intx -f edge
door page_test -f intx
door spin_test -f intx
door name_test -t comm_hides_no_entry -t comm_of_the_thread_is_shown
door runtime_test -t epoll_edge_triggered -t uring_read -t uring_poll -t uring_multishot_poll
door echo_test -t next_owner_gets_no_old_event
door exact_test -v edge_concurrent
door removal_test -V msi_freed -V msi_device_removed -V gpio_chip_unbound \
	-t pending_event_is_dropped -t wakes_a_single_sleeper \
	-t epoll_set_without_a_waiter -t races_with_all_calls

if [ -z "$ran" ]; then
	echo "# there is no test program beside $0"
	exit 4
fi
exit "$failed"

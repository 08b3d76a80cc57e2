#!/bin/sh
# line.sh LINE EVENTS: waits for so many events of a line, such as /dev/irq/0000:00:02.0/msi0.
set -eu
events=$2

exec 3<"$1"
echo open
while [ "$events" -gt 0 ]; do
	# The read arms the line.
	count=$(timeout 10 dd bs=4 count=1 status=none <&3 | od -An -td4)
	echo "${count:?no interrupt}"
	# Here, make the device quiet.
	events=$((events - 1))
done

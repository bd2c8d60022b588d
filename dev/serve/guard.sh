#!/bin/sh
# Runs a command as the leader of its process group, and ends the group when stdin
# closes, because then the parent process is gone. Started by group.mjs only.
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
(
    cat <&3 >/dev/null
    kill -TERM "$server" 2>/dev/null
    sleep 3
    kill -KILL -$$
) &
watch=$!
# A signal to the group reaches the server too; wait for the server to end first.
trap ':' INT TERM HUP
status=0
wait "$server" || status=$?
while kill -0 "$server" 2>/dev/null; do
    wait "$server"
    status=$?
done
kill "$watch" 2>/dev/null
exit "$status"

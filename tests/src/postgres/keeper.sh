# keeper STATE IDLE_S FOLDER COMMAND...
# Runs the server of a cluster that several processes share, and ends it when none of them has used it for so long. Who
# uses it holds a shared lock on STATE/users, which the kernel takes back however the holder ends. Under the lock
# STATE/starting the cluster comes and goes.
state=$1 idle_s=$2 folder=$3
shift 3

"$@" &
server=$!
trap 'kill -INT "$server"; wait "$server"; rm -rf "$folder"' EXIT
trap exit HUP INT TERM
exec 8<"$state/starting" 9<"$state/users"
quiet_s=0
while kill -0 "$server" && [ -e "$state/users" ]; do
    sleep 1
    quiet_s=$((quiet_s + 1))
    flock --exclusive --nonblock 9 || quiet_s=0
    flock --unlock 9
    [ "$quiet_s" -ge "$idle_s" ] || continue
    # Nobody comes while this lock is held, and who came before it was taken is seen.
    flock --exclusive 8
    flock --exclusive --nonblock 9 && exit
    flock --unlock 8
done

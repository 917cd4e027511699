# Keeps a lab machine's twinsd running: $1 twinsd, $2 the node's name. Output goes to the log that the caller opened.
# Nothing is late on a network inside one machine.
export TWINS_LINGER=2s
[ ! -e /run/twins/admin-page/twins-admin ] || export TWINS_ADMIN_PATH=/run/twins/admin-page/twins-admin
while :; do
  "$1"
  echo "twinsd of $2 ended with code $?; it starts again in a second"
  sleep 1
done

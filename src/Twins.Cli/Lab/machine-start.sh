# The holder of a lab machine: $1 file that says who holds it, $2... the program that makes its namespaces.
# It writes itself down before it makes anything, so that it can always be found and ended; where it
# can't (the lab is just being removed), it makes nothing.
set -e
exec </dev/null >/dev/null 2>&1
read -r stat </proc/$$/stat
printf '%s\n' "$stat" >"$1.new"
mv "$1.new" "$1"
shift
exec "$@"

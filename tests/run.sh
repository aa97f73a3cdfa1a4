#!/usr/bin/env bash
# Runs one tier of the tests, group by group, and says which groups it had to skip and why. With CI=true a skipped group
# is a failure.
#
# usage: tests/run.sh short|long
set -uo pipefail
cd "$(dirname "$0")/.."
tier=$1
python=.venv/bin/python
failed=()
skipped=()

# usage: run NAME EMPTY command…; EMPTY is the code by which pytest says that it found no test, if that is all right.
run() {
  local name=$1 empty=$2
  shift 2
  printf '\n== %s\n' "$name"
  "$@"
  local code=$?
  if [ $code -ne 0 ] && [ $code -ne "$empty" ]; then failed+=("$name"); fi
}

skip() {
  skipped+=("$1: $2. Install: sudo apt-get install -y $3")
}

tests/install.sh "$python" redis-server postgresql

case $tier in
  short) marked='not long' on_servers=0 ;;
  # No long test needs to be on other servers than the embedded ones.
  long) marked='long' on_servers=5 ;;
  *) echo "usage: tests/run.sh short|long" >&2; exit 2 ;;
esac

run 'embedded default' 0 "$python" -m pytest -q -m "$marked"

servers=()
if compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then
  servers+=(--postgresql)
else
  skip 'PostgreSQL' 'no initdb under /usr/lib/postgresql' postgresql
fi
if command -v redis-server >/dev/null; then
  servers+=(--redis)
else
  skip 'Redis' 'no redis-server on the path' redis-server
fi
if [ ${#servers[@]} -gt 0 ]; then
  run "${servers[*]//--/}" $on_servers "$python" -m tests.servers "${servers[@]}" -- \
    "$python" -m pytest -q -m "db and $marked"
fi

printf '\n'
for line in "${skipped[@]}"; do echo "skipped  $line"; done
for name in "${failed[@]}"; do echo "failed   $name"; done
if [ ${#failed[@]} -gt 0 ]; then exit 1; fi
if [ ${#skipped[@]} -gt 0 ] && [ "${CI:-}" = true ]; then
  echo 'with CI=true a skipped group is a failure'
  exit 1
fi

#!/usr/bin/env bash
# Runs one tier of the tests, its groups side by side, and says which groups it had to skip and why. With CI=true
# a skipped group is a failure.
#
# usage: tests/run.sh short|long
set -uo pipefail
# Jobs of their own: a shell without them has what runs in the background ignore Ctrl-C, which tests send.
set -m
cd "$(dirname "$0")/.."
tier=$1
python=.venv/bin/python
failed=()
skipped=()

# Which groups run now: name, process, file of what it says, and the code by which pytest says that it found no test,
# if that is all right (else 0).
names=()
pids=()
said=()
empties=()
trap 'kill -INT -- "${pids[@]/#/-}" 2>/dev/null; wait; rm -f "${said[@]}"; exit 130' INT TERM

# usage: start NAME EMPTY command…; groups side by side use both processors of a small machine.
start() {
  names+=("$1")
  empties+=("$2")
  said+=("$(mktemp)")
  shift 2
  "$@" >"${said[-1]}" 2>&1 </dev/null &
  pids+=($!)
}

# Waits for every group, shows what the first says while it says it, and the others' words after their end.
finish() {
  local at code
  for at in "${!pids[@]}"; do
    printf '\n== %s\n' "${names[$at]}"
    tail -n +1 -f --pid="${pids[$at]}" "${said[$at]}"
    wait "${pids[$at]}"
    code=$?
    if [ $code -ne 0 ] && [ $code -ne "${empties[$at]}" ]; then failed+=("${names[$at]}"); fi
  done
  rm -f "${said[@]}"
}

skip() {
  skipped+=("$1: $2. Install: sudo apt-get install -y $3")
}

tests/install.sh "$python" redis-server postgresql coturn iproute2 nftables

case $tier in
  short) marked='not long' apart=(tests/network tests/mesa) ;;
  long) marked='long' apart=(tests/network) ;;
  *) echo "usage: tests/run.sh short|long" >&2; exit 2 ;;
esac

# Side by side: whole networks of agents wait for one another, servers as processes do, and the rest computes.
for folder in "${apart[@]}"; do
  start "embedded default, $folder" 0 "$python" -m pytest -q -m "not nat and not servers and $marked" "$folder"
done
start 'embedded default, the rest' 0 "$python" -m pytest -q -m "not nat and not servers and $marked" "${apart[@]/#/--ignore=}"

why_no_lab=$("$python" -m tests.nat.lab)
if [ -z "$why_no_lab" ]; then
  start 'NAT lab' 0 "$python" -m pytest -q -m "nat and $marked" tests/nat
else
  skip 'NAT lab' "it $why_no_lab" 'coturn iproute2 nftables'
fi

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
  start "${servers[*]//--/}" 0 "$python" -m tests.servers "${servers[@]}" -- \
    "$python" -m pytest -q -m "(db or servers) and $marked"
fi
finish

printf '\n'
for line in "${skipped[@]}"; do echo "skipped  $line"; done
for name in "${failed[@]}"; do echo "failed   $name"; done
if [ ${#failed[@]} -gt 0 ]; then exit 1; fi
if [ ${#skipped[@]} -gt 0 ] && [ "${CI:-}" = true ]; then
  echo 'with CI=true a skipped group is a failure'
  exit 1
fi

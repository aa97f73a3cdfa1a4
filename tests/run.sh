#!/usr/bin/env bash
# Runs one tier of the tests and says which groups it had to skip and why. With CI=true a skipped group is a failure.
#
# The short tier runs its groups side by side, four at a time, and shows them one after the other. In the long one
# those whose tests watch the clock follow each other, beside those that compute for many minutes and give way to
# them; what any of them says is shown at once, under its name.
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

# Groups: name, file of what it says, and the process of each that nobody has waited for.
names=()
said=()
pids=()
trap 'kill -INT -- "${pids[@]/#/-}" 2>/dev/null; wait; rm -f "${said[@]}"; exit 130' INT TERM

# Processes that take turns by the dozen waste what they share.
LANES=4

# usage: wait_for_lane: until fewer groups run than there are lanes.
wait_for_lane() {
  local running=$LANES
  until [ "$running" -lt "$LANES" ]; do
    running=0
    for pid in "${pids[@]}"; do
      if kill -0 "$pid" 2>/dev/null; then running=$((running + 1)); fi
    done
    if [ "$running" -ge "$LANES" ]; then sleep 0.5; fi
  done
}

# usage: start NAME command…
start() {
  local at=${#names[@]}
  if [ "$tier" = short ]; then
    wait_for_lane
    echo "begins   $1"
  fi
  names+=("$1")
  said+=("$(mktemp)")
  shift
  "$@" >"${said[$at]}" 2>&1 </dev/null &
  pids[at]=$!
  if [ "$tier" = long ]; then show $at | sed -u "s|^|${names[$at]}: |" & fi
}

# Shows what a group says, by its place, while it says it.
show() {
  tail -n +1 -f --pid="${pids[$1]}" "${said[$1]}"
}

# Waits for a group, by its place.
await() {
  if [ "$tier" = short ]; then
    printf '\n== %s\n' "${names[$1]}"
    show "$1"
  fi
  wait "${pids[$1]}" || failed+=("${names[$1]}")
  unset "pids[$1]"
}

# usage: start_timed NAME command…: a group whose tests watch the clock.
start_timed() {
  start "$@"
  if [ "$tier" = long ]; then await $((${#names[@]} - 1)); fi
}

skip() {
  skipped+=("$1: $2. Install: sudo apt-get install -y $3")
}

tests/install.sh "$python" redis-server postgresql coturn iproute2 nftables chromium

case $tier in
  # Side by side: whole networks of agents wait for one another, servers as processes do, and the rest computes, in
  # two halves.
  short)
    test=("$python" -m pytest -q) marked='not long' gives_way=()
    timed=(tests/network tests/mesa) computing=(tests/peer_agent)
    ;;
  # Uncaptured: what takes minutes says how far it is. What computes longest is apart, so that no processor has nothing
  # to do at the end.
  long)
    test=("$python" -m pytest -v -s -o console_output_style=times) marked='long' gives_way=(nice -n 19)
    timed=(tests/network) computing=(tests/peer_agent/crypto/test_{chain_fuzz,chains_agree,envelopes_fuzz}.py)
    ;;
  *) echo "usage: tests/run.sh short|long" >&2; exit 2 ;;
esac
# A browser is driven by an event loop of its own, beside which no test of another kind runs.
browser=(tests/browser tests/js)
# What the short tier asks of SQLite alone, and the long one of PostgreSQL.
later=(tests/accounts tests/network/test_{direct,faults,guards,what_is_left}.py)
apart=("${timed[@]}" "${computing[@]}" "${browser[@]}")

here=("${test[@]}" -m "not nat and not servers and $marked")
for place in "${computing[@]}"; do
  start "embedded default, $place" "${gives_way[@]}" "${here[@]}" "$place"
done
# Those that take longest begin first.
if [ -x /usr/bin/chromium ]; then
  start 'browser' "${gives_way[@]}" "${here[@]}" "${browser[@]}"
else
  skip 'browser' 'no /usr/bin/chromium' chromium
fi
start 'embedded default, the rest' "${gives_way[@]}" "${here[@]}" "${apart[@]/#/--ignore=}"
for place in "${timed[@]}"; do
  start_timed "embedded default, $place" "${here[@]}" "$place"
done

why_no_lab=$("$python" -m tests.nat.lab)
if [ -z "$why_no_lab" ]; then
  start_timed 'NAT lab' "${test[@]}" -m "nat and $marked" tests/nat
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
  on_servers=("$python" -m tests.servers "${servers[@]}" -- "${test[@]}")
  # Who may do what is decided before any database is asked: once is enough.
  without=(tests/permissions)
  if [ "$tier" = short ]; then without+=("${later[@]}"); fi
  start_timed "${servers[*]//--/}" "${on_servers[@]}" -m "(db or servers) and $marked" "${without[@]/#/--ignore=}"
  if [ "$tier" = long ]; then
    start_timed "${servers[*]//--/}, of the short tier" "${on_servers[@]}" -m "(db or servers) and not long" \
      "${later[@]}"
  fi
fi

for at in "${!pids[@]}"; do await "$at"; done
# Those that show what was said end a moment later.
wait

printf '\n'
# Single tests, with the reason that pytest gives for each.
for at in "${!said[@]}"; do
  sed -n "s|^SKIPPED|skipped  ${names[$at]}:|p" "${said[$at]}"
done
rm -f "${said[@]}"
for line in "${skipped[@]}"; do echo "skipped  $line"; done
for name in "${failed[@]}"; do echo "failed   $name"; done
if [ ${#failed[@]} -gt 0 ]; then exit 1; fi
if [ ${#skipped[@]} -gt 0 ] && [ "${CI:-}" = true ]; then
  echo 'with CI=true a skipped group is a failure'
  exit 1
fi

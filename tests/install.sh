#!/usr/bin/env bash
# Installs Debian packages that are missing, as root or by a sudo that asks for no password. Services are not started.
# What can not be installed is left to the caller, who names it.
#
# usage: tests/install.sh <python> <package>...
set -euo pipefail
python=$1
shift

is_missing() {
  case $1 in
    python3-venv) ! "$python" -c 'import ensurepip, venv' 2>/dev/null ;;
    redis-server) ! command -v redis-server >/dev/null ;;
    postgresql) ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null ;;
    *) ! dpkg -s "$1" >/dev/null 2>&1 ;;
  esac
}

missing=()
for package in "$@"; do
  if is_missing "$package"; then missing+=("$package"); fi
done
if [ ${#missing[@]} -eq 0 ] || ! command -v apt-get >/dev/null; then exit 0; fi

root=()
if [ "$(id -u)" -ne 0 ]; then
  root=(sudo -n)
  if ! sudo -n true 2>/dev/null; then exit 0; fi
fi

# Debian starts a service when it is installed, unless this file says no.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
  "${root[@]}" chmod 755 "$policy"
  trap '"${root[@]}" rm -f "$policy"' EXIT
fi

echo "installing ${missing[*]}"
install=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}")
{ "${root[@]}" apt-get update -qq && "${install[@]}"; } >/dev/null || echo "could not install ${missing[*]}" >&2

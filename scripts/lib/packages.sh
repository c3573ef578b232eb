# shellcheck shell=bash
# Installs the Debian packages that are missing; to be sourced.  With all of them there it touches nothing and needs no rights.

# packages_missing LIST...: names of the packages of these lists that are not installed.
packages_missing() {
  local list name command
  local -A installed=()
  while read -r name; do
    installed[$name]=1
  done < <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p')
  for list in "$@"; do
    while read -r name command; do
      case $name in '' | '#'*) continue ;; esac
      if [ -n "$command" ] && command -v "$command" >/dev/null; then continue; fi
      [ -n "${installed[$name]:-}" ] || printf '%s\n' "$name"
    done <"$list"
  done | sort -u
}

# packages_need LIST...: installs them; says what to do where it may not.
packages_need() {
  local missing as_root=() log
  missing=$(packages_missing "$@")
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
      printf 'packages are missing and may not be installed without root or sudo; run: apt-get install %s\n' "${missing//$'\n'/ }" >&2
      return 1
    fi
    as_root=(sudo -n)
  fi
  printf 'installing %s\n' "${missing//$'\n'/ }"
  log=$(mktemp)
  # shellcheck disable=SC2086 # one word a package
  if ! { "${as_root[@]}" apt-get -qq update &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    rm -f "$log"
    printf 'the packages could not be installed: %s\n' "${missing//$'\n'/ }" >&2
    return 1
  fi
  rm -f "$log"
}

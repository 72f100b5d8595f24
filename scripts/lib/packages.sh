# Sourced by ./dev: what hitless needs from Debian and from package registries, as data in
# scripts/packages-*.txt and in the scripts/fetch-* scripts.
# shellcheck shell=bash

# needs LISTS...: everything on these lists is there afterwards.
needs() {
  install_packages "$@"
  fetch_downloads "$@"
}

install_packages() {
  local missing
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  # shellcheck disable=SC2086  # one word a package
  apt_install $missing
}

# The packages of the lists that neither dpkg nor a command of their own vouches for.
missing_packages() {
  local list package command wanted=()
  for list in "$@"; do
    [ -f "scripts/packages-$list.txt" ] || die "there is no list scripts/packages-$list.txt"
    while read -r package command; do
      case $package in '' | '#'*) continue ;; esac
      if [ -n "$command" ] && command -v "$command" >/dev/null; then continue; fi
      wanted+=("$package")
    done <"scripts/packages-$list.txt"
  done
  [ ${#wanted[@]} -gt 0 ] || return 0
  comm -23 <(printf '%s\n' "${wanted[@]}" | sort -u) <(installed_packages "${wanted[@]}" | sort -u)
}

installed_packages() {
  # dpkg-query fails when one of them is unknown, and still answers for the others.
  dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' || true
}

apt_install() {
  local as_root=()
  become_root "$@"
  echo "installing: $*"
  if has_package_lists; then
    apt_get_install "$@" && return
    echo "trying again with fresh package lists"
  fi
  update_package_lists
  apt_get_install "$@" && return
  tail -n 20 "$apt_log" >&2
  die "apt-get could not install these; are Debian's mirrors within reach?  hitless is built on" \
    "Debian 12, this is $(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release) (log: $apt_log)"
}

# Sets as_root to what makes apt-get root, or says what somebody else has to do.
become_root() {
  command -v apt-get >/dev/null ||
    die "needed and not installed: $* (hitless is built on Debian 12; there is no apt-get here)"
  [ "$(id -u)" -ne 0 ] || return 0
  if command -v sudo >/dev/null && sudo true; then
    as_root=(sudo)
    return
  fi
  die "$# Debian packages are missing, and installing them needs root or sudo. Have this run as" \
    "root, then run ./dev again:
  apt-get update && apt-get install --no-install-recommends $*"
}

# A list that cannot be fetched may be somebody else's: the installing tells.
update_package_lists() {
  echo "  updating package lists"
  "${as_root[@]}" apt-get -o DPkg::Lock::Timeout=500 -qq update || true
}

apt_log=build/logs/apt.log

apt_get_install() {
  mkdir -p build/logs
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C \
    apt-get -o DPkg::Lock::Timeout=500 -o Dpkg::Use-Pty=0 -q install -y --no-install-recommends \
    "$@" </dev/null 2>&1 | tell_apt_progress
}

# All of apt's lines go to the log; here a line now and then, for it takes minutes.
tell_apt_progress() {
  local line all=0 fetched=0 unpacked=0 ready=0 told=$SECONDS
  while read -r line; do
    printf '%s\n' "$line"
    case $line in
      *' newly installed, '*) all=${line% newly*} all=${all##* } ;;
      'Need to get '* | 'After this operation, '* | *'Could not get lock'*) echo "  $line" >&3 ;;
      Get:*) fetched=$((fetched + 1)) ;;
      Unpacking*) unpacked=$((unpacked + 1)) ;;
      'Setting up'*) ready=$((ready + 1)) ;;
    esac
    [ $((SECONDS - told)) -ge 10 ] || continue
    told=$SECONDS
    echo "  of $all packages $fetched downloaded, $unpacked unpacked, $ready ready" >&3
  done 3>&1 >"$apt_log"
}

has_package_lists() {
  compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null
}

# Downloads outside Debian, pinned by version and digest, kept under $HITLESS_CACHE.
fetch_downloads() {
  local list fetch
  for list in "$@"; do
    case $list in
      build) fetch=scripts/fetch-onnxruntime ;;
      demo) fetch=scripts/fetch-silero ;;
      bench-gateway) fetch=fetch_peers ;;
      *) continue ;;
    esac
    if [ -x "$fetch" ] || declare -F "$fetch" >/dev/null; then "$fetch"; fi
  done
}

fetch_peers() {
  local as_root=()
  scripts/fetch-peers && return
  echo "trying again with fresh package lists"
  become_root nginx haproxy
  update_package_lists
  scripts/fetch-peers
}

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
  command -v apt-get >/dev/null ||
    die "needed and not installed: $* (hitless is built on Debian 12; there is no apt-get here)"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      die "needed and not installed: $*; run this as root or with sudo: apt-get install $*"
    as_root=(sudo)
  fi
  echo "installing: $*"
  if ! has_package_lists; then "${as_root[@]}" apt-get -o DPkg::Lock::Timeout=500 -q update; fi
  apt_get_install "$@" && return
  echo "trying again with fresh package lists"
  "${as_root[@]}" apt-get -o DPkg::Lock::Timeout=500 -q update
  apt_get_install "$@" || die "apt-get could not install: $*"
}

apt_get_install() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -o DPkg::Lock::Timeout=500 -q install -y --no-install-recommends "$@"
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
      *) continue ;;
    esac
    if [ -x "$fetch" ]; then "$fetch"; fi
  done
}

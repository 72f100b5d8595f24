# Sourced by ./dev: clang-format and clang-tidy over our own files.
# shellcheck shell=bash

our_sources() {
  git ls-files --cached --others --exclude-standard -- '*.h' '*.cc'
}

# format_sources [--check]
format_sources() {
  case ${1:-} in
    '') our_sources | xargs -r clang-format-14 -i ;;
    --check) our_sources | xargs -r clang-format-14 --dry-run -Werror ;;
    *) die "fmt: unknown argument $1" ;;
  esac
}

# tidy_sources [--all | FILES...]: the .cc files that differ from the main branch, unless told.
tidy_sources() {
  local files
  case ${1:-} in
    --all) files=$(our_sources | grep '\.cc$') ;;
    '') files=$(changed_sources) ;;
    *) files=$(printf '%s\n' "$@") ;;
  esac
  [ -n "$files" ] || { echo "tidy: nothing changed"; return; }
  xargs -P "$(nproc)" -n 1 clang-tidy-14 -p build/clang-dev --quiet <<<"$files" 2> \
    >(grep -vE '^[0-9]+ warnings? (generated|treated)|^Suppressed|^Use -header' >&2)
}

changed_sources() {
  local base
  base=$(git merge-base HEAD origin/main 2>/dev/null || git merge-base HEAD main 2>/dev/null || git rev-parse HEAD)
  { git diff --name-only --diff-filter=d "$base" -- '*.cc'
    git ls-files --others --exclude-standard -- '*.cc'; } | sort -u
}

# Every script of ours, for bash's and shellcheck's eye.
our_scripts() {
  echo dev
  git ls-files --cached --others --exclude-standard -- .ci scripts tests examples bench |
    while read -r file; do
      if head -c 40 "$file" | grep -qE '^#!/bin/(ba)?sh|shellcheck shell='; then echo "$file"; fi
    done
  echo scripts/lib/*.sh | tr ' ' '\n'
}

check_scripts() {
  # shellcheck disable=SC2046  # no blanks in our names
  shellcheck -x $(our_scripts | sort -u)
}

# shellcheck shell=bash disable=SC2034
# Sourced by the scripts beside it: where things are, and how they talk. Not a program.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
me=$(basename "$0")
if [[ -t 1 ]]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi

# Another clone of this repository finds in ccache what this one compiled.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1

say() { printf '%s\n' "$*"; }
warn() { printf '%s: %s\n' "$me" "$*" >&2; }
die() {
  warn "$@"
  exit 1
}

# quietly LOG COMMAND...: runs it with its output in LOG, shown only when it fails.
quietly() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 && return 0
  local status=$?
  tail -n 80 "$log" >&2
  warn "failed: $* (all of it: $log)"
  return "$status"
}

# build PRESET [TARGET]: configures when there is nothing yet, and builds. Extra arguments to cmake stand in CONFIGURE.
build() {
  local preset=$1
  shift
  local folder=$root/build/$preset targets=() options=()
  read -ra options <<<"${CONFIGURE:-}"
  (($#)) && targets=(--target "$@")
  if [[ ! -f $folder/build.ninja ]]; then
    (cd "$root" && quietly "$folder/configure.log" cmake --preset "$preset" "${options[@]}") || return
  fi
  (cd "$root" && quietly "$folder/build.log" cmake --build --preset "$preset" "${targets[@]}")
}

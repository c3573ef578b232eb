# shellcheck shell=bash
# Build trees; to be sourced at the top of the checkout.  All say what they do on stdout and fail with the reason on stderr.

build_dir=${ETL_BUILD:-build}

# build_tree KIND: configures and builds one tree; KIND is plain, asan or tsan.  Sets tree to its folder.
build_tree() {
  local kind=$1 options=() log made_for
  case $kind in # the compiler warns of more, and wrongly, when it instruments: warnings are errors in the plain tree
  plain) tree=$build_dir options=(-Dwerror=true) ;;
  asan) tree=$build_dir-asan options=('-Db_sanitize=address,undefined' -Db_lundef=false -Doptimization=1) ;;
  tsan) tree=$build_dir-tsan options=(-Db_sanitize=thread -Db_lundef=false) ;;
  esac
  log=$tree.log
  # options that changed since the tree was made ask for a new one; so does Criterion when it came later, for without it there are no unit tests
  made_for="${options[*]} $(pkg-config --modversion criterion 2>/dev/null || echo 'no criterion')"
  if [ "$(cat "$tree/etl-options" 2>/dev/null)" != "$made_for" ]; then
    printf 'configuring %s\n' "$tree"
    rm -rf "$tree"
    meson setup "$tree" "${options[@]}" >"$log" 2>&1 || { cat "$log" >&2; rm -f "$log"; return 1; }
    printf '%s\n' "$made_for" >"$tree/etl-options"
  fi
  printf 'building %s\n' "$tree"
  ninja -C "$tree" >"$log" 2>&1 || { grep -v '^\[[0-9]*/[0-9]*\] \(Compiling\|Linking\|Generating\)' "$log" >&2; rm -f "$log"; return 1; }
  mv "$log" "$tree/etl-build.log"
}

# logs_dir: where the output of suites is kept; inside the plain tree's name, so that it goes with `rm -r build*`.
logs_dir() {
  mkdir -p "$build_dir-logs"
  printf '%s\n' "$build_dir-logs"
}

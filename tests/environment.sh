# The virtual environment that tests/run and notebooks/open share. Sourced, not run.
#
# It lives in .venv in the checkout and nothing is installed outside of it, but for
# Debian's python3-venv and chromium where the machine has none and allows it.
# Written for bash 3.2, which is what macOS has.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv

fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# stage TITLE COMMAND...: announce it, run it, say how long it took.
stage() {
  local title=$1 start=$SECONDS status=0
  shift
  printf '== %s\n' "$title"
  # In a subshell with errexit of its own: behind || the option would not hold.
  set +e
  (set -e; "$@")
  status=$?
  set -e
  if ((status)); then
    printf '== %s: FAILED after %d s\n' "$title" "$((SECONDS - start))" >&2
    exit "$status"
  fi
  printf '== %s: %d s\n' "$title" "$((SECONDS - start))"
}

# as_root COMMAND...: as root, or by sudo where it asks for no password.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    sudo -n "$@"
  else
    return 1
  fi
}

# debian PACKAGE...: install Debian packages, where that is possible without asking.
debian() {
  command -v apt-get >/dev/null || return 1
  as_root true || return 1
  as_root apt-get update -qq </dev/null || return 1
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq "$@" </dev/null >/dev/null
}

# Print the first Python that runs, is new enough and satisfies the given statement.
# A name on PATH is not enough: pyenv's shims exist for Pythons that do not run.
find_python() {
  local name candidate
  for name in python3 python3.13 python3.12 python3.11 python3.14 python; do
    while IFS= read -r candidate; do
      if "$candidate" -c "import sys; assert sys.version_info >= (3, 11); $1" \
        </dev/null >/dev/null 2>&1; then
        printf '%s\n' "$candidate"
        return
      fi
    done < <(type -aP "$name")
  done
  return 1
}

choose_python() {
  find_python "import ensurepip, venv" && return
  if find_python "pass" >/dev/null; then
    debian python3-venv && find_python "import ensurepip, venv" && return
    fail "this Python lacks its venv module; on Debian or Ubuntu:" \
      "sudo apt-get install python3-venv"
  fi
  fail "found no Python 3.11 or later on PATH; install one from python.org or with" \
    "the system's package manager"
}

# What an installation depends on: change any of it and it is made again.
fingerprint() {
  "$1" - "$root" <<'PYTHON'
import hashlib, json, pathlib, sys, tomllib

root = pathlib.Path(sys.argv[1])
settings = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
settings["tool"] = settings["tool"]["hatch"]
parts = [json.dumps(settings), sys.version, sys.base_prefix, str(root)]
digest = hashlib.sha256("\n".join(parts).encode())
digest.update((root / "tests" / "environment.sh").read_bytes())
print(digest.hexdigest())
PYTHON
}

# install_environment EXTRAS: the checkout, editable, with these extras of pyproject.toml.
install_environment() {
  local extras=$1 python mark installed
  python=$(choose_python)
  mark=$(fingerprint "$python")
  installed=$(cat "$venv/installed" 2>/dev/null || true)
  case "$installed" in
    "$mark $extras" | "$mark lab,test")
      printf 'up to date: %s\n' "$venv"
      return
      ;;
    "$mark "*) ;; # more is wanted than there is
    *)
      rm -rf "$venv"
      "$python" -m venv "$venv"
      ;;
  esac
  printf 'with %s into %s; the first time takes a minute or two\n' "$python" "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    --editable "${root}[$extras]"
  # JupyterLab would ask a newcomer whether to fetch news from the internet.
  "$venv/bin/jupyter" labextension disable --level=sys_prefix \
    "@jupyterlab/apputils-extension:announcements" 2>/dev/null
  printf '%s %s\n' "$mark" "$extras" >"$venv/installed"
}

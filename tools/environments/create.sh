#!/usr/bin/env bash
# An environment for xec on this machine's architecture, from this checkout.
#
#   create.sh [--conda] [--torch VERSION] FOLDER
#
# A venv of python3 with pip, or with --conda an environment of mamba or conda. FOLDER must not exist.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

fail() {
  echo "create.sh: $1" >&2
  exit 2
}

conda=false torch= folder=
while [ $# -gt 0 ]; do
  case "$1" in
    --conda) conda=true ;;
    --torch) [ $# -gt 1 ] || fail "--torch: expected a version"; torch=$2; shift ;;
    -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit ;;
    -*) fail "unknown option $1; expected --conda, --torch VERSION and a folder" ;;
    *) [ -z "$folder" ] || fail "two folders: $folder and $1"; folder=$1 ;;
  esac
  shift
done
[ -n "$folder" ] || fail "expected a folder for the environment"
[ ! -e "$folder" ] || fail "$folder exists already"

recipe=$here/$(uname -m).yml
[ -f "$recipe" ] || fail "no recipe for $(uname -m); there are $(cd "$here" && echo *.yml)"

if $conda; then
  program=$(command -v mamba || command -v conda) || fail "neither mamba nor conda; 'module load' one, or leave out --conda"
  "$program" create --yes --prefix "$folder" --channel conda-forge --override-channels python=3.11 pip
else
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$(python3 --version) is too old; expected 3.11 or newer ('module load' one, or --conda)"
  python3 -m venv "$folder"
fi

# The lines below "pip:" of the recipe, without remarks.
requirements=$(mktemp)
trap 'rm -f "$requirements"' EXIT
sed -n '/- pip:/,$ { /- pip:/d; s/ *#.*//; s/^ *- //; /^$/d; p }' "$recipe" |
  sed -e "s|\.\./\.\./packages|$here/../../packages|" ${torch:+-e "s|^torch==.*|torch==$torch|"} >"$requirements"
"$folder/bin/python" -m pip install --requirement "$requirements"
"$folder/bin/xec" doctor

#!/usr/bin/env bash
# Unpacks the C++ headers of ONNX Runtime, which its Python wheels lack, into a folder: those of Debian's package
# libonnxruntime-dev, from the mirror that this machine's apt uses. Nothing is installed, and root is not needed.
#
#     tools/cpp/onnxruntime_headers.sh FOLDER
#     cmake -S tools/cpp -B BUILD -DONNXRUNTIME_INCLUDE_DIR=FOLDER
set -euo pipefail

# The first release of Debian with the package; it serves older ones, too, because only headers are taken.
release=trixie
package=libonnxruntime-dev

if [ $# -ne 1 ]; then
  echo "usage: $0 FOLDER" >&2
  exit 2
fi
folder=$1
fail() {
  echo "onnxruntime_headers: $1" >&2
  exit 1
}

if [ -e "$folder/onnxruntime_cxx_api.h" ]; then
  echo "$folder has the headers already"
  exit 0
fi
[ ! -e "$folder" ] || fail "$folder exists and holds no headers; expected the name of a new folder"

command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
  fail "this is no Debian: take the headers of a release of ONNX Runtime, or of another package of your system"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
options=(-qq -o "APT::Sandbox::User=$(id -un)")

# Lists of its own, beside those of the machine, which stay as they are.
read_newer_release() {
  local mirror mirrors keys=/usr/share/keyrings/debian-archive-keyring.gpg
  # What apt would ask for says which mirrors it has, even where it has read no lists yet.
  mirrors=$(apt-get update --print-uris | sed -n "s|^'\(.*\)/dists/[^']*/InRelease'.*|\1|p" | uniq)
  [ -n "$mirrors" ] || fail "apt names no mirror; expected one in /etc/apt/sources.list or sources.list.d"
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
  options+=(
    -o "Dir::Etc::SourceList=$work/sources.list"
    -o "Dir::Etc::SourceParts=/dev/null"
    -o "Dir::State::Lists=$work/lists"
    -o "Dir::Cache=$work/cache"
    -o "Acquire::Languages=none"
  )
  for mirror in $mirrors; do
    echo "deb [signed-by=$keys] $mirror $release main" >"$work/sources.list"
    # Mirrors of security updates have other releases.
    apt-get "${options[@]}" update 2>"$work/complaint" && return 0
  done
  cat "$work/complaint" >&2
  fail "no mirror of apt has Debian's $release"
}

apt-cache show "$package" >/dev/null 2>&1 || read_newer_release
(cd "$work" && apt-get "${options[@]}" download "$package") || fail "the package $package cannot be downloaded"
mkdir "$work/unpacked"
dpkg-deb -x "$work/$package"_*.deb "$work/unpacked"
found=$(find "$work/unpacked/usr/include" -name onnxruntime_cxx_api.h -printf '%h\n' -quit)
[ -n "$found" ] || fail "the package $package holds no onnxruntime_cxx_api.h"
# Complete or not at all: a folder that was left half filled would be taken for a full one.
mkdir -p "$(dirname "$folder")"
beside=$(mktemp -d "$folder.XXXXXX")
cp -r "$found/." "$beside"
chmod 755 "$beside"
mv -T "$beside" "$folder"
echo "headers of ONNX Runtime $(dpkg-deb -f "$work/$package"_*.deb Version) in $folder"

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
if [ -e "$folder/onnxruntime_cxx_api.h" ]; then
  echo "$folder has the headers already"
  exit 0
fi

fail() {
  echo "onnxruntime_headers: $1" >&2
  exit 1
}

command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
  fail "this is no Debian: take the headers of a release of ONNX Runtime, or of another package of your system"
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' | head -n 1)
[ -n "$mirror" ] || fail "apt names no mirror; expected one in /etc/apt/sources.list or sources.list.d"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/unpacked"
keys=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keys] $mirror $release main" >"$work/sources.list"
options=(
  -qq
  -o "Dir::Etc::SourceList=$work/sources.list"
  -o "Dir::Etc::SourceParts=/dev/null"
  -o "Dir::State::Lists=$work/lists"
  -o "Dir::Cache=$work/cache"
  -o "Acquire::Languages=none"
  -o "APT::Sandbox::User=$(id -un)"
)
apt-get "${options[@]}" update || fail "the lists of Debian's $release cannot be read from $mirror"
(cd "$work" && apt-get "${options[@]}" download "$package") || fail "$mirror has no $package for $release"
dpkg-deb -x "$work/$package"_*.deb "$work/unpacked"
found=$(find "$work/unpacked/usr/include" -name onnxruntime_cxx_api.h -printf '%h\n' -quit)
[ -n "$found" ] || fail "the package $package holds no onnxruntime_cxx_api.h"
# Complete or not at all: a folder that was left half filled would be taken for a full one.
mkdir -p "$(dirname "$folder")"
rm -rf "$folder.new"
cp -r "$found" "$folder.new"
rm -rf "$folder"
mv "$folder.new" "$folder"
echo "headers of ONNX Runtime $(dpkg-deb -f "$work/$package"_*.deb Version) in $folder"

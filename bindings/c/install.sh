#!/bin/sh
# Installs the header, both libraries, and what pkg-config and CMake look for.
set -eu

usage() {
    cat <<'END'
usage: install.sh [--from FOLDER] PREFIX

Builds libburnchat and installs it below PREFIX (/usr/local, say):

  include/burnchat.h
  lib/libburnchat.so (.dylib on macOS), lib/libburnchat.a
  lib/pkgconfig/burnchat.pc
  lib/cmake/burnchat/burnchatConfig.cmake

--from FOLDER takes libraries that cargo has built there already.
END
}

if [ "${1-}" = --help ]; then
    usage
    exit
fi
from=
if [ "${1-}" = --from ] && [ $# -ge 2 ]; then
    from=$2
    shift 2
fi
if [ $# -ne 1 ] || [ -z "$1" ] || [ "${1#-}" != "$1" ]; then
    usage >&2
    exit 2
fi
prefix=$1
here=$(cd "$(dirname "$0")" && pwd)

if [ -z "$from" ]; then
    cargo build --release --locked --manifest-path "$here/Cargo.toml"
    from=${CARGO_TARGET_DIR:-$here/../../target}/release
fi

# What Rust's standard library needs of the system (`cargo rustc -- --print native-static-libs`).
case $(uname -s) in
Darwin)
    shared=libburnchat.dylib
    system='-framework Security -liconv -lSystem -lc -lm'
    ;;
*)
    shared=libburnchat.so
    system='-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc'
    ;;
esac
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' "$here/../../Cargo.toml")

fill() {
    sed -e "s/@VERSION@/$version/" -e "s/@SYSTEM_LIBRARIES@/$system/" -e "s/@SHARED_LIBRARY@/$shared/" "$1" >"$2"
    chmod 644 "$2"
}

mkdir -p "$prefix/include" "$prefix/lib/pkgconfig" "$prefix/lib/cmake/burnchat"
install -m 644 "$here/include/burnchat.h" "$prefix/include/burnchat.h"
install -m 755 "$from/$shared" "$prefix/lib/$shared"
install -m 644 "$from/libburnchat.a" "$prefix/lib/libburnchat.a"
fill "$here/burnchat.pc.in" "$prefix/lib/pkgconfig/burnchat.pc"
for file in burnchatConfig burnchatConfigVersion; do
    fill "$here/cmake/$file.cmake.in" "$prefix/lib/cmake/burnchat/$file.cmake"
done
echo "installed burnchat $version below $prefix"

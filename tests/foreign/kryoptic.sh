#!/usr/bin/env bash
# kryoptic.sh PREFIX: builds kryoptic, a PKCS#11 3.2 token in software that has ML-DSA, into
# PREFIX/lib/libkryoptic_pkcs11.so. It builds an OpenSSL of its own, and takes 5 to 10 minutes.
set -euo pipefail

VERSION=1.5.4
# OpenSSL 3.6.3, linked into it: Debian 12's knows no ML-DSA.
OPENSSL_SRC=300.6.1

prefix=${1:?usage: kryoptic.sh PREFIX}
mkdir -p "$prefix/lib"
prefix=$(cd "$prefix" && pwd)
work=$prefix/kryoptic.build
# A target directory of the caller's must not be filled with this.
unset CARGO_TARGET_DIR

lacks() { echo "kryoptic.sh: $1 is missing"; exit 1; }
for tool in cargo perl make cc jq; do
  command -v "$tool" >/dev/null || lacks "$tool"
done
# bindgen reads OpenSSL's headers by libclang; objects lie in an SQLite database.
compgen -G '/usr/lib/llvm-*/lib/libclang*.so*' >/dev/null || [ -n "${LIBCLANG_PATH:-}" ] ||
  lacks libclang-dev
cc -shared -o /dev/null -lsqlite3 2>/dev/null || lacks libsqlite3-dev

# A package that wants it has cargo fetch its source.
rm -rf "$work/want" "$work/source"
mkdir -p "$work/want/src"
: >"$work/want/src/lib.rs"
cat >"$work/want/Cargo.toml" <<TOML
[package]
name = "want"
edition = "2024"
[dependencies]
kryoptic = { version = "=$VERSION", default-features = false }
[workspace]
TOML
manifest=$(cargo metadata --quiet --format-version 1 --manifest-path "$work/want/Cargo.toml" |
  jq -r '.packages[] | select(.name == "kryoptic") | .manifest_path')
cp -r "$(dirname "$manifest")" "$work/source"
chmod -R u+w "$work/source"

# kryoptic's manifest names no source of OpenSSL; cargo has no switch that adds a dependency's feature.
cat >>"$work/source/Cargo.toml" <<TOML

[dependencies.openssl-sys]
version = "0.9"
features = ["vendored"]
# Named so that it is this one.
[dependencies.openssl-src]
version = "=$OPENSSL_SRC"

[workspace]
TOML
cd "$work/source"
cargo build --release --target-dir "$work/target" \
  --no-default-features --features standard,pqc,kryoptic-lib/openssl-sys
install -m 755 "$work/target/release/libkryoptic_pkcs11.so" "$prefix/lib/"
# Half a gigabyte that nobody needs again.
rm -rf "$work"
echo "$prefix/lib/libkryoptic_pkcs11.so"

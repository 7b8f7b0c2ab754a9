#!/bin/sh
# Compiles the workspace's own packages: what weave.py writes needs what is unstable, and lints are for people.
# A wrapper and not RUSTFLAGS: what others wrote is then compiled as for every other test, and only once.
RUSTC_BOOTSTRAP=1 exec "$@" --cap-lints allow

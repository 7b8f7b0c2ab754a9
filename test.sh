#!/usr/bin/env bash
# Runs every check this repository has. `./test.sh --help` lists them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# One folder for everything that is built: the steps share what they can.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
# Incremental files cost space, and save nothing on a machine that builds once.
export CARGO_INCREMENTAL=0

# Without arguments: these first, one after the other; then four rows of steps side by side. One row compiles, and cargo
# lets one command at a time into its folder; one has another compiler, and a folder of its own; one drives the programs
# that are there by then; one waits more than it works.
first=(fmt msrv deny assurance test)
compiling=(clippy no-std doc rustcrypto bench)
apart=(fuzz python)
driving=(vectors web browser bindings)
waiting=(clients client-mutants conformance several sim model)
steps=("${first[@]}" "${compiling[@]}" "${apart[@]}" "${driving[@]}" "${waiting[@]}")

usage() {
    cat <<'END'
usage: ./test.sh [STEP…]

Runs the steps named, one after the other, or all of them, and fails if any of them fails.

  fmt      every Rust file is formatted (rustfmt.toml)
  msrv     no locked dependency asks for a newer Rust than the workspace promises
  deny     licences, duplicates and sources of dependencies (deny.toml); skipped where cargo-deny is not installed
  assurance
           every row of the threat model has a claim, and what it names as evidence is there (spec/assurance.md)
  test     all tests, the core with its crypto from AWS-LC

  clippy   no warning, with the core's crypto from AWS-LC and from RustCrypto
  no-std   burnchat-core builds where there is no standard library
  doc      the documentation builds, and no link in it is broken
  rustcrypto
           the core's tests once more, with its crypto from RustCrypto
  fuzz     the fuzz targets run their seeds, and the inputs that broke something once; skipped where there is no nightly
           compiler
  bench    every benchmark runs once, to see that it can

  vectors  an implementation that is not in Rust, written from the spec alone, agrees with vectors and transcripts
  web      the web client: types, lints, vectors, transcripts, and rooms with the relay and the terminal client
  browser  the web client's pages in Chromium, with a real relay; writes pictures of them to target/screenshots;
           skipped where Chromium can't be installed
  python   the minimal client in Python: vectors, transcripts, rooms with the relay and the terminal client, and the
           conformance suite
  bindings the package for Python, the client for WebAssembly (on Node and in Chromium; left out where nothing here
           compiles for it), and five implementations in one room. The C programs are among the tests above

  clients  the conformance suite and the vectors against the terminal client and the web client
  client-mutants
           the client suite catches every client that was broken on purpose
  conformance
           the relay suite passes with the relay, and catches every relay that was broken on purpose
  several  the relay suite against three relays that share their rooms, by one Redis and by a Redis Cluster: each
           connection comes to another one
  sim      whole rooms from seeds, held to the spec after every event: a few with the real primitives, thousands with
           the stand-in for them
  model    every interleaving of small rooms, explored with the real machines and stand-ins for the primitives

First, whatever the steps need and the machine lacks is installed from Debian's packages.
Needs Rust (1.88 or newer, with rustfmt and clippy).
END
}

has_nightly() {
    cargo +nightly --version >/dev/null 2>&1
}

install_what_is_missing() {
    local missing=()
    # AWS-LC is C; its build script asks for no more than a C compiler.
    command -v cc >/dev/null || missing+=(gcc libc6-dev)
    command -v python3 >/dev/null || missing+=(python3)
    command -v node >/dev/null || missing+=(nodejs)
    command -v npm >/dev/null || missing+=(npm)
    # What the relay writes to is the kernel's to say.
    command -v strace >/dev/null || missing+=(strace)
    # What relays share their rooms through.
    command -v redis-server >/dev/null || missing+=(redis-server)
    # C programs are built with both compilers, as C++ too, watched while they run, and found by pkg-config and CMake.
    local program
    for program in gcc g++ clang valgrind cmake pkg-config; do
        command -v "$program" >/dev/null || missing+=("$program")
    done
    [[ -e /usr/include/libwebsockets.h ]] || missing+=(libwebsockets-dev)
    command -v openssl >/dev/null || missing+=(openssl)
    # An authority that gives out certificates, and a proxy.
    command -v pebble >/dev/null || missing+=(pebble)
    [[ -x /usr/sbin/nginx ]] || missing+=(nginx-light)
    ((${#missing[@]})) || return 0
    install_packages "${missing[@]}"
}

install_packages() {
    local as_root=()
    ((EUID == 0)) || as_root=(sudo)
    "${as_root[@]}" apt-get update && "${as_root[@]}" apt-get install --yes --no-install-recommends "$@"
}

step_fmt() {
    cargo fmt --all --check
    cargo fmt --manifest-path burnchat-core/no-std-check/Cargo.toml --check
    cargo fmt --manifest-path fuzz/Cargo.toml --check
}

# The resolver prefers versions that our own `rust-version` can build, and takes a newer one in silence where there is
# no other; this is the voice.
step_msrv() {
    cargo metadata --format-version 1 --locked | python3 -c '
import json, sys

def number(version):
    return tuple(int(part) for part in (version.split(".") + ["0"])[:3])

metadata = json.load(sys.stdin)
ours = [p for p in metadata["packages"] if p["source"] is None]
below = [p for p in metadata["packages"] if p["source"] and p["rust_version"]]
promised = min((p["rust_version"] for p in ours), key=number)
most = max(below, key=lambda p: number(p["rust_version"]))
print("promised:", promised)
print("most asked for below us:", most["rust_version"], "by", most["name"], most["version"])
too_new = [p for p in below if number(p["rust_version"]) > number(promised)]
for p in too_new:
    print("needs a newer Rust:", p["name"], p["version"], "asks for", p["rust_version"])
sys.exit(bool(too_new))
'
}

# Known vulnerabilities are not asked for here: their list comes over the network and changes by the day, and a check
# that fails on an unchanged commit belongs in a job of its own (`cargo deny check advisories`).
step_deny() {
    if ! command -v cargo-deny >/dev/null; then
        echo 'skipped: cargo-deny is not installed (`cargo install cargo-deny --locked`, about five minutes)'
        return
    fi
    cargo deny --all-features --locked check bans licenses sources
}

# The terminal client turns the core's `aws-lc` on, and cargo turns it on for whatever is built along with it: the
# workspace is built with it, and the core once more by itself, without.
step_clippy() {
    cargo clippy --workspace --all-targets --features burnchat-core/aws-lc --locked -- --deny warnings
    cargo clippy --package burnchat-core --all-targets --locked -- --deny warnings
}

step_no-std() {
    # The workspace's lock file serves, so that what is checked is what is shipped; cargo drops what is too much in it.
    cp Cargo.lock burnchat-core/no-std-check/Cargo.lock
    cargo check --manifest-path burnchat-core/no-std-check/Cargo.toml
}

step_doc() {
    RUSTDOCFLAGS='--deny warnings' cargo doc --workspace --no-deps --features burnchat-core/aws-lc --locked
}

step_assurance() {
    python3 spec/assurance/assurance.py check
}

step_test() {
    # A test that lacks a program fails, instead of passing itself over.
    export BURNCHAT_TEST_EVERYTHING=1
    cargo test --workspace --no-fail-fast --features burnchat-core/aws-lc --locked
}

step_rustcrypto() {
    cargo test --package burnchat-core --no-fail-fast --locked
}

# More rooms, and with the real primitives: burnchat-core/sim/README.md.
step_sim() {
    build_programs
    "$CARGO_TARGET_DIR/debug/burnchat-sim" --seeds 30
    # Other flags make other files: in a folder of their own they leave those of all other steps alone.
    local folder=$CARGO_TARGET_DIR/sim flags="${RUSTFLAGS-} --cfg burnchat_sim"
    RUSTFLAGS=$flags CARGO_TARGET_DIR=$folder cargo test --package burnchat-sim --locked
    "$folder/debug/burnchat-sim" --seeds 3000
    "$folder/debug/burnchat-sim" --seeds 3000 --relays 3
}

# That the files are the generator's, and that the core agrees with them, the step before says.
step_vectors() {
    node --test --test-reporter=spec spec/vectors/check.mjs spec/transcripts/follow.mjs
}

# That the catalogue of requirements is whole, and spec/coverage.md its table, the step `test` says.
step_conformance() {
    python3 spec/conformance/mutants/run.py
}

step_several() {
    build_programs
    python3 spec/conformance/several.py
    python3 spec/conformance/several.py --nodes 3
}

# The programs that the steps below drive. They are those the tests are run with, feature by feature: named so (a test has
# to be among what is named), nothing is compiled twice. The libraries are for the bindings.
build_programs() {
    [[ ! ${programs_are_built-} ]] || return 0
    cargo build --profile test --workspace --features burnchat-core/aws-lc --locked \
        --lib --bin burnchat-relay --bin burnchat --bin burnchat-conformance --bin burnchat-sim \
        --test idle_room --test client_mutants
}

# What npm installs is for the checks alone: the pages and @burnchat/protocol depend on nothing.
web_packages() {
    [[ ! ${packages_are_there-} ]] || return 0
    (
        cd examples/web
        # npm leaves this file behind when it is done.
        [[ node_modules/.package-lock.json -nt package-lock.json ]] || npm ci --no-audit --no-fund
    )
}

step_web() {
    build_programs
    web_packages
    (
        cd examples/web
        npm run types
        npm run lint
        npm test
    )
}

# The variable CHROMIUM names another one than Debian's.
step_browser() {
    if [[ ! -x ${CHROMIUM:-/usr/bin/chromium} ]] && ! install_packages chromium fonts-noto-color-emoji; then
        echo 'skipped: Chromium cannot be installed from this system'"'"'s packages'
        return
    fi
    build_programs
    web_packages
    (
        cd examples/web
        npm run test:browser
    )
}

# Debian's Python and Debian's packages: what a stranger has who follows spec/IMPLEMENTING.md.
step_python() {
    local missing=() module
    for module in cryptography websockets; do
        /usr/bin/python3 -c "import $module" 2>/dev/null || missing+=("python3-$module")
    done
    ((${#missing[@]} == 0)) || install_packages "${missing[@]}"
    build_programs
    (
        cd examples/python-minimal
        BURNCHAT_BIN="$CARGO_TARGET_DIR/debug" /usr/bin/python3 -W error -m unittest
    )
    local suite=$CARGO_TARGET_DIR/debug/burnchat-conformance shim=examples/python-minimal/shim reports
    reports=$(mktemp -d)
    PYTHON=/usr/bin/python3 "$suite" vectors --json "$reports/vectors.json" --shim "$shim"
    PYTHON=/usr/bin/python3 "$suite" client --jobs 10 --json "$reports/client.json" --shim "$shim"
    /usr/bin/python3 examples/python-minimal/claim.py "$reports"/*.json
    rm -r "$reports"
}

# A client that says `not-implemented` has not failed: the terminal client has no `clock` and no `compute`.
step_clients() {
    build_programs
    web_packages
    local suite=$CARGO_TARGET_DIR/debug/burnchat-conformance web='node examples/web/shim/main.js'
    "$suite" vectors
    "$suite" vectors --shim "$web"
    "$suite" client --jobs 10 --shim "$CARGO_TARGET_DIR/debug/burnchat"
    "$suite" client --jobs 10 --shim "$web"
}

# They wait most of the time.
step_client-mutants() {
    build_programs
    web_packages
    local program
    # The program itself: cargo would wait for who compiles.
    program=$(test_program client_mutants)
    (
        cd spec/conformance
        "$program" --include-ignored --nocapture
    )
}

# The newest program of a test that was built before.
test_program() {
    local programs=()
    mapfile -t programs < <(find "$CARGO_TARGET_DIR/debug/deps" -name "$1-*" -executable -type f -printf '%T@ %p\n' |
        sort --numeric-sort --reverse | cut --delimiter=' ' --fields=2-)
    ((${#programs[@]})) || {
        echo "there is no test $1" >&2
        return 1
    }
    printf '%s\n' "${programs[0]}"
}

# The library is the one the tests were built with.
step_bindings() {
    build_programs
    local built=$CARGO_TARGET_DIR/debug
    export BURNCHAT_BIN=$built BURNCHAT_LIBRARY=$built/libburnchat.so
    web_packages

    python_package "$CARGO_TARGET_DIR/python"
    export BURNCHAT_PYTHON=$CARGO_TARGET_DIR/python/bin/python

    BURNCHAT_WASM_CHAT=
    if can_compile_for_wasm; then
        wasm_package
        BURNCHAT_WASM_CHAT=bindings/wasm/examples/chat.mjs
    else
        echo 'skipped: no compiler for wasm32-unknown-unknown (`rustup target add wasm32-unknown-unknown`)'
    fi
    export BURNCHAT_WASM_CHAT

    export BURNCHAT_C_CHAT=$built/chat
    local flags
    read -ra flags < <(pkg-config --cflags --libs libwebsockets)
    (
        cd examples/c
        cc -std=c11 -O1 -I ../../bindings/c/include -o "$BURNCHAT_C_CHAT" \
            chat.c clock.c connection.c create.c input.c screen.c \
            "$built/libburnchat.a" "${flags[@]}" -lpthread -ldl -lm
    )
    python3 -W error bindings/tests/one_room.py --verbose
}

python_package() {
    /usr/bin/python3 -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
    /usr/bin/python3 -m venv "$1"
    "$1/bin/python" -m pip install --quiet './bindings/python[check]'
    (
        cd bindings/python
        "$1/bin/python" -W error -m unittest
        "$1/bin/mypy"
    )
}

# Where rustup has no such target, Debian's compiler makes core and alloc along.
can_compile_for_wasm() {
    node bindings/wasm/build.mjs --check && return
    install_packages rustc-web rust-web-src || return
    node bindings/wasm/build.mjs --check
}

wasm_package() {
    cd bindings/wasm
    cargo fmt --all --check
    npm ci --no-audit --no-fund
    npm run build
    npm run types
    node build.mjs --vectors
    npm test
    if [[ -x ${CHROMIUM:-/usr/bin/chromium} ]]; then
        npm run test:browser
    fi
    cd ../..
}

step_fuzz() {
    if ! has_nightly; then
        echo 'skipped: there is no nightly compiler (`rustup toolchain install nightly`)'
        return
    fi
    python3 fuzz/seeds.py
    python3 fuzz/seeds.py --write
    local targets=(link client_frame relay_frame schema sealed websocket http hub client insider abi)
    # As cargo-fuzz builds them, but for the sanitizer: what it watches is watched for hours, not here.
    local host coverage='-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4'
    coverage+=' -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table'
    host=$(rustc +nightly --version --verbose | sed -n 's/^host: //p')
    # What another compiler builds is of use to no other step: in a folder of its own it does not wait for them.
    local folder=$CARGO_TARGET_DIR/fuzz
    RUSTFLAGS="$coverage --cfg fuzzing" RUSTC_WRAPPER=$PWD/fuzz/uninstrumented CARGO_TARGET_DIR=$folder \
        cargo +nightly build --manifest-path fuzz/Cargo.toml --profile smoke --target "$host" --locked \
        --features schema,http "${targets[@]/#/--bin=}"
    local target
    for target in "${targets[@]}"; do
        mkdir -p "fuzz/seeds/$target" "fuzz/found/$target"
        printf '%s: ' "$target"
        run_seeds "$folder/$host/smoke/$target" "fuzz/seeds/$target" "fuzz/found/$target"
    done
}

# Each input once. What libFuzzer writes meanwhile is of use only where it fails.
run_seeds() {
    local log status=0
    log=$(mktemp)
    "$1" -runs=0 -timeout=30 "${@:2}" >"$log" 2>&1 || status=$?
    if ((status)); then
        cat "$log"
    else
        grep --max-count=1 '^Done' "$log" || tail -n 1 "$log"
    fi
    rm "$log"
    return "$status"
}

# With the flags, and in the folder, of the simulation. The searches in burnchat-core/model/README.md go deeper.
step_model() {
    local folder=$CARGO_TARGET_DIR/sim flags="${RUSTFLAGS-} --cfg burnchat_sim"
    RUSTFLAGS=$flags CARGO_TARGET_DIR=$folder cargo build --profile test --package burnchat-model --locked
    "$folder/debug/burnchat-model" --people 2 --from empty --deeds 1
    "$folder/debug/burnchat-model" --people 2 --history --deeds 2
    "$folder/debug/burnchat-model" --people 3 --deeds 1
}

step_bench() {
    cargo test --workspace --features burnchat-core/aws-lc --locked --bench protocol --bench constant_time
}

case "${1-}" in
-h | --help)
    usage
    exit
    ;;
esac
for step in "$@"; do
    if [[ " ${steps[*]} " != *" $step "* ]]; then
        printf 'test.sh: no step is called %s\n\n' "'$step'" >&2
        usage >&2
        exit 2
    fi
done
(($#)) && steps=("$@")

install_what_is_missing

# What became of each step, a line each; and what each step printed.
outcomes=$(mktemp)
printed=$(mktemp --directory)
trap 'rm -rf "$outcomes" "$printed"' EXIT

run() {
    local step begun status verdict output printer
    for step in "$@"; do
        printf '\n==> %s\n' "$step"
        begun=$SECONDS
        exec {output}> >(tee "$printed/$step")
        printer=$!
        # Not as the condition of an `if`: bash would stop heeding errors inside.
        set +e
        (
            set -e
            "step_$step"
        ) >&"$output" 2>&1
        status=$?
        set -e
        exec {output}>&-
        wait_for_printing "$printer"
        verdict=ok
        ((status == 0)) || verdict=FAILED
        printf '%-14s %-8s %4d s\n' "$step" "$verdict" $((SECONDS - begun)) >>"$outcomes"
    done
}

# The same, with a mark before each line.
run_marked() {
    local output printer
    exec {output}> >(sed --unbuffered "s/^/$1 /")
    printer=$!
    run "${@:2}" >&"$output" 2>&1
    exec {output}>&-
    wait_for_printing "$printer"
}

# Until the process that passes on what was printed is done. Not for longer: a program that was left running has its hands
# on the other end.
wait_for_printing() {
    local tries
    for ((tries = 0; tries < 20; tries++)); do
        kill -0 "$1" 2>/dev/null || break
        sleep 0.1
    done
}

if (($#)); then
    run "$@"
else
    run "${first[@]}"
    build_programs || true
    programs_are_built=yes
    web_packages || true
    packages_are_there=yes
    run_marked '|' "${driving[@]}" &
    beside=($!)
    run_marked ':' "${waiting[@]}" &
    beside+=($!)
    run_marked '>' "${apart[@]}" &
    beside+=($!)
    run "${compiling[@]}"
    wait "${beside[@]}"
    set -- "${steps[@]}"
fi

# A failed step's last lines again, where nobody has to look for them.
while read -r step verdict _; do
    [[ $verdict == FAILED ]] || continue
    printf '\n==> %s failed; its last lines:\n' "$step"
    tail --lines=80 "$printed/$step"
done <"$outcomes"

printf '\n==> summary, %d s in all\n' "$SECONDS"
cat "$outcomes"
(($(grep -c ' ok ' "$outcomes") == $#))

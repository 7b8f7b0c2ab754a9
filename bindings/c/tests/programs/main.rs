//! C programs built as their authors would build them, with both compilers and every warning, and watched while they run.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What a program is linked with besides the library.
const SYSTEM: &[&str] = &["-lpthread", "-ldl", "-lm"];

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where cargo has put the libraries: beside this test.
fn libraries() -> PathBuf {
    std::env::current_exe()
        .unwrap()
        .parent()
        .unwrap()
        .to_owned()
}

fn run(program: impl AsRef<OsStr>, arguments: &[&OsStr]) -> Output {
    Command::new(program.as_ref())
        .args(arguments)
        .env("LD_LIBRARY_PATH", libraries())
        // A freed handle's shell waits for the end of its thread: that is no leak.
        .env("ASAN_OPTIONS", "detect_leaks=1")
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", program.as_ref().display()))
}

fn succeed(program: impl AsRef<OsStr>, arguments: &[&OsStr]) -> Output {
    let output = run(&program, arguments);
    assert!(
        output.status.success(),
        "{} {arguments:?}: {}\n{}{}",
        program.as_ref().display(),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Whether a compiler or checker is there. Where the tests are to be whole, its absence is a failure.
fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    assert!(
        found || std::env::var_os("BURNCHAT_TEST_EVERYTHING").is_none(),
        "{program} is missing"
    );
    found
}

fn build(compiler: &str, source: &str, name: &str, library: &str, more: &[&str]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let program = folder.join(format!("{name}-{compiler}"));
    let source = here().join("../../examples/c").join(source);
    let include = here().join("include");
    let libraries = libraries();
    let mut arguments: Vec<&OsStr> = [
        "-std=c11",
        "-Wall",
        "-Wextra",
        "-Wpedantic",
        "-Werror",
        "-g",
        "-I",
    ]
    .iter()
    .map(OsStr::new)
    .collect();
    arguments.push(include.as_os_str());
    arguments.push(source.as_os_str());
    arguments.extend(more.iter().map(OsStr::new));
    arguments.extend(["-o"].map(OsStr::new));
    arguments.push(program.as_os_str());
    let archive = libraries.join("libburnchat.a");
    if library == "static" {
        arguments.push(archive.as_os_str());
    } else {
        arguments.push(OsStr::new("-L"));
        arguments.push(libraries.as_os_str());
        arguments.push(OsStr::new("-lburnchat"));
    }
    arguments.extend(SYSTEM.iter().map(OsStr::new));
    succeed(compiler, &arguments);
    program
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

const STORY: &str = "ben reads: ana says \"hello ben\"\nana reads: ben says \"hello ana\"\n";

#[test]
fn two_people_talk_and_burn_in_a_program_built_with_gcc() {
    if !has("gcc") {
        return;
    }
    for library in ["static", "shared"] {
        let program = build("gcc", "in_memory.c", library, library, &["-O2"]);
        assert!(told(&succeed(&program, &[])).starts_with(STORY));
    }
}

#[test]
fn two_people_talk_and_burn_in_a_program_built_with_clang() {
    if !has("clang") {
        return;
    }
    let program = build("clang", "in_memory.c", "plain", "static", &["-O2"]);
    assert!(told(&succeed(&program, &[])).starts_with(STORY));
}

#[test]
fn the_sanitizers_find_nothing() {
    if !has("gcc") {
        return;
    }
    let watched = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    let program = build("gcc", "in_memory.c", "sanitized", "static", &watched);
    assert!(told(&succeed(&program, &[])).starts_with(STORY));
}

#[test]
fn valgrind_finds_nothing() {
    if !has("valgrind") || !has("gcc") {
        return;
    }
    let program = build("gcc", "in_memory.c", "watched", "shared", &["-O1"]);
    let arguments: Vec<&OsStr> = [
        "--error-exitcode=9",
        "--leak-check=full",
        "--errors-for-leak-kinds=definite,possible",
    ]
    .iter()
    .map(OsStr::new)
    .chain([program.as_os_str()])
    .collect();
    assert!(told(&succeed("valgrind", &arguments)).starts_with(STORY));
}

#[test]
fn misuse_is_answered_and_not_crashed() {
    if !has("gcc") {
        return;
    }
    let watched = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    let program = build(
        "gcc",
        "../../bindings/c/tests/misuse.c",
        "misuse",
        "static",
        &watched,
    );
    succeed(&program, &[]);
}

#[test]
fn the_shared_library_exports_nothing_but_what_the_header_declares() {
    if !has("nm") {
        return;
    }
    let library = libraries().join("libburnchat.so");
    let output = succeed(
        "nm",
        &["-D", "--defined-only", "--format=posix"]
            .map(OsStr::new)
            .into_iter()
            .chain([library.as_os_str()])
            .collect::<Vec<_>>(),
    );
    let header = std::fs::read_to_string(here().join("include/burnchat.h")).unwrap();
    let mut exported = 0;
    for line in told(&output).lines() {
        let symbol = line.split(' ').next().unwrap();
        assert!(symbol.starts_with("bc_"), "{symbol} is exported");
        assert!(
            header.contains(&format!("{symbol}(")),
            "{symbol} is not in the header"
        );
        exported += 1;
    }
    assert_eq!(exported, declared(&header), "exported, declared");
}

/// How many functions the header declares.
fn declared(header: &str) -> usize {
    header
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '('))
        .filter(|word| word.starts_with("bc_") && word.contains('('))
        .count()
}

//! C programs built as their authors would build them, with both compilers and every warning, and watched while they run.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Output;

#[cfg(test)]
mod chat;
#[cfg(test)]
mod packages;
#[cfg(test)]
mod people;
#[cfg(test)]
mod toolchain;

use toolchain::{Library, SANITIZERS, build, has, here, libraries, succeed, told};

/// Runs a program to its end.
fn run(program: &Path) -> Output {
    succeed::<&str>(program, [])
}

const STORY: &str = "ben reads: ana says \"hello ben\"\nana reads: ben says \"hello ana\"\n";

#[test]
fn two_people_talk_and_burn_in_a_program_built_with_gcc() {
    if !has("gcc") {
        return;
    }
    for (library, name) in [(Library::Static, "static"), (Library::Shared, "shared")] {
        let program = build("gcc", "in_memory.c", name, library, &["-O2"]);
        assert!(told(&run(&program)).starts_with(STORY));
    }
}

#[test]
fn two_people_talk_and_burn_in_a_program_built_with_clang() {
    if !has("clang") {
        return;
    }
    let program = build("clang", "in_memory.c", "plain", Library::Static, &["-O2"]);
    assert!(told(&run(&program)).starts_with(STORY));
}

#[test]
fn the_sanitizers_find_nothing() {
    if !has("gcc") {
        return;
    }
    let program = build(
        "gcc",
        "in_memory.c",
        "sanitized",
        Library::Static,
        SANITIZERS,
    );
    assert!(told(&run(&program)).starts_with(STORY));
}

#[test]
fn valgrind_finds_nothing() {
    if !has("valgrind") || !has("gcc") {
        return;
    }
    let program = build("gcc", "in_memory.c", "watched", Library::Shared, &["-O1"]);
    let arguments = toolchain::VALGRIND
        .iter()
        .map(AsRef::as_ref)
        .chain([program.as_os_str()]);
    assert!(told(&succeed("valgrind", arguments)).starts_with(STORY));
}

#[test]
fn misuse_is_answered_and_not_crashed() {
    if !has("gcc") {
        return;
    }
    let program = build(
        "gcc",
        "../../bindings/c/tests/misuse.c",
        "misuse",
        Library::Static,
        SANITIZERS,
    );
    run(&program);
}

/// As it is shipped, without the sanitizers: they keep what has been freed.
#[cfg(target_os = "linux")]
#[test]
fn what_was_said_is_nowhere_in_memory_when_the_handles_are_freed() {
    if !has("gcc") {
        return;
    }
    let program = build(
        "gcc",
        "../../bindings/c/tests/wiped.c",
        "wiped",
        Library::Static,
        &["-O2"],
    );
    run(&program);
}

#[test]
fn a_program_in_cpp_can_use_the_header() {
    if !has("g++") {
        return;
    }
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("header-cpp");
    let mut build = toolchain::command("g++");
    build
        .args([
            "-std=c++17",
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Werror",
            "-I",
        ])
        .arg(here().join("include"))
        .arg(here().join("tests/header.cpp"))
        .arg("-o")
        .arg(&program)
        .arg("-L")
        .arg(libraries())
        .arg("-lburnchat");
    toolchain::succeeded(&mut build);
    run(&program);
}

#[test]
fn the_shared_library_exports_nothing_but_what_the_header_declares() {
    if !has("nm") {
        return;
    }
    let library = libraries().join("libburnchat.so");
    let flags = ["-D", "--defined-only", "--format=posix"].map(OsStr::new);
    let output = succeed("nm", flags.into_iter().chain([library.as_os_str()]));
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

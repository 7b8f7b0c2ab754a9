//! Compilers and checkers, and programs built as their authors would build them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What a program is linked with besides the library.
const SYSTEM: &[&str] = &["-lpthread", "-ldl", "-lm"];
const WARNINGS: &[&str] = &["-Wall", "-Wextra", "-Wpedantic", "-Werror"];
pub(crate) const SANITIZERS: &[&str] =
    &["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
pub(crate) const VALGRIND: &[&str] = &[
    "--quiet",
    "--error-exitcode=9",
    "--leak-check=full",
    "--errors-for-leak-kinds=definite,possible",
];

/// The chat program's files.
pub(crate) const CHAT: &[&str] = &[
    "chat.c",
    "clock.c",
    "connection.c",
    "create.c",
    "input.c",
    "screen.c",
];

pub(crate) fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where cargo has put the libraries: beside this test.
pub(crate) fn libraries() -> PathBuf {
    std::env::current_exe()
        .unwrap()
        .parent()
        .unwrap()
        .to_owned()
}

/// A command, in the environment that programs of these tests run in.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command
        .env("LD_LIBRARY_PATH", libraries())
        // A freed handle's shell waits for the end of its thread: that is no leak.
        .env("ASAN_OPTIONS", "detect_leaks=1");
    command
}

pub(crate) fn succeed<A: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item = A>,
) -> Output {
    succeeded(command(program).args(arguments))
}

pub(crate) fn succeeded(command: &mut Command) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

pub(crate) fn told(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Whether a compiler or checker is there. Where the tests are to be whole, its absence is a failure.
pub(crate) fn has(program: &str) -> bool {
    // OpenSSL has words where others have options.
    let version = if program == "openssl" {
        "version"
    } else {
        "--version"
    };
    there_is(Command::new(program).arg(version), program)
}

/// Whether pkg-config knows of a library, of this version or a newer one.
pub(crate) fn has_library(library: &str) -> bool {
    has("pkg-config")
        && there_is(
            Command::new("pkg-config").args(["--exists", library]),
            library,
        )
}

fn there_is(question: &mut Command, what: &str) -> bool {
    let found = question
        .output()
        .is_ok_and(|answer| answer.status.success());
    assert!(
        found || std::env::var_os("BURNCHAT_TEST_EVERYTHING").is_none(),
        "{what} is missing"
    );
    found
}

/// What pkg-config says, word by word.
pub(crate) fn flags(library: &str) -> Vec<String> {
    told(&succeed("pkg-config", ["--cflags", "--libs", library]))
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

/// How a program is built.
pub(crate) struct Recipe<'a> {
    pub(crate) compiler: &'a str,
    /// Files, seen from `examples/c`.
    pub(crate) sources: &'a [&'a str],
    /// What the program is called.
    pub(crate) name: &'a str,
    pub(crate) library: Library,
    /// Flags of this program's own.
    pub(crate) flags: Vec<String>,
}

#[derive(Clone, Copy)]
pub(crate) enum Library {
    Static,
    Shared,
}

impl Recipe<'_> {
    /// Builds the program as C11, with every warning an error.
    pub(crate) fn build(&self) -> PathBuf {
        let program =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{}", self.name, self.compiler));
        let mut build = command(self.compiler);
        build
            .args(["-std=c11", "-g", "-I"])
            .arg(here().join("include"))
            .args(WARNINGS);
        for source in self.sources {
            build.arg(here().join("../../examples/c").join(source));
        }
        build.args(&self.flags).arg("-o").arg(&program);
        match self.library {
            Library::Static => build.arg(libraries().join("libburnchat.a")),
            Library::Shared => build.arg("-L").arg(libraries()).arg("-lburnchat"),
        };
        succeeded(build.args(SYSTEM));
        program
    }
}

/// Builds a program that is one file.
pub(crate) fn build(
    compiler: &str,
    source: &str,
    name: &str,
    library: Library,
    flags: &[&str],
) -> PathBuf {
    Recipe {
        compiler,
        sources: &[source],
        name,
        library,
        flags: flags.iter().map(|&flag| flag.to_owned()).collect(),
    }
    .build()
}

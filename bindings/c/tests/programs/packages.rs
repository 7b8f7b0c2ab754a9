//! `install.sh`, and programs of people who have nothing but what it installs.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::toolchain::{command, has, has_library, here, libraries, succeeded, told};

/// Where the library has been installed.
fn prefix() -> &'static Path {
    static PREFIX: OnceLock<PathBuf> = OnceLock::new();
    PREFIX.get_or_init(|| {
        // A space, as it stands in some people's paths, is not for pkg-config.
        let prefix = Path::new(env!("CARGO_TARGET_TMPDIR")).join("installed");
        let mut install = command(here().join("install.sh"));
        succeeded(install.arg("--from").arg(libraries()).arg(&prefix));
        prefix
    })
}

fn says_hello(program: &Path) {
    let mut run = command(program);
    let output = succeeded(run.env("LD_LIBRARY_PATH", prefix().join("lib")));
    assert!(told(&output).starts_with("ben reads: ana says \"hello ben\"\n"));
}

#[test]
fn pkg_config_knows_how_a_program_is_built() {
    if !has("gcc") || !has("pkg-config") {
        return;
    }
    let mut question = command("pkg-config");
    question
        .args(["--cflags", "--libs", "burnchat"])
        .env("PKG_CONFIG_PATH", prefix().join("lib/pkgconfig"));
    let flags = told(&succeeded(&mut question));
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("by-pkg-config");
    let mut build = command("gcc");
    build
        .arg(here().join("../../examples/c/in_memory.c"))
        .args(flags.split_whitespace())
        .arg("-o")
        .arg(&program);
    succeeded(&mut build);
    says_hello(&program);
}

#[test]
fn cmake_builds_the_examples() {
    if !has("cmake") || !has("gcc") || !has_library("libwebsockets") {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("by-cmake");
    // What an earlier run has left was made of another library.
    let _ = std::fs::remove_dir_all(&folder);
    let mut configure = command("cmake");
    configure
        .arg("-S")
        .arg(here().join("../../examples/c"))
        .arg("-B")
        .arg(&folder)
        .arg("-DCMAKE_C_COMPILER=gcc")
        .arg(format!("-DCMAKE_PREFIX_PATH={}", prefix().display()));
    succeeded(&mut configure);
    succeeded(command("cmake").arg("--build").arg(&folder));
    says_hello(&folder.join("in_memory"));
    assert!(folder.join("chat").exists());
}

#[test]
fn cmake_takes_no_other_version() {
    if !has("cmake") {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("other-version");
    std::fs::create_dir_all(&folder).unwrap();
    let project = "cmake_minimum_required(VERSION 3.18)\nproject(other NONE)\n";
    std::fs::write(folder.join("CMakeLists.txt"), format!("{project}find_package(burnchat 7.0)\nif(burnchat_FOUND)\nmessage(FATAL_ERROR found)\nendif()\nfind_package(burnchat 0.1 REQUIRED)\n")).unwrap();
    let mut configure = command("cmake");
    configure
        .arg("-S")
        .arg(&folder)
        .arg("-B")
        .arg(folder.join("build"))
        .arg(format!("-DCMAKE_PREFIX_PATH={}", prefix().display()));
    succeeded(&mut configure);
}

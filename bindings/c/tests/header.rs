//! The header that is committed is the one the code makes.

use std::fs;
use std::path::Path;

/// How to write the header anew: `BURNCHAT_WRITE_HEADER=1 cargo test -p burnchat-ffi --test header`.
const WRITE: &str = "BURNCHAT_WRITE_HEADER";

#[test]
fn the_header_is_the_one_the_code_makes() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(here.join("cbindgen.toml")).unwrap();
    let mut made = Vec::new();
    let mut builder = cbindgen::Builder::new().with_config(config);
    // In the order in which they are read, without a call of cargo.
    for file in [
        "version", "codes", "values", "event", "room", "client", "hub",
    ] {
        builder = builder.with_src(here.join("src").join(file).with_extension("rs"));
    }
    builder.generate().unwrap().write(&mut made);
    let path = here.join("include/burnchat.h");
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, &made).unwrap();
    }
    let committed = fs::read(&path).unwrap();
    assert!(
        committed == made,
        "include/burnchat.h is not what the code makes; `{WRITE}=1 cargo test -p burnchat-ffi --test header` writes it"
    );
}

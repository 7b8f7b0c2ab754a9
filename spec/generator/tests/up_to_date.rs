//! The files in the repository are the ones that are made here.

use burnchat_spec_generator::{differences, spec_folder};

#[test]
fn no_file_is_missing_differs_or_is_too_many() {
    let found = differences(&spec_folder()).unwrap();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

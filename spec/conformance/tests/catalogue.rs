//! The requirements catalogue against the spec and the cases, and `spec/coverage.md` against both.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail by panicking"
)]

use std::collections::BTreeSet;

use burnchat_conformance::coverage::{self, Listed};
use burnchat_conformance::relay::limits::{PREFIX, RECOMMENDED};
use burnchat_conformance::requirements::{self, Requirement};

fn spec() -> String {
    one_line(&std::fs::read_to_string("../burnchat-1.md").unwrap())
}

/// Line breaks mean nothing.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn all() -> Vec<Requirement> {
    requirements::read().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_requirement_quotes_the_spec() {
    let spec = spec();
    for requirement in all() {
        assert!(
            spec.contains(&one_line(&requirement.quote)),
            "{} quotes what the spec does not say: {}",
            requirement.id,
            requirement.quote
        );
    }
}

#[test]
fn every_requirement_is_of_a_section_and_has_a_name_of_its_own() {
    let text = std::fs::read_to_string("../burnchat-1.md").unwrap();
    let sections: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' '))
        .filter_map(|heading| heading.split(' ').next())
        .map(|number| number.trim_end_matches('.'))
        .collect();
    let mut seen = BTreeSet::new();
    for requirement in all() {
        assert!(
            sections.contains(requirement.section()),
            "{}",
            requirement.id
        );
        assert!(
            seen.insert(requirement.id.clone()),
            "twice: {}",
            requirement.id
        );
    }
}

#[test]
fn every_requirement_has_cases_or_a_reason_why_none_can_exist() {
    let cases = coverage::cases();
    for requirement in all() {
        let shown = cases
            .iter()
            .any(|case| case.requirements.contains(&requirement.id.as_str()));
        assert_ne!(
            shown,
            requirement.untestable.is_some(),
            "{} needs a case or a reason, and not both",
            requirement.id
        );
    }
}

#[test]
fn every_case_shows_what_is_in_the_catalogue_and_is_named_by_a_section_of_it() {
    let all = all();
    let sections: BTreeSet<&str> = all.iter().map(Requirement::section).collect();
    let mut seen = BTreeSet::new();
    for Listed {
        suite,
        name,
        requirements,
    } in coverage::cases()
    {
        assert!(seen.insert((suite, name)), "twice: {name}");
        assert!(!requirements.is_empty(), "{name} shows nothing");
        for id in requirements {
            assert!(
                all.iter().any(|requirement| requirement.id == *id),
                "{name}: {id}"
            );
        }
        let section = name.split('/').nth(1).unwrap_or_default();
        assert!(
            sections.contains(section),
            "{name}: no requirement of section {section}"
        );
    }
}

#[test]
fn the_table_in_the_repository_is_this_one() {
    let table = std::fs::read_to_string("../coverage.md").unwrap_or_default();
    assert!(
        table == coverage::table(),
        "spec/coverage.md is not what `cargo run -p burnchat-conformance -- coverage > spec/coverage.md` writes"
    );
}

#[test]
fn the_readme_has_the_limits_that_are_asked_for() {
    let readme = std::fs::read_to_string("README.md").unwrap();
    for (name, value, meaning) in RECOMMENDED {
        let row = format!("| `{PREFIX}{name}` | `{value}` | {meaning} |");
        assert!(readme.contains(&row), "{row}");
    }
}

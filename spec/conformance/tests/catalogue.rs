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

#[test]
fn every_must_and_should_of_the_spec_lies_in_a_quote() {
    let spec = spec();
    // The paragraph that says what the words mean is none of them.
    let (_, after) = spec.split_once("The key words").unwrap();
    let rules = after.split_once(" ## 1. ").unwrap().1;
    let quotes: Vec<String> = all()
        .iter()
        .map(|requirement| one_line(&requirement.quote))
        .collect();
    let quoted: Vec<_> = quotes
        .iter()
        .flat_map(|quote| rules.match_indices(quote.as_str()))
        .map(|(start, quote)| start..start + quote.len())
        .collect();
    for word in ["MUST", "SHOULD"] {
        for (place, _) in rules.match_indices(word) {
            let context: String = rules
                .chars()
                .skip(rules[..place].chars().count())
                .take(90)
                .collect();
            assert!(
                quoted.iter().any(|range| range.contains(&place)),
                "no requirement quotes: …{context}…"
            );
        }
    }
}

#[test]
fn every_section_with_rules_has_requirements() {
    // Words, and reasons.
    const WITHOUT_RULES: [&str; 4] = ["1", "17.1", "17.5", "17.8"];
    let all = all();
    let text = std::fs::read_to_string("../burnchat-1.md").unwrap();
    let sections: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("## ") || line.starts_with("### "))
        .filter_map(|line| line.split(' ').nth(1))
        .map(|number| number.trim_end_matches('.'))
        .filter(|number| number.starts_with(|c: char| c.is_ascii_digit()))
        .collect();
    assert!(sections.len() > 40, "{sections:?}");
    for section in &sections {
        let has_sections = sections
            .iter()
            .any(|other| other.starts_with(&format!("{section}.")));
        let has_requirements = all
            .iter()
            .any(|requirement| requirement.section() == *section);
        assert!(
            has_requirements || has_sections || WITHOUT_RULES.contains(section),
            "section {section} has no requirement"
        );
    }
}

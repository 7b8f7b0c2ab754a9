//! Which cases show what of the spec: the table `spec/coverage.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::case::Case;
use crate::requirements::{self, Requirement};
use crate::{client, relay, vectors};

/// A case of any suite.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    /// The subcommand that runs it.
    pub suite: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it shows.
    pub requirements: &'static [&'static str],
}

/// The cases of all suites.
#[must_use]
pub fn cases() -> Vec<Listed> {
    fn listed<T>(suite: &'static str, cases: &'static [Case<T>]) -> impl Iterator<Item = Listed> {
        cases.iter().map(move |case| Listed {
            suite,
            name: case.name,
            requirements: case.requirements,
        })
    }
    listed("relay", relay::cases())
        .chain(listed("client", client::cases()))
        .chain(listed("vectors", vectors::cases()))
        .collect()
}

/// The text of `spec/coverage.md`.
#[must_use]
pub fn table() -> String {
    let cases = cases();
    let mut sections: BTreeMap<Vec<u32>, Vec<&Requirement>> = BTreeMap::new();
    for requirement in requirements::all() {
        let section = number_of(requirement.section());
        sections.entry(section).or_default().push(requirement);
    }

    let mut text = String::from(HEAD);
    let shown = requirements::all()
        .iter()
        .filter(|requirement| cases.iter().any(|case| shows(case, requirement)))
        .count();
    let _ = writeln!(
        text,
        "{} requirements: {shown} have cases, {} have a reason why none can exist. {} cases.\n",
        requirements::all().len(),
        requirements::all().len() - shown,
        cases.len()
    );
    for (section, requirements) in sections {
        let section: Vec<String> = section.iter().map(u32::to_string).collect();
        let _ = writeln!(text, "## {}\n", section.join("."));
        text.push_str("| requirement | of | level | what | cases |\n|---|---|---|---|---|\n");
        for requirement in requirements {
            let mut names: Vec<String> = cases
                .iter()
                .filter(|case| shows(case, requirement))
                .map(|case| format!("{} `{}`", case.suite, case.name))
                .collect();
            if let Some(reason) = &requirement.untestable {
                names.push(format!("none: {reason}"));
            }
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} | {} |",
                requirement.id,
                requirement.side.word(),
                format!("{:?}", requirement.level).to_uppercase(),
                requirement.text.replace('|', "\\|"),
                names.join("<br>"),
            );
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

const HEAD: &str = "\
# What of the spec is tested, and by which cases

Made by `burnchat-conformance coverage`; a test compares it. The requirements are those of
[`conformance/requirements/`](conformance/requirements/), which quotes the spec for each; the cases are run by
`burnchat-conformance relay`, `client` and `vectors`.

";

fn shows(case: &Listed, requirement: &Requirement) -> bool {
    case.requirements.contains(&requirement.id.as_str())
}

fn number_of(section: &str) -> Vec<u32> {
    section
        .split('.')
        .filter_map(|part| part.parse().ok())
        .collect()
}

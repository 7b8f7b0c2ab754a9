//! The client suite, tested itself: clients that are broken on purpose, each of which at least one case has to catch.
//!
//! The mutants are the web client with a few words of its source replaced as it is loaded (`mutants/client.json`); no
//! build has them in it. Run by `./test.sh clients`; needs Node:
//!
//! ```text
//! cargo test -p burnchat-conformance --test client_mutants -- --ignored --nocapture
//! ```
//!
//! Each mutant is put under the cases that are to catch it, or under all with `BURNCHAT_MUTANTS=full`.

#![expect(
    clippy::unwrap_used,
    reason = "where it fails, something is wrong with the files, and a test is to stop"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use burnchat_conformance::client::{self, Target};
use burnchat_conformance::run::{self, Options};
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

#[derive(Deserialize)]
struct Mutant {
    name: String,
    about: String,
    file: String,
    edits: Vec<Edit>,
    caught_by: Vec<String>,
}

#[derive(Deserialize)]
struct Edit {
    find: String,
    replace: String,
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn mutants() -> Vec<Mutant> {
    serde_json::from_str(include_str!("../mutants/client.json")).unwrap()
}

#[test]
fn every_mutant_changes_what_it_says_and_names_cases_there_are() {
    let mutants = mutants();
    let names: BTreeSet<&str> = mutants.iter().map(|mutant| mutant.name.as_str()).collect();
    assert_eq!(names.len(), mutants.len(), "two mutants of one name");
    let cases: BTreeSet<&str> = client::cases().iter().map(|case| case.name).collect();
    for mutant in &mutants {
        let path = repository().join("examples/web").join(&mutant.file);
        let source = std::fs::read_to_string(&path).unwrap();
        for Edit { find, replace } in &mutant.edits {
            let found = source.matches(find.as_str()).count();
            assert_eq!(found, 1, "{}: {find:?} in {}", mutant.name, mutant.file);
            assert_ne!(find, replace, "{}", mutant.name);
        }
        assert!(!mutant.caught_by.is_empty() && !mutant.about.is_empty());
        for case in &mutant.caught_by {
            assert!(
                cases.contains(case.as_str()),
                "{}: no case {case}",
                mutant.name
            );
        }
    }
}

#[ignore = "takes a minute and needs Node"]
#[tokio::test(flavor = "multi_thread")]
async fn every_mutant_is_caught() {
    let full = std::env::var("BURNCHAT_MUTANTS").is_ok_and(|wanted| wanted == "full");
    let begun = Instant::now();
    // The machine's, not the network's, time is what this costs.
    let places = Arc::new(Semaphore::new(if full { 1 } else { 4 }));
    let mut running = JoinSet::new();
    for (place, mutant) in mutants().into_iter().enumerate() {
        let places = places.clone();
        running.spawn(async move {
            let _place = places.acquire_owned().await;
            let options = Options {
                only: if full {
                    Vec::new()
                } else {
                    mutant.caught_by.clone()
                },
                jobs: if full { 12 } else { 3 },
                patience: Duration::from_secs(60),
                ..Options::default()
            };
            let target = Arc::new(Target::new(&command(&mutant.name)));
            let done = run::run(client::cases(), target, &options, &mut []).await;
            let caught: Vec<&str> = done
                .iter()
                .filter(|case| case.verdict.failed())
                .map(|case| case.name)
                .collect();
            (place, mutant, caught)
        });
    }
    let mut all = running.join_all().await;
    all.sort_by_key(|(place, ..)| *place);

    let mut survivors = Vec::new();
    for (_, mutant, caught) in &all {
        let named: Vec<&&str> = caught
            .iter()
            .filter(|case| mutant.caught_by.iter().any(|named| named == **case))
            .collect();
        let more = caught.len() - named.len();
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        let verdict = if named.is_empty() {
            "SURVIVES"
        } else {
            "caught"
        };
        println!("{verdict:8} {:36} {named:?}{more}", mutant.name);
        if named.is_empty() {
            survivors.push(mutant.name.as_str());
        }
    }
    println!("{} mutants in {} s", all.len(), begun.elapsed().as_secs());
    assert!(survivors.is_empty(), "nobody caught {survivors:?}");
}

/// The web client's shim, with a mutant in it.
fn command(mutant: &str) -> String {
    let root = repository().canonicalize().unwrap();
    let root = root.display();
    format!(
        "env BURNCHAT_MUTANT={mutant} node --import {root}/spec/conformance/mutants/mutate.mjs {root}/examples/web/shim/main.js"
    )
}

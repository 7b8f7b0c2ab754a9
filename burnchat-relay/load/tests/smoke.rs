//! The program runs, finds nothing lost, and says what it found. How fast anything is, is no test's business.

#[cfg(test)]
mod program;

use serde_json::Value;

use self::program::{measure, relay_load};

#[test]
fn each_kind_of_scenario_is_measured_and_nothing_is_lost() {
    let found = measure(&[
        "--quick",
        "--millis=50",
        "--people=100",
        "--server=burnchat",
        "--server=axum",
        "--server=fastwebsockets",
        "--scenario=fan-out-50",
        "--scenario=paced-100",
        "--scenario=connections",
        "--scenario=crowd",
    ]);
    let scenarios = found["scenarios"].as_array().unwrap();
    assert_eq!(scenarios.len(), 4);
    for scenario in scenarios {
        let rows = scenario["rows"].as_array().unwrap();
        // The end of everything is the relay's alone.
        let expected = if scenario["scenario"] == "crowd" {
            1
        } else {
            3
        };
        assert_eq!(rows.len(), expected, "{scenario}");
        for row in rows {
            let figures = row["figures"].as_object();
            assert!(figures.is_some_and(|figures| !figures.is_empty()), "{row}");
        }
    }
}

#[test]
fn what_cannot_be_measured_is_told_and_fails() {
    let output = relay_load()
        .args(["--quick", "--json", "--scenario=rooms", "--relay=/nowhere"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let why = found["scenarios"][0]["rows"][0]["failed"].as_str().unwrap();
    assert!(why.contains("burnchat-relay does not start"), "{why}");
}

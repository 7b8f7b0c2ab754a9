//! The program runs, finds nothing lost, and says what it found. How fast anything is, is no test's business.

#[cfg(test)]
mod program;

use serde_json::Value;

use self::program::{column, measure, measure_by, relay, relay_load};

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

#[test]
fn relays_that_share_rooms_are_told_by_one_that_does_not() {
    let found = measure_by("cluster", &["--scenario=eights-paced", "--relays=2"]);
    let rows = found["scenarios"][0]["rows"].as_array().unwrap();
    assert_eq!(rows[0]["server"], "no cluster");
    assert_eq!(rows[1]["server"], "2 relays, Redis");
    assert_eq!(column(&found, "deliveries_times")[0], 1.0);
    assert!(column(&found, "cpu_times").iter().all(|times| *times > 0.0));
    let of_redis = &rows[1]["figures"];
    for figure in [
        "redis_cpu_us_per_message",
        "redis_bytes_per_message",
        "redis_scripts_per_message",
        "redis_publishes_per_message",
    ] {
        assert!(of_redis[figure].as_f64().unwrap() > 0.0, "{of_redis}");
        assert!(rows[0]["figures"][figure].is_null(), "{found}");
    }
}

#[test]
fn all_rooms_of_a_killed_relay_go_on() {
    let found = measure_by("take-over", &["--rooms=3", "--kept=2"]);
    // Nobody takes a room over that is another's.
    assert!(column(&found, "first_after_ms")[0] > 1_000.0, "{found}");
    assert!(column(&found, "last_after_ms")[0] >= column(&found, "first_after_ms")[0]);
    assert!(column(&found, "successor_cpu_us_per_room")[0] > 0.0);
}

#[test]
fn rooms_and_what_they_keep_take_memory() {
    let found = measure_by("kept", &["--rooms=60", "--kept=30"]);
    for figure in ["redis_key_bytes_per_room", "redis_bytes_per_entry"] {
        assert!(column(&found, figure)[0] > 100.0, "{found}");
    }
}

#[test]
fn each_way_to_tell_others_is_measured() {
    let found = measure_by("bus", &["--members=1"]);
    let told = column(&found, "messages_per_second");
    assert_eq!(told.len(), 4);
    assert!(told.iter().all(|told| *told > 0.0), "{found}");
}

#[test]
fn a_relay_is_held_against_another_build_of_it() {
    let other = relay();
    let found = measure_by("against", &["--scenario=pairs", other.to_str().unwrap()]);
    assert_eq!(column(&found, "cpu_times").len(), 2);
}

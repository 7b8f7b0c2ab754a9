//! The client machine follows the transcripts of `spec/transcripts/`, read from disk, step by step.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail by panicking, and so may what it calls"
)]

mod transcripts {
    mod client;

    use std::{fs, path::Path};

    use serde_json::Value;

    use client::Follower;

    fn follow(name: &str, steps: usize) {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../spec/transcripts/{name}.json"));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let transcript: Value = serde_json::from_str(&text).unwrap();
        let mut follower = Follower::new(&transcript);
        let all = transcript["steps"].as_array().unwrap();
        for (number, step) in all.iter().enumerate() {
            follower.take(step, &format!("{name}, step {number}"));
        }
        follower.assert_passive();
        assert_eq!(all.len(), steps, "{name}: steps");
    }

    macro_rules! stories {
        ($($test:ident: $file:literal, $steps:literal;)*) => {$(
            #[test]
            fn $test() {
                follow($file, $steps);
            }
        )*

        #[test]
        fn every_transcript_is_followed() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/transcripts");
            let mut found: Vec<_> = fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
                .collect();
            found.sort();
            let mut followed = vec![$($file),*];
            followed.sort_unstable();
            assert_eq!(found, followed);
        }};
    }

    stories! {
        talk: "talk", 36;
        late_join: "late-join", 8;
        kick_and_new_ticket: "kick-and-new-ticket", 11;
        take_over: "take-over", 10;
        resume: "resume", 12;
        history: "history", 19;
        hold: "hold", 11;
        gap: "gap", 7;
        alone: "alone", 12;
        burn: "burn", 8;
    }
}

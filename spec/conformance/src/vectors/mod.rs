//! The test vectors, put to a shim of pure functions (`spec/shim.md`, section 8).

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value has null where a member is missing, and frames that are changed are objects"
)]

mod calls;
mod own;
mod process;

use std::process::ExitCode;
use std::sync::{Arc, LazyLock};

use serde_json::Value;

use self::calls::{Expected, calls};
use crate::case;
use crate::case::{Case, Outcome, Stop, fail};
use crate::cli::{self, CannotRun, RunOptions};
use crate::context::Context;
use crate::run;

/// The implementation under test.
#[derive(Debug)]
pub struct Target {
    /// The command of its shim; burnchat-core itself if there is none.
    shim: Option<String>,
}

impl Target {
    /// The implementation that this command starts, or burnchat-core.
    #[must_use]
    pub fn new(shim: Option<&str>) -> Self {
        let strip = |shim: &str| shim.trim().trim_end_matches(" --json").to_owned();
        Self {
            shim: shim.map(strip),
        }
    }
}

/// The command line of `vectors`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The command that starts the shim, its words separated by spaces; without it our own functions are put to the test
    #[arg(long, value_name = "COMMAND")]
    shim: Option<String>,

    #[command(flatten)]
    run: RunOptions,
}

/// What a function answers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Output(Value),
    Refused(Option<String>),
    NotImplemented,
}

macro_rules! groups {
    ($($file:literal $group:literal $function:ident $section:literal [$($requirement:literal),*];)*) => {
        $(
            async fn $function(context: &Context<Target>) -> Outcome {
                check(context, $file, $group).await
            }
        )*

        /// The suite: a case for each group of the vectors.
        #[must_use]
        pub fn cases() -> &'static [Case<Target>] {
            static CASES: LazyLock<Vec<Case<Target>>> = LazyLock::new(|| vec![
                $(case!(concat!("vectors/", $section, "/", $file, "/", $group), [$($requirement),*], $function),)*
            ]);
            &CASES
        }
    };
}

groups! {
    "encoding" "label_encoding" label_encoding "3" ["3/label-encoding"];
    "encoding" "base64url" base64url "3" ["3/base64url-text"];
    "primitives" "sha256" sha256 "3" ["3/primitives"];
    "primitives" "hmac" hmac "3" ["3/primitives"];
    "primitives" "hkdf" hkdf "3" ["3/primitives"];
    "primitives" "aes_kw" aes_kw "3" ["3/primitives"];
    "primitives" "aes_gcm" aes_gcm "3" ["3/primitives"];
    "primitives" "public_keys" public_keys "3" ["3/public-keys"];
    "primitives" "private_keys" private_keys "3" ["3/private-keys"];
    "primitives" "ecdh" ecdh "3" ["3/primitives"];
    "primitives" "ecdsa" ecdsa "3" ["3/signatures"];
    "link" "room_ids" room_ids "4" ["4/room-id-derived"];
    "link" "links" links "4" ["4/link-layout"];
    "link" "malformed" malformed "4" ["4/link-refusals"];
    "identity" "room_keys" room_keys "5.1" ["5.1/room-keys"];
    "identity" "identities" identities "5.2" ["5.2/participant-id"];
    "identity" "join_proofs" join_proofs "5.3" ["5.3/join-proof"];
    "names" "sealed_names" sealed_names "5.4" ["5.4/sealed-name"];
    "names" "own_names" own_names "5.5" ["5.5/own-names"];
    "names" "fallback_names" fallback_names "5.5" ["5.5/fallback-name"];
    "names" "anonymous_names" anonymous_names "5.5" ["5.5/fallback-name"];
    "names" "tags" tags "5.5" ["5.5/tags"];
    "names" "shown_names" shown_names "5.5" ["5.5/shown-name"];
    "names" "clashes" clashes "5.5" ["5.5/name-clash"];
    "roster" "roster_hashes" roster_hashes "6.2" ["6.2/roster-hash"];
    "epochs" "wraps" wraps "7.2" ["7.2/kek"];
    "epochs" "key_frames" key_frames "7.2" ["7.2/epoch-id", "7.2/commit"];
    "epochs" "backs" backs "9.2" ["9.2/back-key"];
    "chains" "chains" chains "8.1" ["8.1/chains"];
    "plaintexts" "layouts" layouts "8.3" ["8.3/layout"];
    "plaintexts" "unreadable" unreadable "8.3" ["8.5/unreadable-plaintext"];
    "plaintexts" "padded_lengths" padded_lengths "8.3" ["8.3/padded-length"];
    "plaintexts" "paddings" paddings "8.3" ["8.3/padded-length"];
    "envelopes" "envelopes" envelopes "8.2" ["8.2/envelope-bytes"];
    "verification" "codes" codes "10" ["10/codes"];
    "frames" "client_frames" client_frames "13.2" ["13.2/client-frames"];
    "frames" "client_frames_refused" client_frames_refused "13.1" ["13.1/frames-refused"];
    "frames" "relay_frames" relay_frames "13.3" ["13.3/relay-frames"];
    "frames" "relay_frames_refused" relay_frames_refused "13.1" ["13.1/frames-refused"];
    "frames" "request_bodies" request_bodies "11.1" ["11.1/request-bodies"];
    "frames" "request_bodies_refused" request_bodies_refused "11.1" ["13.1/frames-refused"];
    "errors" "errors" errors "15" ["15/registry"];
    "limits" "fixed" fixed "16" ["16/fixed-limits"];
}

/// Does what the command line says.
///
/// # Errors
/// It could not be run.
pub async fn main(options: Options) -> Result<ExitCode, CannotRun> {
    if options.run.list {
        let names = cases().iter().map(|case| case.name);
        return Ok(cli::list(names, &options.run)?);
    }
    let target = Target::new(options.shim.as_deref());
    let mut reporters = options.run.reporters("vectors")?;
    let done = run::run(
        cases(),
        Arc::new(target),
        &options.run.run(),
        &mut reporters,
    )
    .await;
    Ok(cli::exit_code(&done))
}

const FILES: [(&str, &str); 14] = [
    ("chains", include_str!("../../../vectors/chains.json")),
    ("encoding", include_str!("../../../vectors/encoding.json")),
    ("envelopes", include_str!("../../../vectors/envelopes.json")),
    ("epochs", include_str!("../../../vectors/epochs.json")),
    ("errors", include_str!("../../../vectors/errors.json")),
    ("frames", include_str!("../../../vectors/frames.json")),
    ("identity", include_str!("../../../vectors/identity.json")),
    ("limits", include_str!("../../../vectors/limits.json")),
    ("link", include_str!("../../../vectors/link.json")),
    ("names", include_str!("../../../vectors/names.json")),
    (
        "plaintexts",
        include_str!("../../../vectors/plaintexts.json"),
    ),
    (
        "primitives",
        include_str!("../../../vectors/primitives.json"),
    ),
    ("roster", include_str!("../../../vectors/roster.json")),
    (
        "verification",
        include_str!("../../../vectors/verification.json"),
    ),
];

/// The cases of a group, each with what is given to all of them.
fn vectors(file: &str, group: &str) -> Vec<Value> {
    let text = FILES
        .iter()
        .find(|(name, _)| *name == file)
        .map(|(_, text)| *text);
    let document: Value = text
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let groups = document["groups"].as_array().cloned().unwrap_or_default();
    let Some(found) = groups.into_iter().find(|one| one["name"] == group) else {
        return Vec::new();
    };
    let cases = found["cases"].as_array().cloned().unwrap_or_default();
    cases
        .into_iter()
        .map(|mut case| {
            if let (Some(given), Some(case)) = (found["given"].as_object(), case.as_object_mut()) {
                for (key, value) in given {
                    case.entry(key.clone()).or_insert_with(|| value.clone());
                }
            }
            case
        })
        .collect()
}

async fn check(context: &Context<Target>, file: &str, group: &str) -> Outcome {
    let mut wanted = Vec::new();
    for case in vectors(file, group) {
        let id = case["id"].as_str().unwrap_or_default().to_owned();
        for call in calls(file, group, &case) {
            wanted.push((id.clone(), call));
        }
    }
    if wanted.is_empty() {
        return fail("vectors to put", "none");
    }
    let lines: Vec<(&str, &Value)> = wanted
        .iter()
        .map(|(_, call)| (call.name, &call.input))
        .collect();
    let answers = match &context.target.shim {
        None => lines
            .iter()
            .map(|(name, input)| own::answer(name, input))
            .collect(),
        Some(shim) => process::ask(shim, &lines, &context.log).await?,
    };
    let mut lacking = 0;
    for ((id, call), answer) in wanted.iter().zip(&answers) {
        match call.judge(answer) {
            Ok(true) => {}
            Ok(false) => lacking += 1,
            Err((expected, got)) => {
                return fail(format!("{id}: {} to give {expected}", call.name), got);
            }
        }
    }
    if lacking == wanted.len() {
        let name = wanted.first().map_or("", |(_, call)| call.name);
        return Err(Stop::NotImplemented(format!(
            "{name} and what else these vectors need"
        )));
    }
    Ok(())
}

impl Expected {
    fn shown(&self) -> String {
        match self {
            Self::Output(value) => shortened(&value.to_string()),
            Self::Prefix(member, value) => {
                format!("`{member}` beginning with {}", shortened(value))
            }
            Self::Differs(member, value) => format!("`{member}` other than {}", shortened(value)),
            Self::Refused(error) => format!("a refusal, {error:?}"),
            Self::Sha256(member, digest) => format!("`{member}` with the hash {digest}"),
        }
    }
}

fn shortened(text: &str) -> String {
    if text.chars().count() < 300 {
        return text.to_owned();
    }
    text.chars().take(300).chain("…".chars()).collect()
}

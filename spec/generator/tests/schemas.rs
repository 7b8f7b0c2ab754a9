//! The schemas in the repository, held to the frames of vectors and transcripts.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "where it fails, something is wrong with the files, and a test is to stop"
)]

use std::{collections::BTreeMap, fs, path::Path};

use burnchat_spec_generator::spec_folder;
use jsonschema::Validator;
use serde_json::Value;

/// What the reader refuses and no schema can, because it is gone before there is a value to look at, or because the
/// schema's data model does not tell it from what is allowed.
const BEYOND_A_SCHEMA: [&str; 23] = [
    // How long the text is.
    "frames/client_frames_refused/too-large",
    "frames/relay_frames_refused/too-large",
    // A repeated member: most parsers keep one of the two and say nothing.
    "frames/client_frames_refused/duplicate",
    "frames/client_frames_refused/duplicate-escaped",
    "frames/client_frames_refused/duplicate-in-array",
    "frames/client_frames_refused/duplicate-in-wrap",
    "frames/client_frames_refused/duplicate-inside",
    "frames/client_frames_refused/duplicate-same",
    "frames/client_frames_refused/duplicate-type",
    "frames/client_frames_refused/duplicate-unknown",
    "frames/relay_frames_refused/duplicate",
    "frames/relay_frames_refused/duplicate-in-entry",
    "frames/request_bodies_refused/duplicate",
    // How deep a value is, and of how many members, that is ignored otherwise.
    "frames/client_frames_refused/members-65-inside",
    "frames/client_frames_refused/nested-5",
    "frames/client_frames_refused/nested-5-empty",
    "frames/client_frames_refused/nested-5-mixed",
    "frames/request_bodies_refused/nested",
    // How an integer is written: to a schema 7.0, 7e0 and -0 are integers.
    "frames/client_frames_refused/integer-exponent",
    "frames/client_frames_refused/integer-minus-zero",
    "frames/client_frames_refused/integer-zero-fraction",
    "frames/relay_frames_refused/version-fraction",
    "frames/request_bodies_refused/capacity-fraction",
];

/// What the reader takes and the schemas do not.
const BESIDE_THE_SCHEMAS: [&str; 1] = [
    // A client ignores it; no schema says more of it.
    "frames/relay_frames/unknown-type",
];

#[test]
fn what_the_vectors_accept_is_valid_and_what_they_refuse_is_not() {
    let schemas = Schemas::read();
    let mut beyond = Vec::new();
    let mut beside = Vec::new();
    let mut asked = 0;
    for case in cases() {
        let id = case["id"].as_str().unwrap();
        let schema = match id.split('/').nth(1).unwrap().trim_end_matches("_refused") {
            "client_frames" => "client_frame",
            "relay_frames" => "relay_frame",
            "request_bodies" => "http/create_room",
            other => panic!("{other} has no schema"),
        };
        let accepted = case["result"] == "valid";
        let Ok(value) = serde_json::from_slice(&text(&case)) else {
            // What is no JSON is kept from the schema by the parser.
            assert!(!accepted, "{id}");
            continue;
        };
        asked += 1;
        match (accepted, schemas.says_of(schema, &value)) {
            (true, Err(_)) => beside.push(id.to_owned()),
            (false, Ok(())) => beyond.push(id.to_owned()),
            _ => {}
        }
    }
    assert!(asked > 250, "only {asked} cases");
    beyond.sort();
    let mut expected = BEYOND_A_SCHEMA;
    expected.sort_unstable();
    assert_eq!(beyond, expected);
    assert_eq!(beside, BESIDE_THE_SCHEMAS);
}

#[test]
fn every_frame_of_the_transcripts_is_valid() {
    let schemas = Schemas::read();
    let mut frames = 0;
    for path in json_files(&spec_folder().join("transcripts")) {
        let transcript = read(&path);
        for step in transcript["steps"].as_array().unwrap() {
            let Some(frame) = step["frame"].as_str() else {
                continue;
            };
            let frame: Value = serde_json::from_str(frame).unwrap();
            if let Err(why) = schemas.says_of("relay_frame", &frame) {
                panic!("{}: {frame}: {why}", path.display());
            }
            frames += 1;
        }
    }
    assert!(frames > 100, "only {frames} frames");
}

#[test]
fn every_schema_is_a_schema_and_refers_to_nothing_outside_of_it() {
    let schemas = Schemas::read();
    assert_eq!(schemas.0.len(), 2 + 11 + 16 + 4);
    for name in schemas.0.keys() {
        let schema = read(&spec_folder().join(format!("schema/{name}.json")));
        jsonschema::draft202012::meta::validate(&schema).unwrap();
        let id = schema["$id"].as_str().unwrap();
        assert!(id.ends_with(&format!("/spec/schema/{name}.json")), "{id}");
        for reference in references(&schema) {
            assert!(reference.starts_with("#/$defs/"), "{name}: {reference}");
        }
    }
}

/// All schemas, by their place below `spec/schema/`.
struct Schemas(BTreeMap<String, Validator>);

impl Schemas {
    fn read() -> Self {
        let folder = spec_folder().join("schema");
        let folders = ["", "client", "relay", "http"].map(|below| folder.join(below));
        let files = folders.iter().flat_map(|folder| json_files(folder));
        let schemas = files.map(|path| {
            let name = path.strip_prefix(&folder).unwrap().with_extension("");
            let schema = jsonschema::draft202012::new(&read(&path));
            (
                name.to_str().unwrap().to_owned(),
                schema.unwrap_or_else(|error| panic!("{}: {error}", path.display())),
            )
        });
        Self(schemas.collect())
    }

    /// What a schema says of a value. The one of a frame alone has to say the same as that of its direction.
    fn says_of(&self, schema: &str, value: &Value) -> Result<(), String> {
        let said = self.0[schema]
            .validate(value)
            .map_err(|why| why.to_string());
        if let (Some(side), Some(kind)) = (schema.strip_suffix("_frame"), value["type"].as_str())
            && let Some(alone) = self.0.get(&format!("{side}/{kind}"))
        {
            assert_eq!(
                alone.is_valid(value),
                said.is_ok(),
                "{side}/{kind}: {value}"
            );
        }
        said
    }
}

fn cases() -> Vec<Value> {
    let vectors = read(&spec_folder().join("vectors/frames.json"));
    let groups = vectors["groups"].as_array().unwrap().iter();
    let cases = groups.flat_map(|group| group["cases"].as_array().unwrap());
    cases.cloned().collect()
}

/// The bytes of a case, however the file tells them.
fn text(case: &Value) -> Vec<u8> {
    if let Some(text) = case["text"].as_str() {
        return text.into();
    }
    if let Some(hex) = case["bytes"].as_str() {
        let digits: Vec<u8> = hex
            .chars()
            .map(|digit| digit.to_digit(16).unwrap().try_into().unwrap())
            .collect();
        return digits.chunks(2).map(|two| two[0] << 4 | two[1]).collect();
    }
    let pieces = case["pieces"].as_array().unwrap().iter();
    let pieces = pieces.map(|piece| {
        let times = piece[1].as_u64().unwrap().try_into().unwrap();
        piece[0].as_str().unwrap().repeat(times)
    });
    pieces.collect::<String>().into()
}

fn references(schema: &Value) -> Vec<&str> {
    match schema {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| match value {
                Value::String(reference) if name == "$ref" => vec![reference.as_str()],
                value => references(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

fn json_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect()
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

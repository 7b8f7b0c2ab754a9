//! The JSON Schemas in `spec/schema/`: derived in the core from the types that read frames, and put into files here.

use burnchat_core::wire::http::{CreateRoom, Problem, RoomCreated, RoomInfo};
use burnchat_core::wire::{ClientFrame, RelayFrame};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use crate::Made;
use crate::json::Json;

/// Where the files are to be found, and what they are called.
const BASE: &str = "https://raw.githubusercontent.com/burnchat/burnchat/main/spec/";
pub(crate) const DEFINITION: &str = "#/$defs/";

/// Every file: one for each direction, and one for each frame and each body alone.
pub(crate) fn files() -> Vec<Made> {
    let mut files = Vec::new();
    files.extend(direction::<ClientFrame>(
        "client",
        "Frames from a client (burnchat-1.md, section 13.2).",
    ));
    files.extend(direction::<RelayFrame>(
        "relay",
        "Frames from a relay (burnchat-1.md, section 13.3). One whose type is not among these is ignored.",
    ));
    files.push(body::<CreateRoom>("create_room"));
    files.push(body::<RoomCreated>("room_created"));
    files.push(body::<RoomInfo>("room_info"));
    files.push(body::<Problem>("problem"));
    files
}

/// The frames of one enum by their type, and the types they refer to.
pub(crate) fn frames<T: JsonSchema>() -> (Vec<(String, Value)>, Map<String, Value>) {
    let mut derived = derive::<T>();
    let types = definitions(&mut derived);
    let tagged = derived["oneOf"].as_array().unwrap().iter();
    let frames = tagged.map(|tagged| frame(tagged, &types)).collect();
    (frames, types)
}

/// The frames of one enum, together and each alone.
fn direction<T: JsonSchema>(side: &str, description: &str) -> Vec<Made> {
    let (frames, types) = frames::<T>();
    let mut together = json!({
        "title": format!("{side} frame"),
        "description": description,
        "oneOf": frames
            .iter()
            .map(|(name, _)| json!({ "$ref": format!("{DEFINITION}{name}") }))
            .collect::<Vec<_>>(),
    });
    let mut all = needed(
        &Value::from(
            frames
                .iter()
                .map(|(_, frame)| frame.clone())
                .collect::<Vec<_>>(),
        ),
        &types,
    );
    all.extend(frames.iter().cloned());
    together["$defs"] = all.into();

    let mut files = vec![file(&format!("schema/{side}_frame.json"), together)];
    for (name, mut frame) in frames {
        attach(&mut frame, &types);
        files.push(file(&format!("schema/{side}/{name}.json"), frame));
    }
    files
}

/// A frame in one piece, and its type: derived code has the members of its struct behind a reference.
fn frame(tagged: &Value, types: &Map<String, Value>) -> (String, Value) {
    let tag = &tagged["properties"]["type"];
    let name = tag["const"].as_str().unwrap().to_owned();
    let mut frame = types[referred(&tagged["$ref"]).unwrap()].clone();
    frame["title"] = name.as_str().into();
    frame["description"] = tagged["description"].clone();
    let object = frame.as_object_mut().unwrap();
    let members = object.entry("properties").or_insert_with(|| json!({}));
    members["type"] = tag.clone();
    let required = object.entry("required").or_insert_with(|| json!([]));
    required.as_array_mut().unwrap().insert(0, "type".into());
    (name, frame)
}

fn body<T: JsonSchema>(name: &str) -> Made {
    let mut body = derive::<T>();
    let types = definitions(&mut body);
    body["title"] = name.into();
    attach(&mut body, &types);
    file(&format!("schema/http/{name}.json"), body)
}

pub(crate) fn derive<T: JsonSchema>() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    Schema::to_value(generator.into_root_schema_for::<T>())
}

/// Takes the types out that a schema has with it.
pub(crate) fn definitions(schema: &mut Value) -> Map<String, Value> {
    let schema = schema.as_object_mut().unwrap();
    match schema.remove("$defs") {
        Some(Value::Object(types)) => types,
        _ => Map::new(),
    }
}

/// Gives a schema those it refers to: each file stands alone.
fn attach(schema: &mut Value, types: &Map<String, Value>) {
    let needed = needed(schema, types);
    if !needed.is_empty() {
        schema["$defs"] = needed.into();
    }
}

/// The types that a schema refers to, and those they refer to.
pub(crate) fn needed(schema: &Value, types: &Map<String, Value>) -> Map<String, Value> {
    let mut found = Map::new();
    let mut waiting = vec![schema];
    while let Some(value) = waiting.pop() {
        match value {
            Value::Object(members) => {
                if let Some(name) = members.get("$ref").and_then(referred)
                    && !found.contains_key(name)
                {
                    found.insert(name.to_owned(), types[name].clone());
                    waiting.push(&types[name]);
                }
                waiting.extend(members.values());
            }
            Value::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
    found
}

fn referred(reference: &Value) -> Option<&str> {
    reference.as_str()?.strip_prefix(DEFINITION)
}

fn file(name: &str, mut schema: Value) -> Made {
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["$id"] = format!("{BASE}{name}").into();
    schema["$comment"] = "made by: cargo run -p burnchat-spec-generator -- --write".into();
    (name.to_owned(), ordered(&schema).to_text())
}

/// What a schema is called and is about comes first, what it needs comes last, and everything else in the order of its
/// name, whatever order it was made in. The type of a frame is the first of its members.
pub(crate) fn ordered(value: &Value) -> Json {
    const FIRST: [&str; 10] = [
        "openapi",
        "info",
        "$schema",
        "$id",
        "$comment",
        "title",
        "summary",
        "description",
        "type",
        "servers",
    ];
    sorted(value, |name| match name {
        "$defs" | "components" => FIRST.len() + 1,
        _ => FIRST
            .iter()
            .position(|first| *first == name)
            .unwrap_or(FIRST.len()),
    })
}

fn named(value: &Value) -> Json {
    sorted(value, |name| usize::from(name != "type"))
}

fn sorted(value: &Value, place: impl Fn(&str) -> usize) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Number(number) => Json::Number(number.as_u64().unwrap()),
        Value::String(text) => Json::Text(text.clone()),
        Value::Array(items) => Json::list(items.iter().map(ordered)),
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| (place(name), name.as_str()));
            let members = members.into_iter().map(|(name, value)| {
                let value = match name.as_str() {
                    "properties" | "$defs" | "schemas" | "mapping" => named(value),
                    _ => ordered(value),
                };
                (name.clone(), value)
            });
            Json::Object(members.collect())
        }
    }
}

//! The OpenAPI description of a relay's requests: the relay's own, with the schemas of the bodies that it names.

use burnchat_core::ids::{ParticipantId, RoomId};
use burnchat_core::wire::http::{CreateRoom, Problem, RoomCreated, RoomInfo};
use burnchat_core::wire::{ClientFrame, RelayFrame};
use burnchat_relay::ApiDescription;
use schemars::JsonSchema;
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use crate::Made;
use crate::schemas::{DEFINITION, definitions, derive, frames, needed, ordered};

const COMPONENT: &str = "#/components/schemas/";

/// The file that the relay is built with.
pub(crate) fn file() -> Made {
    let mut document = serde_json::to_value(ApiDescription::openapi()).unwrap();
    document["components"]["schemas"] = components().into();
    let name = "../burnchat-relay/src/http/openapi.json".to_owned();
    (name, ordered(&document).to_text())
}

fn components() -> Map<String, Value> {
    let mut all = Map::new();
    add::<RoomId>(&mut all, "RoomId");
    add::<ParticipantId>(&mut all, "ParticipantId");
    add::<CreateRoom>(&mut all, "CreateRoom");
    add::<RoomCreated>(&mut all, "RoomCreated");
    add::<RoomInfo>(&mut all, "RoomInfo");
    add::<Problem>(&mut all, "Problem");
    add_frames::<ClientFrame>(
        &mut all,
        "Client",
        "Any frame from a client (section 13.2).",
    );
    add_frames::<RelayFrame>(
        &mut all,
        "Relay",
        "Any frame from a relay (section 13.3). One whose type is not among these is ignored.",
    );
    for schema in all.values_mut() {
        refer_to_components(schema);
    }
    all
}

fn add<T: JsonSchema>(all: &mut Map<String, Value>, name: &str) {
    let mut schema = derive::<T>();
    all.extend(definitions(&mut schema));
    let members = schema.as_object_mut().unwrap();
    members.remove("$schema");
    members.remove("title");
    all.insert(name.into(), schema);
}

/// Each frame under a name that tells its direction, and one for them all.
fn add_frames<T: JsonSchema>(all: &mut Map<String, Value>, side: &str, description: &str) {
    let (frames, types) = frames::<T>();
    let mut mapping = Map::new();
    for (kind, mut frame) in frames {
        all.extend(needed(&frame, &types));
        frame.as_object_mut().unwrap().remove("title");
        let name = format!("{side}{}", camel(&kind));
        mapping.insert(kind, format!("{COMPONENT}{name}").into());
        all.insert(name, frame);
    }
    let any: Vec<Value> = mapping.values().map(|to| json!({ "$ref": to })).collect();
    all.insert(
        format!("{side}Frame"),
        json!({
            "description": description,
            "oneOf": any,
            "discriminator": { "propertyName": "type", "mapping": mapping },
        }),
    );
}

/// `key_wanted` as `KeyWanted`.
fn camel(kind: &str) -> String {
    kind.split('_')
        .flat_map(|word| {
            let (first, rest) = word.split_at(1);
            [first.to_uppercase(), rest.to_owned()]
        })
        .collect()
}

fn refer_to_components(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(to) if name == "$ref" => *to = to.replace(DEFINITION, COMPONENT),
                    value => refer_to_components(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(refer_to_components),
        _ => {}
    }
}

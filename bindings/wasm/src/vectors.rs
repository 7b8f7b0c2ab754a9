//! The spec's pure functions, for the test vectors (`spec/shim.md`, section 8): those of the conformance suite, which are
//! thin calls of the core, in this module's memory.

use alloc::string::{String, ToString};

use serde_json::{Value, json};
use wasm_bindgen::prelude::wasm_bindgen;

#[expect(
    clippy::indexing_slicing,
    reason = "a JSON value has null where a member is missing"
)]
mod own {
    use alloc::borrow::ToOwned;
    use alloc::format;
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    include!("../../../spec/conformance/src/vectors/own.rs");
}

/// What a function answers.
enum Answer {
    Output(Value),
    Refused(Option<String>),
    NotImplemented,
}

/// Answers one line of calls with one line.
#[wasm_bindgen]
pub fn compute(line: String) -> String {
    let call: Value = serde_json::from_str(&line).unwrap_or_default();
    let name = call.get("call").and_then(Value::as_str).unwrap_or_default();
    let input = call.get("input").unwrap_or(&Value::Null);
    match own::answer(name, input) {
        Answer::Output(output) => json!({"event": "result", "output": output}),
        Answer::Refused(Some(error)) => json!({"event": "refused", "error": error}),
        Answer::Refused(None) => json!({"event": "refused"}),
        Answer::NotImplemented => json!({"event": "not_implemented"}),
    }
    .to_string()
}

//! What is thrown, and what is answered instead.

use alloc::string::String;

use burnchat_core::error::{Code, Error};
use js_sys::{Object, Reflect};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::plain::Plain;

/// The caller's mistake, as an `Error` with `code` and `codeName`.
pub(crate) fn thrown(code: Code) -> JsValue {
    let error = js_sys::Error::new(code.meaning());
    error.set_name("BurnchatError");
    let error = JsValue::from(error);
    name_code(&error, code);
    error
}

/// The same of a machine's error.
pub(crate) fn throw(error: Error) -> JsValue {
    thrown(error.code())
}

/// What was wrong with something that came from elsewhere: answered, not thrown.
pub(crate) fn fault(outcome: Result<(), Error>) -> Option<Object> {
    let error = outcome.err()?;
    Some(Plain::default().code(error.code()).into())
}

/// Puts the two members on an object that say which code it is.
pub(crate) fn name_code(object: &JsValue, code: Code) {
    // An object of our own making takes every member.
    let _ = Reflect::set(object, &"code".into(), &code.number().into());
    let _ = Reflect::set(object, &"codeName".into(), &code.name().into());
}

/// The name of a code, as on the wire (`room_not_found`), if there is such a code.
#[wasm_bindgen(js_name = codeName)]
pub fn code_name(code: f64) -> Option<String> {
    known(code).map(|code| code.name().into())
}

/// What a code means, in English, for people, if there is such a code.
#[wasm_bindgen(js_name = codeMeaning)]
pub fn code_meaning(code: f64) -> Option<String> {
    known(code).map(|code| code.meaning().into())
}

fn known(number: f64) -> Option<Code> {
    let all = Code::ALL.iter().copied();
    all.into_iter()
        .find(|code| f64::from(code.number()) == number)
}

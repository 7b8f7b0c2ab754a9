//! Plain JavaScript values, both ways.

use alloc::string::String;

use burnchat_core::crypto::Secret;
use burnchat_core::error::Code;
use burnchat_core::time::Timestamp;
use js_sys::{Object, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};

use crate::refusal::{name_code, thrown};

/// The greatest whole number that JavaScript tells from the next one.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// An object that is being written.
#[derive(Default)]
pub(crate) struct Plain(Object);

impl Plain {
    /// One that says what it is.
    pub(crate) fn tagged(tag: &str) -> Self {
        Self::default().put("type", tag)
    }

    pub(crate) fn put(self, member: &str, value: impl Into<JsValue>) -> Self {
        // An object of our own making takes every member.
        let _ = Reflect::set(&self.0, &member.into(), &value.into());
        self
    }

    /// A number that may be absent: then null.
    pub(crate) fn number_or_null(self, member: &str, value: Option<u64>) -> Self {
        self.put(member, value.map_or(JsValue::NULL, number))
    }

    /// `code` and `codeName`.
    pub(crate) fn code(self, code: Code) -> Self {
        name_code(&self.0, code);
        self
    }
}

impl From<Plain> for JsValue {
    fn from(plain: Plain) -> Self {
        plain.0.into()
    }
}

impl From<Plain> for Object {
    fn from(plain: Plain) -> Self {
        plain.0
    }
}

/// A number for JavaScript. Those of the protocol are below 2^53; a count beyond is rounded.
#[expect(
    clippy::cast_precision_loss,
    reason = "that is what JavaScript's numbers are"
)]
pub(crate) fn number(value: u64) -> JsValue {
    (value as f64).into()
}

/// A number from JavaScript, without its fraction.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "its range has been checked"
)]
fn truncated(value: f64) -> Result<u64, JsValue> {
    if (0.0..=MAX_SAFE_INTEGER).contains(&value) {
        Ok(value as u64)
    } else {
        Err(thrown(Code::InvalidParameter))
    }
}

/// A whole number from JavaScript.
#[expect(
    clippy::cast_precision_loss,
    reason = "it is one that JavaScript can write"
)]
pub(crate) fn whole(value: f64) -> Result<u64, JsValue> {
    let number = truncated(value)?;
    if number as f64 == value {
        Ok(number)
    } else {
        Err(thrown(Code::InvalidParameter))
    }
}

/// A time from JavaScript: clocks there have fractions of a millisecond.
pub(crate) fn time(now_ms: f64) -> Result<Timestamp, JsValue> {
    truncated(now_ms).map(Timestamp)
}

/// A member of an object of the caller's; `undefined` if there is no object, or no such member.
pub(crate) fn member(of: &JsValue, name: &str) -> Result<JsValue, JsValue> {
    if of.is_undefined() || of.is_null() {
        return Ok(JsValue::UNDEFINED);
    }
    Reflect::get(of, &name.into()).map_err(|_| thrown(Code::InvalidParameter))
}

/// A member that holds a value: not `undefined`, not null.
pub(crate) fn given(of: &JsValue, name: &str) -> Result<Option<JsValue>, JsValue> {
    let value = member(of, name)?;
    Ok((!value.is_undefined() && !value.is_null()).then_some(value))
}

/// A text that may be absent.
pub(crate) fn text(of: &JsValue, name: &str) -> Result<Option<String>, JsValue> {
    let text = given(of, name)?;
    text.map(|text| {
        text.as_string()
            .ok_or_else(|| thrown(Code::InvalidParameter))
    })
    .transpose()
}

/// A whole number that may be absent.
pub(crate) fn count(of: &JsValue, name: &str) -> Result<Option<u64>, JsValue> {
    let count = given(of, name)?;
    count
        .map(|count| whole(count.as_f64().unwrap_or(f64::NAN)))
        .transpose()
}

/// Yes or no, that may be absent.
pub(crate) fn flag(of: &JsValue, name: &str) -> Result<Option<bool>, JsValue> {
    let flag = given(of, name)?;
    flag.map(|flag| flag.as_bool().ok_or_else(|| thrown(Code::InvalidParameter)))
        .transpose()
}

/// A `Uint8Array` of so many bytes.
pub(crate) fn exactly<const N: usize>(bytes: &JsValue) -> Result<Secret<N>, JsValue> {
    let array = bytes
        .dyn_ref::<Uint8Array>()
        .filter(|array| array.length() as usize == N)
        .ok_or_else(|| thrown(Code::InvalidParameter))?;
    Ok(Secret::fill_with(|secret| array.copy_to(secret)))
}

/// The same of a member that may be absent.
pub(crate) fn secret<const N: usize>(
    of: &JsValue,
    name: &str,
) -> Result<Option<Secret<N>>, JsValue> {
    given(of, name)?.map(|bytes| exactly(&bytes)).transpose()
}

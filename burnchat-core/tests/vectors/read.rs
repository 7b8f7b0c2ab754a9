//! Reads a file of vectors and hands out its cases.

use std::{collections::BTreeSet, convert::Infallible, fs, path::Path};

use burnchat_core::{
    crypto::{Identity, KemKeyPair, Secret, SigningKeyPair},
    link::Link,
};
use rand_core::{TryCryptoRng, TryRng};
use serde_json::{Map, Value};

/// One case, with what its group gives to all.
pub(crate) struct Case(Map<String, Value>);

/// Runs `check` over every case of one group. `groups` are all groups of the file with how many cases each has.
pub(crate) fn each(
    file: &str,
    groups: &[(&str, usize)],
    mut check: impl FnMut(&str, &Case) -> Result<(), String>,
) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../spec/vectors/{file}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    let document: Value = serde_json::from_str(&text).unwrap();
    for header in ["description", "spec", "generated_by"] {
        assert!(document[header].is_string(), "{file} has no {header}");
    }
    let mut ids = BTreeSet::new();
    let mut counts = Vec::new();
    let mut wrong = Vec::new();
    for group in document["groups"].as_array().unwrap() {
        let name = group["name"].as_str().unwrap();
        let cases = group["cases"].as_array().unwrap();
        counts.push((name, cases.len()));
        for case in cases {
            let mut members = match &group["given"] {
                Value::Object(given) => given.clone(),
                _ => Map::new(),
            };
            members.extend(case.as_object().unwrap().clone());
            let case = Case(members);
            let id = case.text("id").to_owned();
            assert!(id.starts_with(&format!("{file}/{name}/")), "{id}");
            assert!(ids.insert(id.clone()), "{id} is there twice");
            assert_eq!(case.is_valid(), case.get("reason").is_none(), "{id}");
            if let Err(what) = check(name, &case) {
                wrong.push(format!("{id}: {what}"));
            }
        }
    }
    assert_eq!(
        counts, groups,
        "{file}: groups and how many cases they have"
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Ok if the two are equal.
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(
    what: &str,
    computed: T,
    written: T,
) -> Result<(), String> {
    if computed == written {
        Ok(())
    } else {
        Err(format!("{what}: {computed:?} is not {written:?}"))
    }
}

impl Case {
    pub(crate) fn is_valid(&self) -> bool {
        match self.text("result") {
            "valid" => true,
            "invalid" => false,
            other => panic!("{other} is no result"),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    pub(crate) fn value(&self, key: &str) -> &Value {
        self.get(key)
            .unwrap_or_else(|| panic!("{}: no {key}", self.0["id"]))
    }

    pub(crate) fn text(&self, key: &str) -> &str {
        self.value(key).as_str().unwrap()
    }

    pub(crate) fn number(&self, key: &str) -> u64 {
        self.value(key).as_u64().unwrap()
    }

    pub(crate) fn flag(&self, key: &str) -> bool {
        self.value(key).as_bool().unwrap()
    }

    pub(crate) fn bytes(&self, key: &str) -> Vec<u8> {
        unhex(self.text(key))
    }

    pub(crate) fn array<const N: usize>(&self, key: &str) -> [u8; N] {
        self.bytes(key).try_into().unwrap()
    }

    pub(crate) fn secret<const N: usize>(&self, key: &str) -> Secret<N> {
        Secret::copy_of(&self.array(key))
    }

    pub(crate) fn list(&self, key: &str) -> &[Value] {
        self.value(key).as_array().unwrap()
    }

    pub(crate) fn link(&self) -> Link {
        Link::parse(self.text("link")).unwrap()
    }

    /// The identity of two private scalars.
    pub(crate) fn identity(&self, kem: &str, sig: &str) -> Identity {
        Identity::from_key_pairs(
            KemKeyPair::from_scalar_bytes(&self.secret(kem)).unwrap(),
            SigningKeyPair::from_scalar_bytes(&self.secret(sig)).unwrap(),
        )
    }

    /// The bytes that `[text, times]` pairs tell piece by piece.
    pub(crate) fn pieces(&self, key: &str, piece: impl Fn(&str) -> Vec<u8>) -> Vec<u8> {
        self.list(key)
            .iter()
            .flat_map(|pair| {
                let times = pair[1].as_u64().unwrap() as usize;
                piece(pair[0].as_str().unwrap()).repeat(times)
            })
            .collect()
    }
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    assert_eq!(text.len() % 2, 0);
    assert!(!text.bytes().any(|digit| digit.is_ascii_uppercase()));
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The random values a case names, in the order they are drawn. Running out of them fails.
pub(crate) struct Draws(Vec<u8>);

impl Draws {
    pub(crate) fn new(values: &[&[u8]]) -> Self {
        Self(values.concat())
    }

    pub(crate) fn all_taken(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        let rest = self.0.split_off(bytes.len());
        bytes.copy_from_slice(&self.0);
        self.0 = rest;
        Ok(())
    }
}

impl TryCryptoRng for Draws {}

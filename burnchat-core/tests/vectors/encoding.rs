use burnchat_core::{
    crypto::{Label, labels, sha256},
    encoding::Fields,
    wire::Bytes,
};

use super::read::{Case, each, hex, same, unhex};

#[test]
fn encoding() {
    each(
        "encoding",
        &[("label_encoding", 22), ("base64url", 25)],
        |group, case| match group {
            "label_encoding" => label_encoding(case),
            _ => base64url(case),
        },
    );
}

fn label_encoding(case: &Case) -> Result<(), String> {
    let fields = case.list("fields").iter();
    let encoded = fields
        .fold(Fields::bytes(label(case.text("label"))), |list, field| {
            list.put(&unhex(field.as_str().unwrap()))
        })
        .finish();
    same("encoded", hex(&encoded).as_str(), case.text("encoded"))?;
    same(
        "sha256",
        hex(sha256(&[&encoded])).as_str(),
        case.text("sha256"),
    )
}

fn label(name: &str) -> Label {
    let all = [
        labels::ROOM,
        labels::JOIN,
        labels::NAME,
        labels::ID,
        labels::LABEL,
        labels::ROSTER,
        labels::KEK,
        labels::COMMIT,
        labels::EPOCH,
        labels::KEY,
        labels::CHAIN,
        labels::MSG,
        labels::HISTORY,
        labels::VERIFY,
        labels::DIGITS,
    ];
    let text = format!("burnchat/1 {name}");
    *all.iter()
        .find(|label| label.as_bytes() == text.as_bytes())
        .unwrap()
}

fn base64url(case: &Case) -> Result<(), String> {
    fn read<const N: usize>(text: &str) -> Option<Vec<u8>> {
        let json = serde_json::Value::String(text.into());
        let bytes: Option<Bytes<N>> = serde_json::from_value(json).ok();
        bytes.map(|bytes| bytes.0.to_vec())
    }
    fn write<const N: usize>(bytes: &[u8]) -> serde_json::Value {
        serde_json::to_value(Bytes::<N>(bytes.try_into().unwrap())).unwrap()
    }
    let text = case.text("text");
    let found = match case.number("length") {
        0 => read::<0>(text),
        1 => read::<1>(text),
        2 => read::<2>(text),
        3 => read::<3>(text),
        4 => read::<4>(text),
        5 => read::<5>(text),
        6 => read::<6>(text),
        16 => read::<16>(text),
        other => panic!("no type of {other} bytes"),
    };
    if !case.is_valid() {
        return same("read", found, None);
    }
    let bytes = case.bytes("bytes");
    let written = match bytes.len() {
        0 => write::<0>(&bytes),
        1 => write::<1>(&bytes),
        2 => write::<2>(&bytes),
        3 => write::<3>(&bytes),
        4 => write::<4>(&bytes),
        5 => write::<5>(&bytes),
        _ => write::<16>(&bytes),
    };
    same("read", found, Some(bytes))?;
    same("written", written.as_str(), Some(text))
}

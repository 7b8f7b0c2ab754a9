use burnchat_core::{
    crypto::{VerificationCode, VerificationEntry, participant_id},
    ids::RoomId,
};

use super::read::{each, hex, same, unhex};

#[test]
fn verification() {
    each("verification", &[("codes", 8)], |_, case| {
        let entries: Vec<_> = case
            .list("entries")
            .iter()
            .map(|entry| {
                let key = |name: &str| -> [u8; 65] {
                    unhex(entry[name].as_str().unwrap()).try_into().unwrap()
                };
                (key("kem_pub"), key("sig_pub"))
            })
            .collect();
        let entries = entries.iter().map(|(kem_pub, sig_pub)| VerificationEntry {
            id: participant_id(kem_pub, sig_pub),
            kem_pub,
            sig_pub,
        });
        let mut ids: Vec<_> = entries
            .clone()
            .map(|entry| hex(entry.id.as_bytes()))
            .collect();
        ids.sort();
        let code = VerificationCode::new(
            &RoomId(case.array("room_id")),
            &case.secret("secret"),
            entries,
        );
        let listed: Vec<_> = case.list("sorted_ids").iter().collect();
        same(
            "ids",
            ids.iter().map(String::as_str).collect(),
            listed
                .iter()
                .map(|id| id.as_str().unwrap())
                .collect::<Vec<_>>(),
        )?;
        same(
            "transcript",
            hex(code.transcript()).as_str(),
            case.text("transcript"),
        )?;
        same(
            "short code",
            code.short_code().as_str(),
            case.text("short_code"),
        )?;
        let emoji: String = code.emoji().map(|emoji| emoji.symbol).iter().collect();
        same("emoji", emoji.as_str(), case.text("emoji"))?;
        let names: Vec<_> = code.emoji().map(|emoji| emoji.name).to_vec();
        let listed: Vec<_> = case
            .list("emoji_names")
            .iter()
            .map(|name| name.as_str().unwrap())
            .collect();
        same("names", names, listed)?;
        same(
            "safety number",
            code.safety_number().as_str(),
            case.text("safety_number"),
        )?;
        same("QR", code.qr_text().as_str(), case.text("qr_text"))
    });
}

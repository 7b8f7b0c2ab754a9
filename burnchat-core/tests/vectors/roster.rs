use burnchat_core::{
    crypto::{RosterKeys, roster_hash},
    ids::RoomId,
    wire::Role,
};

use super::read::{each, same, unhex};

#[test]
fn roster() {
    each("roster", &[("roster_hashes", 9)], |_, case| {
        let entries: Vec<_> = case
            .list("entries")
            .iter()
            .map(|entry| {
                let key = |name: &str| -> [u8; 65] {
                    unhex(entry[name].as_str().unwrap()).try_into().unwrap()
                };
                let role = match entry["role"].as_u64() {
                    Some(0) => Role::Member,
                    _ => Role::Creator,
                };
                (key("kem_pub"), key("sig_pub"), role)
            })
            .collect();
        let entries = entries.iter().map(|(kem_pub, sig_pub, role)| RosterKeys {
            kem_pub,
            sig_pub,
            role: *role,
        });
        let room_id = RoomId(case.array("room_id"));
        let hash = roster_hash(&room_id, case.number("version"), entries);
        same("roster_hash", *hash.as_bytes(), case.array("roster_hash"))
    });
}

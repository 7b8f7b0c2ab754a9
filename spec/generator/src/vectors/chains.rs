//! Message keys (spec section 8.1).

use burnchat_core::{
    crypto::{Secret, SessionKey, hkdf_sha256, hmac_sha256, labels},
    encoding::Fields,
    ids::{EpochId, ParticipantId},
};

use crate::{
    cast::Person,
    file::{Case, File, Group},
    json::{Json, hex},
    named::named,
};

pub(super) fn file() -> File {
    let epoch = EpochId(named("epoch 1"));
    let key: [u8; 32] = named("session key 1");
    let (ana, ben) = (Person::new("ana").id(), Person::new("ben").id());
    let other = EpochId(named("epoch 2"));
    File::new("chains", "section 8.1", "The keys of messages.").group(
        Group::new(
            "chains",
            "The chain of one sender in one epoch: some of its values, and the message keys made of them. There is no \
             key for n = `end`.",
        )
        .given("end", 8_192_u64)
        .case(chain("ana", "one sender", epoch, key, ana, &[0, 1, 2, 3, 4, 5, 6, 7, 4095, 4096, 8190, 8191]))
        .case(chain("ben", "another sender has another chain", epoch, key, ben, &[0, 1]))
        .case(chain("other-epoch", "so has another epoch", other, key, ana, &[0, 1]))
        .case(chain("other-key", "and another key", epoch, named("session key 2"), ana, &[0, 1])),
    )
}

fn chain(
    id: &str,
    comment: &str,
    epoch: EpochId,
    key: [u8; 32],
    sender: ParticipantId,
    shown: &[u64],
) -> Case {
    let info = Fields::bytes(labels::CHAIN).put(sender.as_bytes()).finish();
    let mut value = *hkdf_sha256(epoch.as_bytes(), &key, &info).as_bytes();
    let mut chain = SessionKey::from_secret(Secret::copy_of(&key)).chain(&epoch, &sender);
    let mut keys = Vec::new();
    for n in 0..=*shown.last().unwrap() {
        let message_key = chain.take().unwrap();
        if shown.contains(&n) {
            keys.push(
                Json::object()
                    .with("n", n)
                    .with("chain", hex(value))
                    .with("message_key", hex(message_key.as_secret().as_bytes())),
            );
        }
        value = hmac_sha256(&value, &[&[2]]);
    }
    Case::valid(id, comment)
        .put("epoch_id", hex(epoch.as_bytes()))
        .put("session_key", hex(key))
        .put("sender_id", hex(sender.as_bytes()))
        .put("keys", keys)
}

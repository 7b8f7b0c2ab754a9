//! No secret is compared with `==`, which stops at the first byte that differs.
//!
//! First net: what holds a secret has no `PartialEq`. That is checked when this file is compiled. Second net, for
//! secrets that are bare bytes on their way (a MAC just computed, say): every line of the products' sources that compares
//! and names something secret is on a list here, with the reason why it may.
//!
//! What is compared, and how, is measured by `benches/constant_time`.

#[cfg(test)]
mod has_no_equality {
    use burnchat_core::client::{Client, JoinOptions};
    use burnchat_core::crypto::{
        Body, Chain, Chains, Identity, KemKeyPair, KeyEncryptionKey, MessageKey, PairKey,
        Plaintext, RoomKeys, Secret, SecretBytes, SessionKey, Sha256, SigningKeyPair, Text,
    };
    use burnchat_core::link::{Link, Ticket};
    use burnchat_core::relay::Hub;
    use burnchat_core::wire::http::{CreateRoom, RoomCreated};
    use burnchat_core::wire::{
        ClientFrame, EncodedFrame, Join, Joined, PinText, RelayFrame, Resume,
    };

    /// Two implementations for what has an `==`, one for what has none: only the latter can be named without saying which.
    trait Compares<Proof> {
        const IS: () = ();
    }
    impl<T: ?Sized> Compares<()> for T {}
    struct ByEquals;
    impl<T: ?Sized + PartialEq> Compares<ByEquals> for T {}

    macro_rules! no_equality {
        ($($secret:ty),* $(,)?) => {
            $(const _: () = <$secret as Compares<_>>::IS;)*
        };
    }

    no_equality! {
        // Keys, and what keys come from.
        Secret<16>, Secret<32>, SessionKey, Chain, Chains, MessageKey, PairKey, KeyEncryptionKey, RoomKeys, Sha256,
        Identity, KemKeyPair, SigningKeyPair,
        // What admits: tickets, tokens, PINs, and what carries them.
        Ticket, Link, PinText, JoinOptions, CreateRoom, RoomCreated, Join, Joined, Resume, ClientFrame, RelayFrame,
        EncodedFrame,
        // Plaintexts.
        SecretBytes, Text, Body, Plaintext,
        // What holds all of these.
        Client, Hub,
    }

    #[test]
    fn what_has_equality_would_be_seen() {
        // Named with which, as it must be where there are two.
        let () = <[u8; 32] as Compares<()>>::IS;
        let () = <[u8; 32] as Compares<ByEquals>>::IS;
    }
}

#[cfg(test)]
mod sources {
    use std::fs::{read_dir, read_to_string};
    use std::path::{Path, PathBuf};

    /// Sources of what runs at people's and at relays, from this crate's folder.
    const PRODUCTS: [&str; 6] = [
        "src",
        "../burnchat-client/src",
        "../burnchat-relay/src",
        "../bindings/c/src",
        "../bindings/wasm/src",
        "../examples/terminal/src",
    ];

    /// Words in the names of secrets and of what is made of them.
    const WORDS: [&str; 16] = [
        "secret", "token", "pin", "ticket", "proof", "commit", "mac", "digest", "hash", "tag",
        "hmac", "as_bytes", "as_slice", "shown", "key", "password",
    ];

    /// What compares.
    const COMPARES: [&str; 8] = [
        "==",
        "!=",
        ".eq(",
        ".ne(",
        ".cmp(",
        "starts_with(",
        "contains(",
        "matches!(",
    ];

    /// Lines that compare and name such a word, and why they may.
    const JUDGED: [(&str, &str); 20] = [
        // Public: everybody in the room has these from the log, and so has the relay.
        ("if *hash != frame.roster_hash", ROSTER),
        (
            "let Some(steward) = steward.filter(|_| hash == frame.roster_hash) else {",
            ROSTER,
        ),
        (
            "if offer.prev != self.live.epochs.head() || offer.roster_hash != asked.roster_hash {",
            ROSTER,
        ),
        (
            "|own: &OwnOffer| own.offer.prev == frame.prev && own.offer.commit == frame.commit;",
            "both went over the wire: which of one's own frames came back; `matches` is what checks a commit",
        ),
        ("if *hash != self.newest || !self.is_current() {", TICKET),
        ("if self.live.replaced_tickets.contains(&hash) {", TICKET),
        // Not the bytes of a secret.
        ("let renew = renew_ticket != 0;", KIND),
        (
            "lines.find(|(key, _)| *key == name).map(|(_, value)| value)",
            "the name of a line that Redis says of itself",
        ),
        (
            "let Some(key) = key.filter(|_| !gone.contains(&sender)) else {",
            KIND,
        ),
        (
            ".is_in_flight(|payload| matches!(payload, Payload::Ticket))",
            KIND,
        ),
        (
            "with_creator_token: matches!(entitlement, Entitlement::CreatorToken),",
            KIND,
        ),
        ("holds_key: number == steward", KIND),
        (
            "&& BASE64URL_NOPAD.decode_mut(text.as_bytes(), out) == Ok(wanted)",
            "a length",
        ),
        (
            ".find_map(|(name, value)| secret_of((name == COOKIE).then_some(value)?))",
            "the name of a cookie",
        ),
        (
            "let entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));",
            "addresses of proxies",
        ),
        (
            "join.name.is_some() || join.pin.is_some() || join.link.0.as_str() != \"-\"",
            "whether there is a link",
        ),
        // Other keys.
        (
            "if !names(command).any(|name| name == key) {",
            "a key of a configuration file",
        ),
        (
            "Event::Key(key) if key.kind != KeyEventKind::Release => self.key(key),",
            KEYBOARD,
        ),
        (
            "let control = key.modifiers.contains(KeyModifiers::CONTROL);",
            KEYBOARD,
        ),
        (
            "KeyCode::Enter if key.modifiers.contains(KeyModifiers::ALT) => editor.insert('\\n'),",
            KEYBOARD,
        ),
    ];

    const ROSTER: &str = "the hash of a roster, which is in the log";
    const TICKET: &str =
        "the hash of a ticket as the log has it; what joiners show is judged by `same_ticket`";
    const KIND: &str = "which kind of thing, not its bytes";
    const KEYBOARD: &str = "a key on a keyboard";

    #[test]
    fn every_line_that_compares_and_names_a_secret_has_been_judged() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut unjudged = Vec::new();
        let mut lines_read = 0;
        let mut met = vec![false; JUDGED.len()];
        for folder in PRODUCTS {
            for file in sources_in(&here.join(folder)) {
                let text = read_to_string(&file).unwrap();
                // Tests may compare as they like; in a file they stand last.
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                for line in code.lines().map(str::trim) {
                    lines_read += 1;
                    if !compares_a_secret(line) {
                        continue;
                    }
                    match JUDGED.iter().position(|(judged, _)| *judged == line) {
                        Some(place) => met[place] = true,
                        None => unjudged.push(format!("{}: {line}", file.display())),
                    }
                }
            }
        }
        assert!(lines_read > 10_000, "the sources are there");
        assert!(unjudged.is_empty(), "not judged:\n{}", unjudged.join("\n"));
        let gone: Vec<_> = JUDGED.iter().zip(met).filter(|(_, met)| !met).collect();
        assert!(gone.is_empty(), "no longer there: {gone:#?}");
    }

    fn compares_a_secret(line: &str) -> bool {
        if line.starts_with("//") {
            return false;
        }
        let words = line.to_lowercase();
        let names =
            || words.split(|character: char| !(character.is_alphanumeric() || character == '_'));
        let named = |word: &str| {
            names().any(|name| name == word || name.split('_').any(|part| part == word))
        };
        COMPARES.iter().any(|compares| line.contains(compares))
            && WORDS.iter().any(|word| named(word))
    }

    fn sources_in(folder: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for entry in read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path.file_name().is_none_or(|name| name != "tests") {
                    files.extend(sources_in(&path));
                }
            } else if path.extension().is_some_and(|kind| kind == "rs")
                // The second is in no product, and no cryptography.
                && path
                    .file_name()
                    .is_none_or(|name| name != "tests.rs" && name != "stand_in.rs")
            {
                files.push(path);
            }
        }
        files
    }

    #[test]
    fn a_comparison_of_a_secret_is_seen() {
        for line in [
            "if token == shown {",
            "if ticket.as_bytes() != other {",
            "let same = expected_mac.eq(&mac);",
            "pin.starts_with(guess)",
        ] {
            assert!(compares_a_secret(line), "{line}");
        }
        for line in [
            "// token == shown",
            "if version == 1 {",
            "ct_eq(token, shown)",
        ] {
            assert!(!compares_a_secret(line), "{line}");
        }
    }
}

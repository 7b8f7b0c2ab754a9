use burnchat_core::{
    crypto::{Name, PublicIdentity, RoomKeys, open_name, tag},
    ids::ParticipantId,
};

use super::read::{Case, Draws, each, same};

#[test]
fn names() {
    each(
        "names",
        &[
            ("sealed_names", 77),
            ("own_names", 16),
            ("fallback_names", 5),
            ("anonymous_names", 5),
            ("tags", 4),
            ("shown_names", 3),
            ("clashes", 9),
        ],
        |group, case| match group {
            "sealed_names" => sealed_names(case),
            "own_names" => own_names(case),
            "fallback_names" => same(
                "name",
                Name::fallback(&id(case)).as_str(),
                case.text("name"),
            ),
            "anonymous_names" => {
                let mut draws = Draws::new(&[&case.bytes("drawn")]);
                let name = Name::anonymous(&mut draws);
                assert!(draws.all_taken());
                same("name", name.as_str(), case.text("name"))
            }
            "tags" => same("tag", tag(&id(case)).as_str(), case.text("tag")),
            "shown_names" => {
                let name = Name::new(case.text("name")).unwrap();
                let shown = name.shown(case.number("number"), &id(case));
                same("shown", shown.as_str(), case.text("shown"))
            }
            _ => clashes(case),
        },
    );
}

fn id(case: &Case) -> ParticipantId {
    ParticipantId(case.array("participant_id"))
}

fn sealed_names(case: &Case) -> Result<(), String> {
    let keys = RoomKeys::derive(&case.link());
    let who = PublicIdentity::from_sec1(&case.bytes("kem_pub"), &case.bytes("sig_pub")).unwrap();
    same("id", who.id(), id(case))?;
    same(
        "fallback",
        Name::fallback(&who.id()).as_str(),
        case.text("fallback"),
    )?;
    let sealed = case.array("sealed_name");
    let opened = open_name(&keys, &who, &sealed).map(|name| name.as_str().to_owned());
    if !case.is_valid() {
        return same(
            "opened",
            opened.map_err(|code| code.name()),
            Err("bad_name"),
        );
    }
    same("opened", opened.ok().as_deref(), Some(case.text("name")))?;
    seals_the_same(case, &keys, &sealed)
}

/// AWS-LC signs otherwise each time.
#[cfg(feature = "aws-lc")]
fn seals_the_same(_: &Case, _: &RoomKeys, _: &[u8; 157]) -> Result<(), String> {
    Ok(())
}

#[cfg(not(feature = "aws-lc"))]
fn seals_the_same(case: &Case, keys: &RoomKeys, sealed: &[u8; 157]) -> Result<(), String> {
    let name = Name::new(case.text("name")).map_err(|code| code.name().to_owned())?;
    if name.as_str() != case.text("name") {
        // A receiver shows it; a sender would have brought it to form C.
        return Ok(());
    }
    let who = case.identity("kem_scalar", "sig_scalar");
    let mut draws = Draws::new(&[&case.bytes("name_iv")]);
    let again = burnchat_core::crypto::seal_name(keys, &who, &name, &mut draws).unwrap();
    same("sealed", again, *sealed)
}

fn own_names(case: &Case) -> Result<(), String> {
    let taken = Name::new(case.text("input"));
    let taken = taken.as_ref().map(Name::as_str).map_err(|code| code.name());
    let expected = if case.is_valid() {
        Ok(case.text("name"))
    } else {
        Err(case.text("error"))
    };
    same("taken", taken, expected)
}

fn clashes(case: &Case) -> Result<(), String> {
    // Only names as they were received can be in another form: those are sealed, and `sealed_names` has them. Here the
    // comparison is what counts.
    let [earlier, later] = ["earlier", "later"].map(|key| Name::new(case.text(key)).unwrap());
    same("clash", later.clashes_with(&earlier), case.flag("clash"))
}

use burnchat_core::{
    crypto::RoomKeys,
    link::{Link, Ticket, room_id_of_seed},
    time::Timestamp,
};

use super::read::{Case, each, same};

#[test]
fn link() {
    each(
        "link",
        &[("room_ids", 2), ("links", 16), ("malformed", 61)],
        |group, case| match group {
            "room_ids" => {
                let room_id = room_id_of_seed(&case.secret("id_seed"));
                same("room_id", *room_id.as_bytes(), case.array("room_id"))
            }
            "links" => links(case),
            _ => {
                let refused = Link::parse(case.text("link")).map(|_| ());
                let code = refused.map_err(|code| code.name());
                same("parsed", code, Err(case.text("error")))
            }
        },
    );
}

fn links(case: &Case) -> Result<(), String> {
    let link = Link::parse(case.text("link")).map_err(|code| code.name().to_owned())?;
    let not_after = u32::try_from(case.number("not_after")).unwrap();
    same("base", link.base(), case.text("base"))?;
    same("room_id", *link.room_id().as_bytes(), case.array("room_id"))?;
    same("history", link.history(), case.flag("history"))?;
    same(
        "not_after",
        link.not_after(),
        Timestamp::from_unix_minutes(not_after),
    )?;
    same("secret", *link.secret().as_bytes(), case.array("secret"))?;
    same(
        "ticket",
        *link.ticket().as_secret().as_bytes(),
        case.array("ticket"),
    )?;
    same("header", link.header(), case.array("header"))?;
    same(
        "hash",
        *link.ticket().hash().as_bytes(),
        case.array("ticket_hash"),
    )?;
    same("written", link.to_url().as_str(), case.text("link"))?;
    let made = Link::new(
        case.text("base"),
        link.room_id(),
        case.flag("history"),
        not_after,
        case.secret("secret"),
        Ticket::copy_of(&case.array("ticket")),
    );
    let made = made.map_err(|code| code.name().to_owned())?;
    same("made", made.to_url().as_str(), case.text("link"))?;
    // Whatever a link says, keys come from it.
    let _ = RoomKeys::derive(&made);
    Ok(())
}

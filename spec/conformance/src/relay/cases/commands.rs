//! Commands (section 11.5).

use burnchat_core::client::RoomSettings;
use burnchat_core::error::Code;
use burnchat_core::ids::TicketHash;
use burnchat_core::link::Ticket;
use burnchat_core::wire::{BurnReason, Departure, RelayFrame, WhoMayBurn};
use serde_json::json;

use crate::case::{Case, Outcome, ensure, ensure_eq};
use crate::relay::Target;
use crate::relay::person::Person;
use crate::relay::room::PLAIN;
use crate::relay::stage::{Cx, SOON, base64, random, rng};

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        crate::case!(
            "commands/11.5/creators-only",
            ["11.5/creators"],
            creators_only
        ),
        crate::case!("commands/11.5/lock", ["11.5/lock"], lock),
        crate::case!(
            "commands/11.5/kick",
            ["11.5/kick", "13.1/close-codes"],
            kick
        ),
        crate::case!(
            "commands/11.5/kick-of-one-away",
            ["11.5/kick"],
            kick_of_one_away
        ),
        crate::case!(
            "commands/11.5/kick-and-renew",
            ["11.5/kick-renews"],
            kick_and_renew
        ),
        crate::case!(
            "commands/11.5/kick-of-one-who-left",
            ["11.5/kick-left"],
            kick_of_one_who_left
        ),
        crate::case!(
            "commands/11.5/kick-oneself",
            ["11.5/kick-refused"],
            kick_oneself
        ),
        crate::case!(
            "commands/11.5/kick-with-an-old-hash",
            ["11.5/kick-refused"],
            kick_with_an_old_hash
        ),
        crate::case!(
            "commands/11.5/kick-a-stranger",
            ["11.5/kick-refused"],
            kick_a_stranger
        ),
        crate::case!(
            "commands/11.5/renew",
            ["11.5/renew", "11.2/joins-by-new-ticket"],
            renew
        ),
        crate::case!("commands/11.5/renew-refused", ["11.5/renew"], renew_refused),
        crate::case!("commands/11.5/extend", ["11.5/extend"], extend),
        crate::case!(
            "commands/11.5/extend-conflict",
            ["11.5/extend-conflict"],
            extend_conflict
        ),
        crate::case!(
            "commands/11.5/extend-out-of-range",
            ["11.5/extend-range", "16/extension"],
            extend_out_of_range
        ),
        crate::case!(
            "commands/11.5/extend-to-the-hard-end",
            ["11.5/extend-cut", "11.5/past-not-after"],
            extend_to_the_hard_end
        ),
        crate::case!("commands/11.5/burn", ["11.5/burn", "12.3/order"], burn),
        crate::case!(
            "commands/11.5/anyone-may-burn",
            ["11.5/burn"],
            anyone_may_burn
        ),
        crate::case!(
            "commands/16/replaced-tickets",
            ["16/replaced-tickets"],
            replaced_tickets
        ),
    ]
}

async fn creators_only(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    for command in [
        json!({"type": "lock", "locked": true}),
        json!({"type": "kick", "id": ann.id().to_base64()}),
        json!({"type": "kick", "id": base64(&random::<16>())}),
        json!({"type": "renew", "ticket_hash": base64(&random::<32>())}),
        json!({"type": "extend", "seconds": 60, "after": 0}),
        json!({"type": "extend", "seconds": 0, "after": 0}),
        json!({"type": "burn"}),
    ] {
        ben.send(&command).await;
        ben.expect_error(Code::NotCreator).await?;
    }
    ann.expect_none("entry for a command of a member", |frame| {
        frame.seq().is_some()
    })
    .await
}

async fn lock(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    for locked in [true, true, false, false, true] {
        ann.send(&json!({"type": "lock", "locked": locked})).await;
    }
    ann.settle().await?;
    let seen: Vec<_> = ben
        .settle()
        .await?
        .iter()
        .filter_map(|frame| match frame {
            RelayFrame::Locked(entry) => Some(entry.locked),
            _ => None,
        })
        .collect();
    ensure_eq(
        "`locked` entries; repeated: nothing",
        seen,
        vec![true, false, true],
    )
}

async fn kick(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben, mut cem] = room.with_people(cx, ["ann", "ben", "cem"]).await?;
    ann.send(&json!({"type": "kick", "id": ben.id().to_base64()}))
        .await;
    ben.expect_closed(Code::Kicked).await?;
    for person in [&mut ann, &mut cem] {
        ensure_eq(
            "the reason",
            person.until_left(SOON, ben.id()).await?,
            Departure::Kicked,
        )?;
        ensure_eq("people on the roster", person.view.roster.len(), 2)?;
    }
    // Without `ticket_hash` the link stays.
    room.look(cx, &room.0.ticket).await?.expect(200)?;
    room.knock("ben again")?
        .with_seat(&ben.seat_token)
        .refused(cx, Code::Kicked)
        .await
        .map(drop)
}

async fn kick_of_one_away(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    ben.wire.cut();
    ann.send(&json!({"type": "kick", "id": ben.id().to_base64()}))
        .await;
    ensure_eq(
        "the reason",
        ann.until_left(SOON, ben.id()).await?,
        Departure::Kicked,
    )?;
    ben.resume_refused(cx, ben.view.seq, Code::Kicked).await
}

async fn kick_and_renew(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, ben, mut cem] = room.with_people(cx, ["ann", "ben", "cem"]).await?;
    let (ticket, hash) = new_ticket();
    let command =
        json!({"type": "kick", "id": ben.id().to_base64(), "ticket_hash": hash.to_base64()});
    ann.send(&command).await;
    ann.settle().await?;
    let entries: Vec<_> = cem
        .settle()
        .await?
        .into_iter()
        .filter(|frame| frame.seq().is_some())
        .collect();
    let [
        RelayFrame::ParticipantLeft(left),
        RelayFrame::Renewed(renewed),
    ] = entries.as_slice()
    else {
        return ensure(
            false,
            "`participant_left` and then `renewed`",
            format!("{entries:?}"),
        );
    };
    ensure_eq("who left", left.id, ben.id())?;
    ensure_eq("the hash in `renewed`", renewed.ticket_hash, hash)?;
    room.look(cx, &room.0.ticket)
        .await?
        .expect_problem("link_expired")?;
    room.knock("dan")?
        .with("ticket", ticket)
        .enter(cx)
        .await
        .map(drop)
}

async fn kick_of_one_who_left(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben, _cem] = room.with_people(cx, ["ann", "ben", "cem"]).await?;
    ben.wire.close(1000).await;
    ann.until_left(SOON, ben.id()).await?;
    let (_, hash) = new_ticket();
    let command =
        json!({"type": "kick", "id": ben.id().to_base64(), "ticket_hash": hash.to_base64()});
    ann.send(&command).await;
    let entries: Vec<_> = ann
        .settle()
        .await?
        .into_iter()
        .filter(|frame| frame.seq().is_some())
        .collect();
    let [RelayFrame::Renewed(renewed)] = entries.as_slice() else {
        return ensure(false, "`renewed` alone", format!("{entries:?}"));
    };
    ensure_eq("the hash in `renewed`", renewed.ticket_hash, hash)?;
    room.knock("ben again")?
        .with_seat(&ben.seat_token)
        .refused(cx, Code::Kicked)
        .await
        .map(drop)
}

async fn kick_oneself(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    ann.send(&json!({"type": "kick", "id": ann.id().to_base64()}))
        .await;
    ann.expect_error(Code::BadRequest).await?;
    ben.expect_none("entry", |frame| frame.seq().is_some())
        .await
}

async fn kick_with_an_old_hash(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    let first = room.0.link.ticket().hash();
    let (_, second) = new_ticket();
    ann.send(&json!({"type": "renew", "ticket_hash": second.to_base64()}))
        .await;
    let command =
        json!({"type": "kick", "id": ben.id().to_base64(), "ticket_hash": first.to_base64()});
    ann.send(&command).await;
    ann.expect_error(Code::BadRequest).await?;
    // And nobody is removed.
    ben.expect_none("departure", |frame| {
        matches!(frame, RelayFrame::ParticipantLeft(_) | RelayFrame::Error(_))
    })
    .await
}

async fn kick_a_stranger(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let (_, hash) = new_ticket();
    let stranger = base64(&random::<16>());
    for command in [
        json!({"type": "kick", "id": stranger}),
        json!({"type": "kick", "id": stranger, "ticket_hash": hash.to_base64()}),
    ] {
        ann.send(&command).await;
        ann.expect_error(Code::UnknownParticipant).await?;
    }
    // Nothing was renewed by it.
    room.look(cx, &room.0.ticket).await?.expect(200).map(drop)
}

async fn renew(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    let (ticket, hash) = new_ticket();
    ann.send(&json!({"type": "renew", "ticket_hash": hash.to_base64()}))
        .await;
    let told = renewed(&mut ben).await?;
    ensure_eq("the hash in `renewed`", told, hash)?;
    room.look(cx, &ticket).await?.expect(200)?;
    room.look(cx, &room.0.ticket)
        .await?
        .expect_problem("link_expired")?;
    let cem = room.knock("cem")?.with("ticket", ticket).enter(cx).await?;
    ensure_eq("`ticket_hash` in `joined`", cem.joined.ticket_hash, hash)
}

async fn renew_refused(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let first = room.0.link.ticket().hash();
    let (_, second) = new_ticket();
    // The present hash repeated: nothing.
    ann.send(&json!({"type": "renew", "ticket_hash": first.to_base64()}))
        .await;
    ann.expect_none("entry or error", |frame| {
        matches!(frame, RelayFrame::Renewed(_) | RelayFrame::Error(_))
    })
    .await?;
    ann.send(&json!({"type": "renew", "ticket_hash": second.to_base64()}))
        .await;
    renewed(&mut ann).await?;
    ann.send(&json!({"type": "renew", "ticket_hash": first.to_base64()}))
        .await;
    ann.expect_error(Code::BadRequest).await?;
    room.look(cx, &room.0.ticket)
        .await?
        .expect_problem("link_expired")
        .map(drop)
}

async fn extend(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    ann.send(&json!({"type": "extend", "seconds": 300, "after": 0}))
        .await;
    let (seq, left) = extended(&mut ben).await?;
    ensure((880..=900).contains(&left), "880 to 900 seconds left", left)?;
    ann.send(&json!({"type": "extend", "seconds": 1, "after": seq}))
        .await;
    let (again, _) = extended(&mut ben).await?;
    let cem = room.join(cx, "cem").await?;
    ensure_eq(
        "`last_extended` in `joined`",
        cem.joined.last_extended,
        again,
    )?;
    let told = room.look(cx, &room.0.ticket).await?.json()?;
    let left = told["seconds_remaining"].as_u64().unwrap_or_default();
    ensure((880..=901).contains(&left), "880 to 901 seconds left", left)
}

async fn extend_conflict(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let command = json!({"type": "extend", "seconds": 60, "after": 0});
    // Sent again after a resume, as a client does that has seen no answer.
    ann.send(&command).await;
    ann.send(&command).await;
    let (seq, _) = extended(&mut ann).await?;
    ann.expect_error(Code::ExtendConflict).await?;
    ann.send(&json!({"type": "extend", "seconds": 60, "after": seq}))
        .await;
    extended(&mut ann).await.map(drop)
}

async fn extend_out_of_range(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    for seconds in [0, 1_801, 1_u64 << 40] {
        ann.send(&json!({"type": "extend", "seconds": seconds, "after": 0}))
            .await;
        ann.expect_error(Code::BadRequest).await?;
    }
    for seconds in [1, 1_800] {
        let after = ann.view.last_extended;
        ann.send(&json!({"type": "extend", "seconds": seconds, "after": after}))
            .await;
        extended(&mut ann).await?;
    }
    Ok(())
}

async fn extend_to_the_hard_end(cx: &Cx) -> Outcome {
    let settings = RoomSettings {
        extension_seconds: 60,
        ..PLAIN
    };
    let room = cx.room_with(settings).await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    ann.send(&json!({"type": "extend", "seconds": 1_800, "after": 0}))
        .await;
    let (seq, left) = extended(&mut ann).await?;
    // A minute more, and up to two for the rounding of `not_after`.
    ensure(
        (640..=780).contains(&left),
        "the end cut at `not_after`",
        format!("{left} s left"),
    )?;
    ann.send(&json!({"type": "extend", "seconds": 60, "after": seq}))
        .await;
    ann.expect_error(Code::PastNotAfter).await?;
    // The order of the refusals: what is out of range or has been overtaken first.
    ann.send(&json!({"type": "extend", "seconds": 60, "after": 0}))
        .await;
    ann.expect_error(Code::ExtendConflict).await.map(drop)
}

async fn burn(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    ben.send(&json!({"type": "burn"})).await;
    ben.expect_error(Code::NotCreator).await?;
    ann.send(&json!({"type": "burn"})).await;
    ben.expect_burn(BurnReason::Burned).await?;
    ann.expect_burn(BurnReason::Burned).await?;
    room.look(cx, &room.0.ticket)
        .await?
        .expect_problem("room_not_found")
        .map(drop)
}

async fn anyone_may_burn(cx: &Cx) -> Outcome {
    let settings = RoomSettings {
        burn: WhoMayBurn::Anyone,
        ..PLAIN
    };
    let room = cx.room_with(settings).await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    ensure_eq("`burn` in `joined`", ben.joined.burn, WhoMayBurn::Anyone)?;
    ben.send(&json!({"type": "lock", "locked": true})).await;
    ben.expect_error(Code::NotCreator).await?;
    ben.send(&json!({"type": "burn"})).await;
    ann.expect_burn(BurnReason::Burned).await?;
    ben.expect_burn(BurnReason::Burned).await
}

async fn replaced_tickets(cx: &Cx) -> Outcome {
    let most: usize = cx.target.limits.asked("REPLACED_TICKETS")?;
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let mut tickets = vec![room.0.ticket.clone()];
    for _ in 0..=most {
        let (ticket, hash) = new_ticket();
        ann.send(&json!({"type": "renew", "ticket_hash": hash.to_base64()}))
            .await;
        renewed(&mut ann).await?;
        tickets.push(ticket);
    }
    // The first has been forgotten, the second is the oldest that is known.
    room.look(cx, &tickets[0])
        .await?
        .expect_problem("room_not_found")?;
    room.look(cx, &tickets[1])
        .await?
        .expect_problem("link_expired")?;
    room.look(cx, &tickets[most + 1])
        .await?
        .expect(200)
        .map(drop)
}

/// A ticket as text, and its hash.
fn new_ticket() -> (String, TicketHash) {
    let ticket = Ticket::random(&mut rng());
    (base64(ticket.as_secret().as_bytes()), ticket.hash())
}

async fn renewed(person: &mut Person) -> Outcome<TicketHash> {
    person
        .until("`renewed`", |frame| match frame {
            RelayFrame::Renewed(entry) => Some(entry.ticket_hash),
            _ => None,
        })
        .await
}

async fn extended(person: &mut Person) -> Outcome<(u64, u64)> {
    person
        .until("`extended`", |frame| match frame {
            RelayFrame::Extended(entry) => Some((entry.seq, entry.seconds_remaining)),
            _ => None,
        })
        .await
}

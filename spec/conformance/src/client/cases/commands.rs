//! Commands and tickets: sections 11.3 to 11.5.

use std::time::Duration;

use burnchat_core::client::Event;
use burnchat_core::crypto::Body;
use burnchat_core::link::{Link, Ticket};
use burnchat_core::wire::ClientFrame;
use serde_json::json;

use super::super::insider::{Insider, header, plaintext_of};
use super::super::room::{of_the_suite, rng};
use crate::case;
use crate::case::{Case, Outcome, ensure, ensure_eq, fail};
use crate::client::Target;
use crate::context::Context;

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        case!(
            "commands/11.5/member",
            ["11.5/client-creators-only"],
            a_member_gives_no_commands
        ),
        case!(
            "commands/11.3/creator-token",
            ["11.3/client-creator-token"],
            a_creator_joins_with_its_token
        ),
        case!(
            "commands/11.5/lock",
            ["11.5/client-frames"],
            a_creator_locks
        ),
        case!(
            "commands/11.5/extend",
            ["11.5/client-frames", "11.5/extend-after"],
            an_extension_names_the_one_before
        ),
        case!(
            "commands/11.5/extend-conflict",
            ["15/told"],
            a_refused_command_is_told
        ),
        case!(
            "commands/11.5/kick",
            ["11.5/renews-at-kick", "11.5/ticket-after"],
            a_kick_renews_and_tells_those_who_stay
        ),
        case!(
            "commands/11.5/kick-without-renewal",
            ["11.5/renews-at-kick"],
            a_kick_can_leave_the_link
        ),
        case!(
            "commands/11.5/kick-oneself",
            ["15/invalid-parameter"],
            nobody_kicks_oneself
        ),
        case!(
            "commands/11.5/renew",
            ["11.5/new-ticket", "11.5/own-link-changes"],
            a_new_ticket_is_told_at_once
        ),
        case!(
            "commands/11.5/renewed-by-another",
            ["11.5/counts-iff", "11.5/clients-replace"],
            the_ticket_of_another_creator_is_taken
        ),
        case!(
            "commands/11.5/false-ticket",
            ["11.5/counts-iff"],
            a_ticket_that_does_not_fit_is_not_taken
        ),
        case!(
            "commands/11.5/ticket-wanted",
            ["11.5/ticket-wanted"],
            a_missing_ticket_is_asked_for
        ),
        case!(
            "commands/11.5/ticket-given",
            ["11.5/client-answers"],
            who_has_the_ticket_answers
        ),
        case!(
            "commands/11.5/sent-again",
            ["11.5/client-sent-again"],
            a_command_is_sent_again_after_a_resume
        ),
        case!(
            "commands/11.5/rate-limited",
            ["11.5/client-rate-limited"],
            a_command_is_sent_again_after_rate_limited
        ),
        case!(
            "commands/11.5/given-up",
            ["11.5/given-up"],
            a_fresh_join_gives_commands_up
        ),
        case!(
            "commands/12.3/burn",
            ["11.5/client-frames"],
            a_creator_burns
        ),
        case!(
            "commands/11.1/anyone-may-burn",
            ["11.1/client-anyone"],
            a_member_burns_where_anyone_may
        ),
    ]
}

async fn a_member_gives_no_commands(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    let ana = room.id_of(0)?;
    for command in [
        json!({"cmd": "lock", "locked": true}),
        json!({"cmd": "kick", "id": ana}),
        json!({"cmd": "renew"}),
        json!({"cmd": "extend", "seconds": 60}),
        json!({"cmd": "burn"}),
    ] {
        let cmd = command["cmd"].as_str().unwrap_or_default().to_owned();
        room.command(command).await;
        let error = room.hear_error(300).await?;
        ensure_eq("cmd", error["cmd"].as_str(), Some(cmd.as_str()))?;
    }
    Ok(())
}

async fn a_creator_joins_with_its_token(context: &Context<Target>) -> Outcome {
    let room = super::alone(context, &[]).await?;
    let joins = room.joins();
    let Some(join) = joins.first() else {
        return fail("a join", "none");
    };
    ensure(
        join["creator_token"].is_string() && join["pin"].is_null(),
        "the creator token shown, and no PIN",
        join,
    )
}

async fn a_creator_locks(context: &Context<Target>) -> Outcome {
    let mut room = super::two_creators(context).await?;
    room.command(json!({"cmd": "lock", "locked": true})).await;
    let locked = room.hear("locked").await?;
    ensure_eq("locked", locked["locked"].as_bool(), Some(true))?;
    room.command(json!({"cmd": "lock", "locked": false})).await;
    let locked = room.hear("locked").await?;
    ensure_eq("locked", locked["locked"].as_bool(), Some(false))
}

async fn an_extension_names_the_one_before(context: &Context<Target>) -> Outcome {
    let mut room = super::two_creators(context).await?;
    for _ in 0..2 {
        room.command(json!({"cmd": "extend", "seconds": 120})).await;
        let extended = room.hear("extended").await?;
        ensure(
            extended["seconds_remaining"]
                .as_u64()
                .is_some_and(|left| left > 700),
            "a later end",
            &extended,
        )?;
    }
    let frames = room.sent_of("extend");
    let after: Vec<Option<u64>> = frames.iter().map(|frame| frame["after"].as_u64()).collect();
    let [Some(0), Some(second)] = after.as_slice() else {
        return fail(
            "`after` 0, then the seq of the first extension",
            format!("{after:?}"),
        );
    };
    ensure(
        *second > 0,
        "the seq of the first extension",
        second.to_string(),
    )
}

async fn a_refused_command_is_told(context: &Context<Target>) -> Outcome {
    let mut room = super::two_creators(context).await?;
    room.alter_up(|mut frame| {
        if frame["type"] == "extend" {
            frame["after"] = 999.into();
        }
        vec![frame]
    });
    room.command(json!({"cmd": "extend", "seconds": 120})).await;
    room.hear_error(303).await?;
    Ok(())
}

fn ticket_of(link: &str) -> Outcome<String> {
    let link = Link::parse(link).map_err(of_the_suite)?;
    serde_json::to_value(link.ticket().hash())
        .map_err(of_the_suite)
        .map(|hash| hash.as_str().unwrap_or_default().to_owned())
}

async fn a_kick_renews_and_tells_those_who_stay(context: &Context<Target>) -> Outcome {
    let mut room = super::two_creators(context).await?;
    let mallory = Insider::join(&mut room, "Mallory")?;
    room.keyed().await?;
    room.command(json!({"cmd": "kick", "id": mallory.id().to_base64()}))
        .await;
    let left = room.hear("participant_left").await?;
    ensure_eq("why", left["reason"].as_str(), Some("kicked"))?;
    let changed = room.hear("link_changed").await?;
    let link = changed["link"].as_str().unwrap_or_default().to_owned();
    let frame = room
        .sent_of("kick")
        .last()
        .map(|frame| frame["ticket_hash"].as_str().map(str::to_owned));
    ensure_eq(
        "the ticket hash sent",
        frame.flatten(),
        Some(ticket_of(&link)?),
    )?;
    // Ana is told in the first epoch without Mallory.
    room.until("the new link at Ana's", |room| {
        let ana = room.friends.first()?;
        (ana.client.link()?.to_url().as_str() == link).then_some(())
    })
    .await?;
    room.keyed().await?;
    let keyed = room.subject.last("keyed").cloned().unwrap_or_default();
    let sent = room.sent_of("message");
    let all = sent.iter().all(|frame| frame["epoch"] == keyed["epoch"]);
    ensure(
        all && !sent.is_empty(),
        "the ticket sent in the epoch after the kick",
        "another epoch",
    )?;
    room.link = link;
    room.join("Dora")?;
    room.keyed().await
}

async fn a_kick_can_leave_the_link(context: &Context<Target>) -> Outcome {
    let mut room = super::two_creators(context).await?;
    let mallory = Insider::join(&mut room, "Mallory")?;
    room.keyed().await?;
    room.command(json!({"cmd": "kick", "id": mallory.id().to_base64(), "renew": false}))
        .await;
    room.hear("participant_left").await?;
    room.keyed().await?;
    let hash = room
        .sent_of("kick")
        .last()
        .map(|frame| frame["ticket_hash"].is_string());
    ensure_eq("a ticket hash", hash, Some(false))?;
    ensure_eq("link_changed", room.subject.count("link_changed"), 0)
}

async fn nobody_kicks_oneself(context: &Context<Target>) -> Outcome {
    let mut room = super::two_creators(context).await?;
    let me = room.subject_id()?;
    room.command(json!({"cmd": "kick", "id": me})).await;
    room.hear_error(709).await?;
    Ok(())
}

async fn a_new_ticket_is_told_at_once(context: &Context<Target>) -> Outcome {
    let mut room = super::two_creators(context).await?;
    room.command(json!({"cmd": "renew"})).await;
    let changed = room.hear("link_changed").await?;
    let link = changed["link"].as_str().unwrap_or_default().to_owned();
    ensure(link != room.link, "another link", "the old one")?;
    ensure_eq(
        "the secret stays",
        secret_of(&link)?,
        secret_of(&room.link)?,
    )?;
    room.until("the new link at Ana's", |room| {
        let ana = room.friends.first()?;
        (ana.client.link()?.to_url().as_str() == link).then_some(())
    })
    .await?;
    room.command(json!({"cmd": "link"})).await;
    let told = room.hear("link").await?;
    ensure(
        told["link"] == link.as_str() && told["current"] == true,
        "the new link, and that it admits",
        &told,
    )
}

fn secret_of(link: &str) -> Outcome<[u8; 16]> {
    Ok(*Link::parse(link).map_err(of_the_suite)?.secret().as_bytes())
}

async fn the_ticket_of_another_creator_is_taken(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.act(0, |ana, now| ana.renew(now, &mut rng()))?
        .map_err(of_the_suite)?;
    let changed = room.hear("link_changed").await?;
    let anas = room
        .friends
        .first()
        .and_then(|ana| ana.client.link().map(|link| link.to_url().to_string()));
    ensure_eq(
        "the link",
        changed["link"].as_str().map(str::to_owned),
        anas,
    )
}

async fn a_ticket_that_does_not_fit_is_not_taken(context: &Context<Target>) -> Outcome {
    let (mut room, mallory) = super::with_insider(context).await?;
    let padded = plaintext_of(0, header(0, 1), Body::Ticket(Ticket::copy_of(&[5; 16])));
    let envelope = mallory.seal(0, padded)?;
    mallory.say(&mut room, &ClientFrame::Message(envelope));
    let text = mallory.text(1, 2, "after it")?;
    mallory.say(&mut room, &ClientFrame::Message(text));
    room.hear_text("after it").await?;
    ensure_eq("link_changed", room.subject.count("link_changed"), 0)?;
    room.command(json!({"cmd": "link"})).await;
    let told = room.hear("link").await?;
    ensure_eq("the link", told["link"].as_str(), Some(room.link.as_str()))
}

async fn a_missing_ticket_is_asked_for(context: &Context<Target>) -> Outcome {
    let (mut room, mut mallory) = super::with_insider(context).await?;
    // The relay says that the ticket was replaced; nobody tells the new one.
    let ticket = Ticket::copy_of(&[8; 16]);
    let hash = ticket.hash();
    let begun = room.now();
    room.slip_in(json!({"type": "renewed", "seq": 0, "ticket_hash": hash}));
    room.hear("link_expired").await?;
    room.until("an envelope", |room| {
        (!room.sent_of("message").is_empty()).then_some(())
    })
    .await?;
    let waited = room.now().0 - begun.0;
    ensure(
        (1_900..4_500).contains(&waited),
        "a wait of 2 s",
        format!("{waited} ms"),
    )?;
    mallory.catch_up(&room);
    let opened = mallory
        .messages
        .last()
        .and_then(|logged| mallory.open(logged))
        .and_then(|(_, decoded)| decoded);
    let Some(Body::TicketWanted(wanted)) = opened.and_then(|decoded| decoded.body) else {
        return fail("ticket_wanted", "something else");
    };
    ensure(wanted == hash, "the hash of the missing ticket", "another")?;
    let padded = plaintext_of(0, header(0, 1), Body::Ticket(Ticket::copy_of(&[8; 16])));
    let envelope = mallory.seal(0, padded)?;
    mallory.say(&mut room, &ClientFrame::Message(envelope));
    let changed = room.hear("link_changed").await?;
    let link = changed["link"].as_str().unwrap_or_default().to_owned();
    ensure_eq(
        "the ticket of the new link",
        ticket_of(&link)?,
        hash_text(&ticket)?,
    )
}

fn hash_text(ticket: &Ticket) -> Outcome<String> {
    let hash = serde_json::to_value(ticket.hash()).map_err(of_the_suite)?;
    Ok(hash.as_str().unwrap_or_default().to_owned())
}

async fn who_has_the_ticket_answers(context: &Context<Target>) -> Outcome {
    let mut room = super::two_creators(context).await?;
    let mut mallory = Insider::join(&mut room, "Mallory")?;
    room.keyed().await?;
    mallory.keyed(&mut room).await?;
    let link = Link::parse(&room.link).map_err(of_the_suite)?;
    let before = room.sent_of("message").len();
    let padded = plaintext_of(0, header(0, 1), Body::TicketWanted(link.ticket().hash()));
    let envelope = mallory.seal(0, padded)?;
    // Ana has it, too, and would answer as fast.
    room.lose(0);
    mallory.say(&mut room, &ClientFrame::Message(envelope));
    room.until_within(
        Duration::from_secs(2),
        "an envelope at once, by a creator",
        |room| (room.sent_of("message").len() > before).then_some(()),
    )
    .await?;
    mallory.catch_up(&room);
    let opened = mallory
        .messages
        .last()
        .and_then(|logged| mallory.open(logged))
        .and_then(|(_, decoded)| decoded);
    let Some(Body::Ticket(ticket)) = opened.and_then(|decoded| decoded.body) else {
        return fail("the ticket", "something else");
    };
    ensure(
        ticket.hash() == link.ticket().hash(),
        "the newest ticket",
        "another",
    )
}

async fn a_command_is_sent_again_after_a_resume(context: &Context<Target>) -> Outcome {
    let mut room = super::two_creators(context).await?;
    room.alter_up(|frame| {
        if frame["type"] == "lock" {
            Vec::new()
        } else {
            vec![frame]
        }
    });
    room.command(json!({"cmd": "lock", "locked": true})).await;
    room.until("a lock", |room| {
        (!room.sent_of("lock").is_empty()).then_some(())
    })
    .await?;
    room.honest();
    room.cut();
    room.hear("resumed").await?;
    let locked = room.hear("locked").await?;
    ensure_eq("locked", locked["locked"].as_bool(), Some(true))?;
    ensure_eq("how often it was sent", room.sent_of("lock").len(), 2)
}

async fn a_command_is_sent_again_after_rate_limited(context: &Context<Target>) -> Outcome {
    let mut room = super::two_creators(context).await?;
    room.alter_up(|frame| {
        if frame["type"] == "lock" {
            Vec::new()
        } else {
            vec![frame]
        }
    });
    room.command(json!({"cmd": "lock", "locked": true})).await;
    room.until("a lock", |room| {
        (!room.sent_of("lock").is_empty()).then_some(())
    })
    .await?;
    room.honest();
    let begun = room.now();
    room.tell(&json!({"type": "error", "code": "rate_limited", "retry_after_ms": 1200}));
    room.hear("locked").await?;
    let waited = room.now().0 - begun.0;
    ensure(
        waited >= 1_150,
        "a wait of 1,200 ms",
        format!("{waited} ms"),
    )
}

async fn a_fresh_join_gives_commands_up(context: &Context<Target>) -> Outcome {
    let mut room = super::two_creators(context).await?;
    room.alter_up(|frame| {
        if frame["type"] == "lock" {
            Vec::new()
        } else {
            vec![frame]
        }
    });
    room.command(json!({"cmd": "lock", "locked": true})).await;
    room.until("a lock", |room| {
        (!room.sent_of("lock").is_empty()).then_some(())
    })
    .await?;
    room.honest();
    room.slip_in(json!({"type": "rekey", "seq": 0, "version": 9}));
    room.hear_error(800).await?;
    room.hear("gap").await?;
    room.hear("joined").await?;
    room.keyed().await?;
    room.catch_up().await?;
    ensure_eq("how often it was sent", room.sent_of("lock").len(), 1)
}

async fn a_creator_burns(context: &Context<Target>) -> Outcome {
    let mut room = super::of_subject(context, &[]).await?;
    room.command(json!({"cmd": "burn"})).await;
    room.ends("burned", "burned", 0).await?;
    let told = room.friends.first().is_some_and(|ana| {
        ana.events
            .iter()
            .any(|event| matches!(event, Event::Ended(_)))
    });
    ensure(told, "Ana's end, too", "none")
}

async fn a_member_burns_where_anyone_may(context: &Context<Target>) -> Outcome {
    let terms = super::Terms {
        anyone_may_burn: true,
        ..super::Terms::default()
    };
    let mut room = super::two_with(context, terms).await?;
    room.command(json!({"cmd": "burn"})).await;
    room.ends("burned", "burned", 0).await
}

//! The example with relays in an application, in use.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what is not as it should be ends the test"
)]

#[allow(
    dead_code,
    unreachable_pub,
    reason = "it is a program, with a `main` of its own"
)]
#[path = "../embed_axum.rs"]
mod embed_axum;

use std::time::Duration;

use burnchat_client::{
    BurnKind, CreatedRoom, EndReason, Event, Events, JoinOptions, Link, Room, RoomSettings,
    connect, create_room,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use self::embed_axum::{Relays, run};

#[tokio::test]
async fn people_talk_below_a_path_of_the_application_until_it_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(run(listener, Relays::start(), async {
        let _ = stopped.await;
    }));

    let base = format!("http://{address}/chat");
    let made = create_room(&base, RoomSettings::default()).await.unwrap();
    assert!(made.link.to_url().starts_with(&format!("{base}/r/")));
    let (guest_link, page) = (made.link.to_url(), made.link.to_url());
    let (ann, mut at_anns) = join_as_creator(made).await;
    let (bob, mut at_bobs) = connect(Link::parse(&guest_link).unwrap(), JoinOptions::default())
        .await
        .unwrap();
    until(&mut at_bobs, |event| matches!(event, Event::Keyed { .. })).await;
    bob.send("hello").unwrap();
    until(
        &mut at_anns,
        |event| matches!(event, Event::Message(said) if said.text.as_str() == "hello"),
    )
    .await;

    // The other relay knows nothing of it, and the application's own page is still there.
    let elsewhere = Link::parse(&guest_link.replace("/chat/", "/staff/chat/")).unwrap();
    let refused = connect(elsewhere, JoinOptions::default())
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Some(burnchat_client::Code::RoomNotFound));
    assert!(get(&address, "/").await.ends_with("rooms: 1 and 0\n"));
    let (page, _) = page.split_once('#').unwrap();
    let (_, path) = page.split_once(&address).unwrap();
    assert!(get(&address, path).await.starts_with("HTTP/1.1 200"));

    stop.send(()).unwrap();
    for events in [&mut at_anns, &mut at_bobs] {
        let end = until(events, |event| matches!(event, Event::Ended(_))).await;
        assert!(
            matches!(end, Event::Ended(EndReason::Burned(BurnKind::Shutdown))),
            "{end:?}"
        );
    }
    in_time(running).await.unwrap().unwrap();
    drop(ann);
}

async fn join_as_creator(made: CreatedRoom) -> (Room, Events) {
    let options = JoinOptions {
        creator_token: Some(made.creator_token),
        ..JoinOptions::default()
    };
    connect(made.link, options).await.unwrap()
}

async fn until(events: &mut Events, wanted: impl Fn(&Event) -> bool) -> Event {
    in_time(async {
        while let Some(event) = events.next().await {
            if wanted(&event) {
                return event;
            }
        }
        panic!("it ended before");
    })
    .await
}

async fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    in_time(stream.read_to_string(&mut answer)).await.unwrap();
    answer
}

async fn in_time<T>(happens: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), happens)
        .await
        .unwrap()
}

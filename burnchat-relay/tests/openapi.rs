//! The description of the requests, held to a relay over a real socket.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is not as it should be ends the test, in what its functions share, too"
)]

#[cfg(test)]
mod harness;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use burnchat_relay::Relay;
use serde_json::{Value, json};

use self::harness::http::{Answer, delete, from_page, get, post, request};
use self::harness::participant::{Knock, Transport};
use self::harness::session::Session;
use self::harness::{Room, TestRelay};

const DESCRIPTION: &str = "/api/openapi.json";
const ROOM: &str = "/api/rooms/{room_id}";
const SEAT: &str = "/api/rooms/{room_id}/session/{participant_id}";

#[tokio::test]
async fn the_description_is_the_same_wherever_the_relay_is_mounted_and_leads_back_there() {
    let relay = TestRelay::start().await;
    let mounted = TestRelay::mounted("/chat", |_| {}).await;
    let answer = get(relay.address, DESCRIPTION, &[]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let below = get(mounted.address, &format!("/chat{DESCRIPTION}"), &[]).await;
    assert_eq!(below.body, answer.body);
    // Read against /chat/api/openapi.json that is /chat/.
    let description: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(description["openapi"], "3.1.0");
    assert_eq!(description["servers"][0]["url"], "..");
}

#[tokio::test]
async fn every_request_the_relay_answers_is_described_and_no_other() {
    let relay = TestRelay::start().await;
    let description = Description::of(relay.address).await;
    let described = description.requests();
    let mut paths = paths_of(&relay.relay);
    assert!(paths.len() >= 9, "{paths:?}");
    paths.extend(described.iter().map(|(path, _)| unnamed(path)));

    let mut answered = BTreeSet::new();
    for path in &paths {
        let somewhere = path.replace("{}", "AAAAAAAAAAAAAAAAAAAAAA");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let answer = request(relay.address, method, &somewhere, &[], b"").await;
            let unknown = ["\"unknown_path\"", "\"unknown_method\""];
            let refused = matches!(answer.status, 404 | 405);
            if !refused || !unknown.iter().any(|code| answer.body.contains(code)) {
                answered.insert((path.clone(), method.to_owned()));
            }
        }
    }
    let described: BTreeSet<_> = described
        .into_iter()
        .map(|(path, method)| (unnamed(&path), method))
        .collect();
    assert_eq!(answered, described);
}

#[tokio::test]
async fn what_the_relay_answers_is_what_the_description_says() {
    let relay = TestRelay::start().await;
    let description = Description::of(relay.address).await;
    let holds = |method: &str, path: &str, answer: &Answer, status: u16| {
        assert_eq!(answer.status, status, "{answer:?}");
        description.hold(method, path, answer);
    };
    let room = Room::create(relay.address).await;
    let (path, ticket) = (room.path(), room.ticket());
    let (ticket, creator) = (("Burnchat-Ticket", ticket.as_str()), room.creator_token());
    let [asked, made] = &room.seen;
    description.is_a("CreateRoom", asked);
    description.is_a("RoomCreated", made);

    let again = post(relay.address, "/api/rooms", asked.as_bytes()).await;
    holds("POST", "/api/rooms", &again, 409);
    let nothing = post(relay.address, "/api/rooms", b"{}").await;
    holds("POST", "/api/rooms", &nothing, 400);
    holds(
        "GET",
        ROOM,
        &get(relay.address, &path, &[ticket]).await,
        200,
    );
    holds("GET", ROOM, &get(relay.address, &path, &[]).await, 404);
    let page = from_page(
        relay.address,
        "GET",
        &path,
        "http://evil.example",
        &[ticket],
    )
    .await;
    holds("GET", ROOM, &page, 403);
    let no_upgrade = get(relay.address, &format!("{path}/ws"), &[]).await;
    holds("GET", &format!("{ROOM}/ws"), &no_upgrade, 400);

    let join = Knock::prepare(&room).join;
    let mut session = Session::open_with(room.relay, room.link.room_id(), None).await;
    let enter = format!("{ROOM}/session");
    description.is_a("ClientJoin", &join);
    holds(
        "POST",
        &enter,
        &session.post(&session.path, "{}", &[]).await,
        400,
    );
    holds(
        "POST",
        &enter,
        &session.enter(&join, &[("Accept-Token", "bearer")]).await,
        201,
    );
    holds(
        "POST",
        &enter,
        &session.post(&session.path, &join, &[]).await,
        409,
    );
    let bearer = session.bearer.clone();
    let bearer = [("Authorization", bearer.as_str())];
    holds(
        "POST",
        SEAT,
        &session.post(&session.seat, &join, &bearer).await,
        409,
    );
    let frames = format!("{SEAT}/frames");
    session.listen(None).await.unwrap();
    holds("POST", &frames, &session.hand_in("").await, 202);
    holds(
        "POST",
        &frames,
        &session
            .post(&format!("{}/frames", session.seat), "", &[])
            .await,
        404,
    );
    let twice = session.open_events(&bearer, None).await.map(|_| ());
    holds("GET", &format!("{SEAT}/events"), &twice.unwrap_err(), 410);
    holds("DELETE", SEAT, &session.leave().await, 204);

    holds(
        "DELETE",
        ROOM,
        &delete(relay.address, &path, &[]).await,
        404,
    );
    let burned = delete(relay.address, &path, &[("Burnchat-Creator", &creator)]).await;
    holds("DELETE", ROOM, &burned, 204);
    let page = get(relay.address, "/r/AAAAAAAAAAAAAAAAAAAAAA", &[]).await;
    holds("GET", "/r/{room_id}", &page, 200);
    let description_of = get(relay.address, DESCRIPTION, &[]).await;
    holds("GET", DESCRIPTION, &description_of, 200);
    relay.relay.shutdown().await;
    holds(
        "GET",
        ROOM,
        &get(relay.address, &path, &[ticket]).await,
        503,
    );
}

/// What the relay serves.
struct Description(Value);

impl Description {
    async fn of(relay: SocketAddr) -> Self {
        let answer = get(relay, DESCRIPTION, &[]).await;
        Self(serde_json::from_str(&answer.body).unwrap())
    }

    /// Path and method of every request.
    fn requests(&self) -> Vec<(String, String)> {
        let paths = self.0["paths"].as_object().unwrap().iter();
        paths
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap().keys();
                methods.map(|method| (path.clone(), method.to_uppercase()))
            })
            .collect()
    }

    /// Holds an answer to what is said of it.
    fn hold(&self, method: &str, path: &str, answer: &Answer) {
        let request = &self.0["paths"][path][method.to_lowercase()];
        let described = &request["responses"][answer.status.to_string()];
        assert!(described.is_object(), "{method} {path}: {answer:?}");
        let Some(content) = described.get("content") else {
            assert_eq!(answer.body, "", "{method} {path}");
            return;
        };
        let media_type = answer.header("content-type").unwrap();
        let media_type = media_type.split(';').next().unwrap();
        let content = &content[media_type];
        assert!(content.is_object(), "{method} {path}: {media_type}");
        if media_type.ends_with("json") {
            self.matches(&content["schema"], &answer.body);
        }
    }

    fn is_a(&self, component: &str, text: &str) {
        self.matches(
            &json!({ "$ref": format!("#/components/schemas/{component}") }),
            text,
        );
    }

    fn matches(&self, schema: &Value, text: &str) {
        let whole = json!({ "allOf": [schema], "components": self.0["components"] });
        let schema = jsonschema::draft202012::new(&whole).unwrap();
        let value = serde_json::from_str(text).unwrap();
        if let Err(why) = schema.validate(&value) {
            panic!("{why}: {text}");
        }
    }
}

/// The paths that a relay's router has, as it prints them: it has no other way to tell.
fn paths_of(relay: &Relay) -> BTreeSet<String> {
    let printed = format!("{:?}", relay.router());
    let texts = printed.split('"').filter(|text| text.starts_with('/'));
    let own = texts.filter(|text| !text.contains("__private"));
    own.map(unnamed).collect()
}

/// A path without the names of its parameters.
fn unnamed(path: &str) -> String {
    let segments = path
        .split('/')
        .map(|segment| match segment.starts_with('{') {
            true => "{}",
            false => segment,
        });
    segments.collect::<Vec<_>>().join("/")
}

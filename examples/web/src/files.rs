//! The files that are served. A list, so that nothing is served because it happened to lie in a folder; a test compares
//! it with the folders.

use crate::Asset;

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const PICTURE: &str = "image/svg+xml";

/// What both pages are made from.
pub(crate) const PAGE: &str = include_str!("../index.html");

macro_rules! assets {
    ($($content_type:ident: $($path:literal)+;)+) => {
        &[$($(Asset {
            path: $path,
            content_type: $content_type,
            bytes: include_bytes!(concat!("../", $path)),
        }),+),+]
    };
}

pub(crate) const ASSETS: &[Asset] = assets! {
    SCRIPT:
        "net/api.js"
        "net/backoff.js"
        "net/clock.js"
        "net/driver.js"
        "net/event-stream.js"
        "net/http.js"
        "net/room.js"
        "net/socket.js"
        "protocol/src/bytes.js"
        "protocol/src/client.js"
        "protocol/src/commands.js"
        "protocol/src/crypto.js"
        "protocol/src/envelopes.js"
        "protocol/src/epochs.js"
        "protocol/src/errors.js"
        "protocol/src/frames.js"
        "protocol/src/history.js"
        "protocol/src/host.js"
        "protocol/src/inbox.js"
        "protocol/src/index.js"
        "protocol/src/json.js"
        "protocol/src/keyring.js"
        "protocol/src/limits.js"
        "protocol/src/link.js"
        "protocol/src/memory.js"
        "protocol/src/names.js"
        "protocol/src/new-room.js"
        "protocol/src/outbox.js"
        "protocol/src/participants.js"
        "protocol/src/plaintext.js"
        "protocol/src/session.js"
        "protocol/src/tickets.js"
        "protocol/src/verification.js"
        "protocol/src/words.js"
        "ui/app.js"
        "ui/dom.js"
        "ui/fire.js"
        "ui/fuse.js"
        "ui/icons.js"
        "ui/pages/dead.js"
        "ui/pages/end.js"
        "ui/pages/lobby.js"
        "ui/pages/room.js"
        "ui/pages/start.js"
        "ui/qr.js"
        "ui/remembered.js"
        "ui/room/composer.js"
        "ui/room/control.js"
        "ui/room/messages.js"
        "ui/room/people.js"
        "ui/room/side.js"
        "ui/room/verify.js"
        "ui/share.js"
        "ui/strings.js"
        "ui/strings/de.js"
        "ui/strings/en.js"
        "ui/time.js";
    STYLE:
        "ui/styles/base.css"
        "ui/styles/pages.css"
        "ui/styles/room.css";
    PICTURE:
        "ui/icon.svg";
};

//! `examples/c/chat.c` in rooms of the real relay, with the Rust terminal client and with itself.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::json;

use crate::people::{Network, Person, Program, Relay};
use crate::toolchain::{
    CHAT, Library, Recipe, SANITIZERS, VALGRIND, command, flags, has, has_library, succeed,
};

/// What watches over the program.
#[derive(Clone, Copy)]
enum Watched {
    Not,
    BySanitizers,
    ByValgrind,
}

/// Builds the program, once for each way.
fn chat(compiler: &str, watched: Watched) -> PathBuf {
    let (name, library, more): (_, _, &[&str]) = match watched {
        Watched::BySanitizers => ("chat-sanitized", Library::Static, SANITIZERS),
        _ => ("chat", Library::Shared, &["-O2"]),
    };
    let mut flags = flags("libwebsockets");
    flags.extend(more.iter().map(|&flag| flag.to_owned()));
    Recipe {
        compiler,
        sources: CHAT,
        name,
        library,
        flags,
    }
    .build()
}

/// The program built with gcc, ready to be given arguments.
fn program(watched: Watched) -> Command {
    static PLAIN: OnceLock<PathBuf> = OnceLock::new();
    static SANITIZED: OnceLock<PathBuf> = OnceLock::new();
    let plain = || PLAIN.get_or_init(|| chat("gcc", Watched::Not));
    match watched {
        Watched::Not => command(plain()),
        Watched::BySanitizers => command(SANITIZED.get_or_init(|| chat("gcc", watched))),
        Watched::ByValgrind => {
            let mut valgrind = command("valgrind");
            valgrind.args(VALGRIND).arg(plain());
            valgrind
        }
    }
}

fn can_build() -> bool {
    has("gcc") && has_library("libwebsockets")
}

/// Texts both ways, codes, control characters, and a kick.
fn talk_with_the_terminal_client(watched: Watched) {
    let relay = Relay::start(&[]);
    let (mut ana, link) = Person::create(&relay.url, "Ana");
    // The link does not have to stand among the arguments, where others can read it.
    let mut ben = Program::start(program(watched).args(["-", "Ben"]));
    ben.say(&link);
    ben.tells("* joined");
    let id = ana.knows("Ben");
    ben.tells("* keyed");

    ana.say("hello Ben: ä 🐺");
    assert_eq!(ben.tells("Ana: "), "hello Ben: ä 🐺");
    ben.say("hello Ana: ö 🦊");
    ben.tells("* sent");
    assert_eq!(ana.hears(), "hello Ana: ö 🦊");

    ana.say("\u{1b}[2J\u{9b}m\n\u{7f}\u{202e}end");
    assert_eq!(ben.tells("Ana: "), "␛[2J\u{fffd}m␊␡\u{fffd}end");

    // As long as a text may be: it comes in pieces.
    let longest = "Burnchat".repeat(4_096);
    ana.say(&longest);
    assert_eq!(ben.tells("Ana: "), longest);
    ben.say(&longest);
    assert_eq!(ana.hears(), longest);

    ben.say("/codes");
    let codes = ben.tells("* code ");
    ana.tell(&json!({ "cmd": "verify" }));
    let number = codes.split_once(' ').expect("two codes").1;
    let same = ana.event("verification", |codes| codes["number"] == number);
    assert_eq!(
        codes,
        format!("{} {number}", same["short"].as_str().unwrap())
    );

    ana.tell(&json!({ "cmd": "kick", "id": id }));
    ben.tells("* kicked");
    assert_eq!(ben.ends(), 0);
}

/// A connection breaks, nothing is lost, and the room burns.
fn come_back_after_a_break(watched: Watched) {
    let relay = Relay::start(&[]);
    let network = Network::to(&relay);
    let (mut ana, link) = Person::create(&relay.url, "Ana");
    let link = link.replacen(&relay.url, &network.url, 1);
    let mut ben = Program::start(program(watched).args([&link, "Ben"]));
    ana.knows("Ben");
    ben.tells("* keyed");

    network.cut();
    ben.say("written in the dark");
    ana.say("can you hear me");
    ana.event("accepted", |_| true);
    network.mend();
    assert_eq!(ben.tells("Ana: "), "can you hear me");
    assert_eq!(ana.hears(), "written in the dark");

    ana.tell(&json!({ "cmd": "burn" }));
    ben.tells("* burned");
    assert_eq!(ben.ends(), 0);
}

#[test]
fn it_talks_with_the_terminal_client() {
    if can_build() {
        talk_with_the_terminal_client(Watched::Not);
    }
}

#[test]
fn the_sanitizers_find_nothing_while_it_talks_with_the_terminal_client() {
    if can_build() {
        talk_with_the_terminal_client(Watched::BySanitizers);
    }
}

#[test]
fn valgrind_finds_nothing_while_it_talks_with_the_terminal_client() {
    if can_build() && has("valgrind") {
        talk_with_the_terminal_client(Watched::ByValgrind);
    }
}

#[test]
fn it_comes_back_after_a_break() {
    if can_build() {
        come_back_after_a_break(Watched::Not);
    }
}

#[test]
fn the_sanitizers_find_nothing_while_it_comes_back_after_a_break() {
    if can_build() {
        come_back_after_a_break(Watched::BySanitizers);
    }
}

#[test]
fn built_with_clang_it_joins_the_room_that_it_has_made_built_with_gcc() {
    if !can_build() || !has("clang") {
        return;
    }
    let relay = Relay::start(&[]);
    let mut ana =
        Program::start(program(Watched::BySanitizers).args(["--create", &relay.url, "Ana"]));
    let link = ana.tells("* link ");
    let mut ben = Program::start(command(chat("clang", Watched::Not)).args([&link, "Ben"]));
    ana.tells("* Ben came");
    ana.tells("* keyed");
    ben.tells("* keyed");
    ana.say("hello");
    assert_eq!(ben.tells("Ana: "), "hello");
    ben.hang_up();
    ana.tells("* Ben left");
    assert_eq!(ben.ends(), 0);
    ana.say("/burn");
    ana.tells("* burned");
    assert_eq!(ana.ends(), 0);
}

#[test]
fn without_standard_input_it_leaves() {
    if !can_build() {
        return;
    }
    let relay = Relay::start(&[]);
    let mut shell = command("sh");
    shell.args(["-c", "exec \"$@\" <&-", "sh"]);
    shell.arg(program(Watched::Not).get_program());
    let ana = Program::start(shell.args(["--create", &relay.url]));
    ana.tells("* joined");
    assert_eq!(ana.ends(), 0);
}

#[test]
fn a_relay_that_ends_burns_the_room() {
    if !can_build() {
        return;
    }
    let relay = Relay::start(&[]);
    let ana = Program::start(program(Watched::Not).args(["--create", &relay.url]));
    ana.tells("* joined");
    relay.process.terminate();
    ana.tells("* burned");
    assert_eq!(ana.ends(), 0);
}

#[test]
fn what_it_cannot_join_ends_it() {
    if !can_build() {
        return;
    }
    let relay = Relay::start(&[]);
    let mut ana = Program::start(program(Watched::Not).args(["--create", &relay.url]));
    let link = ana.tells("* link ");
    ana.tells("* joined");
    ana.say("/burn");
    ana.tells("* burned");

    for (link, why) in [
        (link.as_str(), "room_not_found"),
        ("http://127.0.0.1:1/r/no-room", "link_no_fragment"),
        (
            &link.replacen(&relay.url, "http://127.0.0.1:1", 1),
            "unreachable",
        ),
    ] {
        let nobody = Program::start(program(Watched::BySanitizers).arg(link));
        assert_eq!(nobody.tells("* ended: "), why);
        assert_eq!(nobody.ends(), 1);
    }
}

#[test]
fn it_trusts_a_relay_whose_certificate_is_good() {
    if !can_build() || !has("openssl") {
        return;
    }
    let [trusted, certificate, key] = certificate();
    let tls = [
        Path::new("--tls-cert"),
        &certificate,
        Path::new("--tls-key"),
        &key,
    ];
    let relay = Relay::start(&tls);
    let url = relay.url.replacen("127.0.0.1", "localhost", 1);
    let start = |url: &str| {
        let mut chat = program(Watched::BySanitizers);
        Program::start(chat.arg("--ca").arg(&trusted).args(["--create", url]))
    };
    let mut ana = start(&url);
    let link = ana.tells("* link https://");
    ana.tells("* joined");

    // Another name than the certificate's.
    let nobody = start(&relay.url);
    assert_eq!(nobody.tells("* ended: "), "unreachable");
    assert_eq!(nobody.ends(), 1);
    // An authority that this machine does not know.
    let nobody = Program::start(program(Watched::BySanitizers).arg(format!("https://{link}")));
    assert_eq!(nobody.tells("* ended: "), "unreachable");
    assert_eq!(nobody.ends(), 1);

    ana.say("/quit");
    assert_eq!(ana.ends(), 0);
}

/// An authority's certificate, one that it has given to `localhost`, and the key of that.
fn certificate() -> [PathBuf; 3] {
    let file = |name: &str| Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let request = |subject: &str, key: &Path, to: &Path, more: &[&str]| {
        let mut openssl = command("openssl");
        openssl.args([
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ]);
        openssl
            .args(["-subj", subject])
            .arg("-keyout")
            .arg(key)
            .arg("-out")
            .arg(to)
            .args(more);
        crate::toolchain::succeeded(&mut openssl);
    };
    let (authority, authority_key) = (file("authority.pem"), file("authority.key"));
    let (wanted, key, certificate) = (file("relay.csr"), file("relay.key"), file("relay.pem"));
    let own = [
        "-x509",
        "-days",
        "2",
        "-addext",
        "basicConstraints=critical,CA:TRUE",
    ];
    request("/CN=authority", &authority_key, &authority, &own);
    request("/CN=localhost", &key, &wanted, &[]);
    let names = file("names.txt");
    std::fs::write(&names, "subjectAltName=DNS:localhost\n").unwrap();
    succeed(
        "openssl",
        [
            "x509".as_ref(),
            "-req".as_ref(),
            "-days".as_ref(),
            "2".as_ref(),
            "-CAcreateserial".as_ref(),
            "-in".as_ref(),
            wanted.as_os_str(),
            "-CA".as_ref(),
            authority.as_os_str(),
            "-CAkey".as_ref(),
            authority_key.as_os_str(),
            "-extfile".as_ref(),
            names.as_os_str(),
            "-out".as_ref(),
            certificate.as_os_str(),
        ],
    );
    [authority, certificate, key]
}

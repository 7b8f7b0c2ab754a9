use burnchat_relay::{Limits, Rate};

use super::*;

fn read(arguments: &[&str]) -> Result<Asked, Error> {
    let words = ["burnchat-relay"].iter().chain(arguments);
    Options::read(words.map(OsString::from).collect())
}

fn parse(arguments: &[&str]) -> Options {
    match read(arguments) {
        Ok(Asked::Run(options)) => *options,
        Ok(Asked::Print(text)) => panic!("{text}"),
        Err(error) => panic!("{error}"),
    }
}

fn printed(arguments: &[&str]) -> String {
    match read(&[arguments, &["--print-config"]].concat()) {
        Ok(Asked::Print(text)) => text,
        Ok(Asked::Run(options)) => panic!("{options:?}"),
        Err(error) => panic!("{error}"),
    }
}

fn refused(arguments: &[&str]) -> String {
    match read(arguments) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("{arguments:?}"),
    }
}

/// A configuration file, gone with the test.
struct File(tempfile::NamedTempFile);

impl File {
    fn with(text: &str) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Self(file)
    }

    fn path(&self) -> &str {
        self.0.path().to_str().unwrap()
    }
}

#[test]
fn the_command_line_is_well_formed() {
    Options::command().debug_assert();
}

#[test]
fn without_arguments_the_limits_are_the_specs() {
    let options = parse(&[]);
    assert_eq!(options.config().limits, Limits::default());
    assert!(options.listen.ip().is_loopback());
}

#[test]
fn every_setting_of_the_library_can_be_set() {
    // Whatever can be set is set to something else than its default.
    let command = Options::command();
    let settings = command.get_arguments().filter(|argument| {
        argument.get_help_heading() == Some("Limits") && !argument.get_default_values().is_empty()
    });
    let other = |value: &str| match value.split_once(':') {
        Some((rate, burst)) => format!("1{rate}:1{burst}"),
        None => format!("1{value}"),
    };
    let arguments: Vec<_> = settings
        .map(|argument| {
            let value = argument.get_default_values()[0].to_str().unwrap();
            format!("--{}={}", argument.get_long().unwrap(), other(value))
        })
        .collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let set = format!("{:#?}", parse(&arguments).config());
    let default = format!("{:#?}", Config::default());
    assert_eq!(set.lines().count(), default.lines().count());
    let is_number = |line: &str| {
        line.trim_end_matches(',')
            .ends_with(|c: char| c.is_ascii_digit() || c == 's')
    };
    for (set, default) in set.lines().zip(default.lines()) {
        assert!(
            set != default || !is_number(default),
            "can not be set: {default}"
        );
    }
}

#[test]
fn who_is_believed_about_who_asks_can_be_set() {
    let options = parse(&[
        "--trusted-proxies=127.0.0.1,10.0.0.0/8,fd00::/8",
        "--forwarded-header=forwarded",
        "--path-prefix=/chat",
        "--allowed-origins=https://one.example,https://two.example:8443",
    ]);
    let config = options.config();
    let networks: Vec<_> = config
        .trusted_proxies
        .iter()
        .map(IpNet::to_string)
        .collect();
    assert_eq!(networks, ["127.0.0.1/32", "10.0.0.0/8", "fd00::/8"]);
    assert_eq!(config.forwarded_header, ForwardedHeader::Forwarded);
    assert_eq!(config.path_prefix, "/chat");
    assert_eq!(config.allowed_origins.len(), 2);
}

#[test]
fn nonsense_is_refused() {
    for arguments in [
        ["--rooms", "0"],
        ["--rooms", "many"],
        ["--rooms", "-1"],
        ["--refused-frames", "4294967296"],
        ["--room-bytes", "5"],
        ["--room-bytes", "0:5"],
        ["--listen", "8470"],
        ["--tls-cert", "a.pem"],
        ["--acme-cache", "folder"],
        ["--log-format", "xml"],
        ["--acme", ""],
        ["--trusted-proxies", "proxy.example"],
        ["--path-prefix", "chat"],
        ["--allowed-origins", "one.example/path"],
    ] {
        refused(&arguments);
    }
}

#[test]
fn a_file_says_what_the_command_line_could() {
    let file = File::with(
        r#"
        rooms = 7
        connection-frames = "5:9"
        listen = "127.0.0.1:1"
        mlock = true
        acme = ["a.example", "b.example"]
        "#,
    );
    let options = parse(&["--config", file.path()]);
    let limits = options.config().limits;
    assert_eq!(
        (limits.rooms, limits.connection_frames),
        (7, Rate::new(5, 9))
    );
    assert_eq!(options.listen.port(), 1);
    assert!(options.hardening.mlock);
    assert_eq!(options.tls.acme, ["a.example", "b.example"]);
}

#[test]
fn the_command_line_wins_over_the_file() {
    let file = File::with("rooms = 7\njoins = 8\nmlock = true\nacme = ['a.example', 'b.example']");
    let more = [
        "--config",
        file.path(),
        "--rooms=9",
        "--mlock=false",
        "--acme=c.example",
    ];
    let options = parse(&more);
    let limits = options.config().limits;
    assert_eq!((limits.rooms, limits.joins), (9, 8));
    assert!(!options.hardening.mlock);
    assert_eq!(options.tls.acme, ["c.example"]);
}

#[test]
fn the_environment_says_what_the_command_line_could() {
    let variable = |name: &str| match name {
        "BURNCHAT_RELAY_ROOMS" => Some("7".into()),
        "BURNCHAT_RELAY_CONNECTION_FRAMES" => Some("5:6".into()),
        "BURNCHAT_RELAY_ALLOWED_ORIGINS" => Some("https://a.example,https://b.example".into()),
        _ => None,
    };
    let file = File::with("rooms = 8\njoins = 9");
    let words = [
        "burnchat-relay",
        "--config",
        file.path(),
        "--connection-frames",
        "1:2",
    ];
    let words = words.map(OsString::from).to_vec();
    let Ok(Asked::Run(options)) = Options::read_with(words, variable) else {
        panic!("refused");
    };
    let config = options.config();
    assert_eq!(config.limits.rooms, 7, "the environment wins over the file");
    assert_eq!(config.limits.joins, 9);
    assert_eq!(
        config.limits.connection_frames.burst, 2,
        "and the command line over both"
    );
    assert_eq!(config.allowed_origins.len(), 2);
}

#[test]
fn what_is_wrong_in_the_environment_is_looked_for_there() {
    let variable = |name: &str| (name == "BURNCHAT_RELAY_ROOMS").then(|| "many".into());
    let read = Options::read_with(vec!["burnchat-relay".into()], variable);
    let said = read.err().expect("refused").to_string();
    assert!(said.contains("BURNCHAT_RELAY_ROOMS: "), "{said}");
}

#[test]
fn what_is_wrong_in_a_file_is_looked_for_there() {
    for (text, why) in [
        ("room = 7", "there is no option room"),
        ("rooms = 0", "above 0"),
        ("rooms = 1.5", "not a single value"),
        ("rooms = ", "TOML parse error"),
        ("rooms = 1\nrooms = 2", "duplicate key"),
        ("config = 'other.toml'", "there is no option config"),
        ("[limits]\nrooms = 7", "there is no option limits"),
        (
            "tls-cert = 'a.pem'\nacme = 'a.example'",
            "cannot be used with",
        ),
    ] {
        let file = File::with(text);
        let error = refused(&["--config", file.path()]);
        assert!(
            error.contains(why) && error.contains(file.path()),
            "{error}"
        );
    }
    assert!(refused(&["--config", "/nowhere.toml"]).contains("/nowhere.toml"));
}

#[test]
fn what_the_file_lacks_the_command_line_may_have() {
    let file = File::with("tls-key = 'key.pem'");
    let options = parse(&["--config", file.path(), "--tls-cert", "chain.pem"]);
    assert!(options.tls.tls_cert.is_some() && options.tls.tls_key.is_some());
}

#[test]
fn a_printed_configuration_says_the_same_when_it_is_read() {
    let set = [
        "--rooms=7",
        "--acme=a.example,b.example",
        "--mlock",
        "--room-bytes=1:2",
        "--metrics-listen=[::1]:1",
    ];
    for arguments in [&[][..], &set] {
        let first = printed(arguments);
        let file = File::with(&first);
        assert_eq!(printed(&["--config", file.path()]), first);
    }
}

#[test]
fn the_guide_lists_every_option_with_its_default() {
    const GUIDE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"));
    let table = table();
    assert!(
        GUIDE.contains(&table),
        "the table of options in README.md should be:\n\n{table}"
    );
}

/// The table of the guide.
fn table() -> String {
    let mut command = Options::command();
    command.build();
    let mut table = String::from("| option | default | meaning |\n|---|---|---|\n");
    for argument in command.get_arguments() {
        let Some(name) = argument
            .get_long()
            .filter(|name| !["help", "version"].contains(name))
        else {
            continue;
        };
        let values = argument.get_value_names().unwrap_or_default();
        let value = match values {
            [value]
                if argument
                    .get_num_args()
                    .is_some_and(|count| count.takes_values() && count.min_values() > 0) =>
            {
                format!(" {value}")
            }
            _ => String::new(),
        };
        let default = match name {
            "workers" => "one for every two processors".to_owned(),
            _ => argument
                .get_default_values()
                .iter()
                .map(|value| format!("`{}`", value.to_str().unwrap()))
                .collect(),
        };
        let help = argument.get_help().unwrap();
        table.push_str(&format!("| `--{name}{value}` | {default} | {help} |\n"));
    }
    table
}

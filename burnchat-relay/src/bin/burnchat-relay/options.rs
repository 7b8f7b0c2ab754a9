//! The command line, and the file and the environment that may stand for a part of it.

mod environment;
mod file;
mod limits;

use std::ffi::OsString;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use burnchat_relay::{ClusterOptions, Config, ForwardedHeader, IpNet, Origin};
use clap::builder::NonEmptyStringValueParser;
use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory, Error, FromArgMatches, Parser, ValueEnum};
use tracing_subscriber::filter::LevelFilter;

use self::limits::LimitOptions;

/// Relays Burnchat rooms: ephemeral chat rooms, encrypted end to end.
///
/// The relay numbers and forwards what people in a room send, counts the room's time down, and burns it. It can read
/// none of it. It stores nothing: rooms live in memory and end with the process. It writes no file, and its log names
/// no room, no person and no address.
#[derive(Debug, Parser)]
#[command(
    name = "burnchat-relay",
    version,
    max_term_width = 100,
    after_long_help = AFTER_HELP,
    // The command line wins over the environment, that over the file, and the later over the earlier.
    args_override_self = true
)]
pub(crate) struct Options {
    /// What to do
    #[arg(value_enum, value_name = "ACTION", default_value_t = Action::Serve, hide_default_value = true)]
    pub(crate) action: Action,

    /// Read options from this TOML file; those on the command line win
    ///
    /// Each option is a key, without its dashes: `rooms = 10000`, `acme = ["chat.example"]`, `mlock = true`. A key that
    /// is no option is an error. So is each an environment variable: BURNCHAT_RELAY_ROOMS=10000.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Print what is in force, as such a file, and end
    #[arg(long)]
    print_config: bool,

    /// Where to listen; port 0 picks a free one
    ///
    /// The first line on standard output says where it really listens: `listening on http://127.0.0.1:8470`.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8470")]
    pub(crate) listen: SocketAddr,

    /// A proxy with TLS stands in front: don't warn of plain HTTP beyond this machine
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false, action = ArgAction::Set)]
    pub(crate) behind_proxy: bool,

    #[command(flatten)]
    pub(crate) tls: TlsOptions,

    #[command(flatten)]
    asking: AskingOptions,

    #[command(flatten)]
    pub(crate) sharing: SharingOptions,

    #[command(flatten)]
    pub(crate) hardening: HardeningOptions,

    #[command(flatten)]
    pub(crate) watching: WatchingOptions,

    /// Leave out the web client: whoever opens the address in a browser gets no page to talk from
    #[cfg(feature = "web")]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false, action = ArgAction::Set)]
    pub(crate) no_web: bool,

    #[command(flatten)]
    limits: LimitOptions,
}

/// What the program is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Action {
    /// Run the relay (the default)
    Serve,
    /// Give up all that the relay would, and say line by line what is in force; 0 if all of it is
    Check,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "TLS")]
pub(crate) struct TlsOptions {
    /// Speak TLS with this certificate chain, in PEM; read again at SIGHUP
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The certificate's private key, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Speak TLS with a certificate for these domains, which an authority gives out by ACME
    ///
    /// The authority connects to port 443 of each domain (TLS-ALPN-01), so this relay must listen there. Using it means
    /// to agree with the authority's terms.
    #[arg(long, value_name = "DOMAIN", value_delimiter = ',', action = ArgAction::Set, conflicts_with = "tls_cert", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) acme: Vec<String>,

    /// An e-mail address for the authority
    #[arg(long, value_name = "ADDRESS", requires = "acme", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) acme_contact: Option<String>,

    /// Keep account and certificate in this folder, the one place where the relay then may write; without it in memory
    ///
    /// The folder must be there. Without it each start asks for a new certificate, and authorities allow few a week.
    #[arg(long, value_name = "DIR", requires = "acme")]
    pub(crate) acme_cache: Option<PathBuf>,

    /// The authority
    #[arg(long, value_name = "URL", default_value = LETS_ENCRYPT, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) acme_directory: String,

    /// Trust this root certificate, in PEM, for the connection to the authority, instead of the public ones
    #[arg(long, value_name = "FILE", requires = "acme")]
    pub(crate) acme_root: Option<PathBuf>,

    /// How long a TLS handshake may take
    #[arg(long, value_name = "MS", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) tls_handshake_millis: u64,

    /// TLS handshakes at once; more of them wait to be accepted
    #[arg(long, value_name = "N", default_value_t = 1_024, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) tls_handshakes: u32,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Who asks")]
struct AskingOptions {
    /// Proxies that are believed when they say whom they forward for: addresses or networks
    #[arg(long, value_name = "NETWORK", value_delimiter = ',', action = ArgAction::Set, value_parser = network)]
    trusted_proxies: Vec<IpNet>,

    /// The header in which they say so
    #[arg(long, value_name = "HEADER", value_enum, default_value_t = HeaderOption::XForwardedFor)]
    forwarded_header: HeaderOption,

    /// What a proxy takes off the front of paths, such as /chat
    #[arg(long, value_name = "PATH", value_parser = prefix)]
    path_prefix: Option<String>,

    /// Origins of web pages, besides the relay's own, that may speak to it
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',', action = ArgAction::Set)]
    allowed_origins: Vec<Origin>,
}

/// In which header proxies say whom they forward for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum HeaderOption {
    /// X-Forwarded-For, with X-Forwarded-Proto and X-Forwarded-Host
    XForwardedFor,
    /// Forwarded (RFC 7239)
    Forwarded,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Several relays")]
pub(crate) struct SharingOptions {
    /// Share rooms with the other relays that name the same Redis (7 or newer) or Valkey
    ///
    /// redis://127.0.0.1:6379, rediss://user@redis.example:6379 or redis+unix:///run/redis.sock. It must keep nothing on
    /// a disk and evict nothing. What is put there is sealed; when this relay ends, the others go on with its rooms. Of a
    /// Redis Cluster this is one of its nodes.
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) cluster: Option<String>,

    /// 32 bytes that all these relays have and Redis has not; without it their key is kept in Redis
    #[arg(long, value_name = "FILE", requires = "cluster")]
    pub(crate) cluster_key_file: Option<PathBuf>,

    /// The password for Redis: the file's first line
    #[arg(long, value_name = "FILE", requires = "cluster")]
    pub(crate) cluster_password_file: Option<PathBuf>,

    /// The certificates, in PEM, by which Redis is known over TLS; without it the authorities that browsers trust
    #[arg(long, value_name = "FILE", requires = "cluster")]
    pub(crate) cluster_ca: Option<PathBuf>,

    /// Take a Redis that may write what it is told to a disk
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false, action = ArgAction::Set)]
    pub(crate) allow_persistent_redis: bool,
}

impl SharingOptions {
    /// Where rooms are shared, if they are.
    ///
    /// # Errors
    /// If the password can't be read.
    pub(crate) fn cluster_options(&self) -> std::io::Result<Option<ClusterOptions>> {
        let Some(url) = &self.cluster else {
            return Ok(None);
        };
        let mut options = ClusterOptions::default();
        options.url.clone_from(url);
        options.key_file.clone_from(&self.cluster_key_file);
        options.ca_file.clone_from(&self.cluster_ca);
        options.allow_persistent = self.allow_persistent_redis;
        if let Some(path) = &self.cluster_password_file {
            let text = std::fs::read_to_string(path).map_err(|error| {
                std::io::Error::new(error.kind(), format!("{}: {error}", path.display()))
            })?;
            options.password = text.lines().next().map(str::to_owned);
        }
        Ok(Some(options))
    }
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Hardening")]
pub(crate) struct HardeningOptions {
    /// Keep all memory out of swap
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false, action = ArgAction::Set)]
    pub(crate) mlock: bool,

    /// Don't start where something of the hardening can't be had
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false, action = ArgAction::Set)]
    pub(crate) require_hardening: bool,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Watching it")]
pub(crate) struct WatchingOptions {
    /// How much to log to standard error: off, error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    pub(crate) log: LevelFilter,

    /// How to write the log
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,

    /// Serve /metrics, /healthz and /readyz here, on plain HTTP
    ///
    /// The numbers tell nothing of a room or a person, but how busy the relay is: not for everybody's eyes. Standard
    /// output says where it really listens: `metrics on http://127.0.0.1:9470`.
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) metrics_listen: Option<SocketAddr>,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people
    Text,
    /// An object on each line
    Json,
}

const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

const AFTER_HELP: &str = "\
Examples:
  burnchat-relay
      For this machine: http://127.0.0.1:8470
  burnchat-relay --listen 127.0.0.1:0 --log warn
      On a free port, and quiet
  burnchat-relay --behind-proxy --rooms 10000 --connections 20000
      With less than the defaults, behind a proxy such as Caddy: `reverse_proxy 127.0.0.1:8470`
  burnchat-relay --listen '[::]:443' --acme chat.example --acme-cache /var/lib/burnchat-relay
      On the internet without a proxy
  burnchat-relay check --mlock
      What this machine lets the relay give up
  burnchat create --relay http://127.0.0.1:8470 --ttl 10m
      Opens a room on it, from another terminal

What it stores:
  Nothing on any disk. In memory, while a room lives: public keys, encrypted names and messages, hashes
  of its ticket and of the tokens and PIN that admit to it. A burn wipes them; ending the relay burns
  all rooms. A peer's address is kept as a hash under a key that is drawn at the start.

How it ends:
  SIGTERM and SIGINT burn all rooms: everybody is told, and the relay ends within seconds. A second
  signal ends it at once. SIGHUP reads the TLS certificate again.

Exit codes:
  0  asked to end, all rooms burned; `check`: all of the hardening is in force
  1  could not start; `check`: something of the hardening is not in force
  2  the command line or the configuration file is wrong
  3  a bug: a worker panicked, and its rooms are gone
  130, 143  ended at once by a second SIGINT or SIGTERM";

/// What a command line asks for.
pub(crate) enum Asked {
    /// Something to be done.
    Run(Box<Options>),
    /// To have this printed.
    Print(String),
}

impl Options {
    /// Reads the command line, the environment, and the file that the command line names.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub(crate) fn read(command_line: Vec<OsString>) -> Result<Asked, Error> {
        Self::read_with(command_line, |name| std::env::var_os(name))
    }

    fn read_with(
        command_line: Vec<OsString>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Asked, Error> {
        let mut command = Self::command();
        let mut words = command_line.iter().cloned();
        let name: Vec<_> = words.next().into_iter().collect();
        // What else the command line lacks, the file may have.
        let lenient = Self::command()
            .ignore_errors(true)
            .try_get_matches_from(&command_line);
        let path = lenient
            .ok()
            .and_then(|matches| matches.get_one::<PathBuf>("config").cloned());

        // Each by itself first: so that what is wrong is looked for where it is. What one lacks, another may have.
        let mut check = |arguments: &[OsString], place: &dyn fmt::Display| {
            let read = command.try_get_matches_from_mut(name.iter().chain(arguments));
            read.err()
                .filter(|error| error.kind() != ErrorKind::MissingRequiredArgument)
                .map_or(Ok(()), |error| Err(wrong(place, &error.to_string())))
        };
        let mut said = Vec::new();
        if let Some(path) = path {
            let place = path.display();
            let text = std::fs::read_to_string(&path)
                .map_err(|error| wrong(&place, &error.to_string()))?;
            said = file::arguments(&text, &Self::command()).map_err(|why| wrong(&place, &why))?;
            check(&said, &place)?;
        }
        for (variable, argument) in environment::arguments(variable, &Self::command()) {
            check(std::slice::from_ref(&argument), &variable)?;
            said.push(argument);
        }
        let all = name.into_iter().chain(said).chain(words);
        let matches = command.try_get_matches_from_mut(all)?;
        let options = Self::from_arg_matches(&matches)?;
        if options.print_config {
            return Ok(Asked::Print(file::print(&command, &matches)));
        }
        Ok(Asked::Run(Box::new(options)))
    }

    pub(crate) fn config(&self) -> Config {
        let mut config = Config::default();
        self.limits.apply(&mut config);
        let asking = &self.asking;
        config.trusted_proxies.clone_from(&asking.trusted_proxies);
        config.forwarded_header = match asking.forwarded_header {
            HeaderOption::XForwardedFor => ForwardedHeader::XForwardedFor,
            HeaderOption::Forwarded => ForwardedHeader::Forwarded,
        };
        config.path_prefix = asking.path_prefix.clone().unwrap_or_default();
        config.allowed_origins.clone_from(&asking.allowed_origins);
        config
    }
}

fn wrong(place: &dyn fmt::Display, why: &str) -> Error {
    let why = format!("{place}: {}", why.trim_end());
    Options::command().error(ErrorKind::ValueValidation, why)
}

/// A network, or an address, which is one of a single host.
fn network(text: &str) -> Result<IpNet, &'static str> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse::<IpNet>()
        .or_else(|_| address())
        .map_err(|_| "an address or a network is needed, such as 127.0.0.1 or 10.0.0.0/8")
}

fn prefix(text: &str) -> Result<String, &'static str> {
    if text.starts_with('/') && !text.ends_with('/') {
        Ok(text.to_owned())
    } else {
        Err("a path that begins with a slash and ends without one is needed, such as /chat")
    }
}

#[cfg(test)]
mod tests;

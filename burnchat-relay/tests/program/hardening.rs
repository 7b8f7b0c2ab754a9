//! What the program gives up before the first connection, and that it does.

use std::fs::read_to_string;
use std::net::SocketAddr;

use burnchat_core::client::RoomSettings;
use burnchat_core::wire::BurnReason;
use rustix::process::Signal;

use crate::harness::life::LifeOver;
use crate::harness::participant::Transport;
use crate::harness::program::{Program, run};
use crate::harness::session::{Browser, Session};
use crate::harness::wire::Wire;
use crate::harness::{in_time, installed};

#[tokio::test]
async fn check_says_line_by_line_what_is_in_force() {
    let checked = run(&["check"]).await;
    let said = String::from_utf8(checked.stdout).unwrap();
    assert_eq!(checked.status.code(), Some(0), "{said}");
    for line in [
        "yes  no file can be written or made: Landlock, ABI ",
        "yes  no core is dumped: ",
        "yes  no other process of this user can look inside: ",
        "-    no memory is swapped out: not asked for (--mlock)",
        "yes  freed memory is wiped: ",
    ] {
        assert!(
            said.lines().any(|said| said.starts_with(line)),
            "{line}: {said}"
        );
    }
}

#[tokio::test]
async fn check_fails_where_something_is_missing() {
    let folder = ["--acme", "relay.example", "--acme-cache", "/nowhere"];
    let checked = run(&[&["check"], &folder[..]].concat()).await;
    let said = String::from_utf8(checked.stdout).unwrap();
    assert_eq!(checked.status.code(), Some(1), "{said}");
    assert!(
        said.contains("NO   no file can be written or made: /nowhere: "),
        "{said}"
    );
}

#[tokio::test]
async fn where_hardening_is_required_and_missing_it_does_not_start() {
    let folder = [
        "--acme",
        "relay.example",
        "--acme-cache",
        "/nowhere",
        "--listen",
        "127.0.0.1:0",
    ];
    let ended = run(&[&["--require-hardening"], &folder[..]].concat()).await;
    let log = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{log}");
    assert!(ended.stdout.is_empty());
    assert!(log.contains("NO   no file can be written or made"), "{log}");
}

#[tokio::test]
async fn the_kernel_agrees_that_the_relay_has_given_it_up() {
    let program =
        Program::start(&["--listen", "127.0.0.1:0", "--mlock", "--require-hardening"]).await;
    let of_process = |file: &str| read_to_string(format!("/proc/{}/{file}", program.id())).unwrap();
    let limits = of_process("limits");
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let core: Vec<_> = core.unwrap().split_whitespace().collect();
    assert_eq!(core[4..6], ["0", "0"]);
    let status = of_process("status");
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    let locked = status.lines().find(|line| line.starts_with("VmLck:"));
    assert!(!locked.unwrap().contains("\t       0 kB"), "{status}");
}

#[tokio::test]
async fn in_a_whole_life_it_writes_to_nothing_that_stays() {
    if !installed("strace") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let calls = "--trace=open,openat,openat2,creat,write,writev,pwrite64,pwritev,pwritev2,sendfile,splice,tee,vmsplice,\
                 copy_file_range,truncate,ftruncate,fallocate,rename,renameat,renameat2,link,linkat,symlink,symlinkat,\
                 mkdir,mkdirat,mknod,mknodat,unlink,unlinkat,rmdir,io_uring_setup,memfd_create,execve";
    let strace = [
        "strace",
        "--follow-forks",
        "--daemonize",
        "--decode-fds=all",
        "--signal=none",
        "--string-limit=0",
    ];
    let to = ["--output", trace.to_str().unwrap(), calls];
    let mut program = Program::start_under(
        &[&strace[..], &to].concat(),
        &["--listen", "127.0.0.1:0", "--log", "trace"],
    )
    .await;
    let sockets = live_and_burn::<Wire, Wire>(program.address).await;
    let http = live_and_burn::<Session, Browser>(program.address).await;
    program.signal(Signal::TERM);
    sockets.end(BurnReason::Shutdown).await;
    http.end(BurnReason::Shutdown).await;
    assert_eq!(program.exit_code().await, 0);

    let trace = in_time(async {
        loop {
            let text = read_to_string(&trace).unwrap_or_default();
            if text.contains("+++ exited with 0 +++") && text.ends_with("+++\n") {
                return text;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut written = 0;
    for line in trace.lines() {
        let call = line
            .split_once(' ')
            .map_or(line, |(_, call)| call.trim_start());
        if call.starts_with("execve(") || call.starts_with("+++") || call.starts_with("<...") {
            continue;
        }
        // A thread that the end of the process caught before strace could ask what it was about to call; it called nothing.
        if call.starts_with("???(") && call.ends_with("<unfinished ...>") {
            continue;
        }
        let (name, arguments) = call.split_once('(').unwrap_or((call, ""));
        match name {
            "open" | "openat" | "openat2" => {
                // The relay tries once whether it can make a file, and must not be able to.
                let refused = call.contains("= -1 EACCES");
                assert!(
                    refused || call.contains("O_RDONLY") && !call.contains("O_CREAT"),
                    "{line}"
                );
            }
            "write" | "writev" => {
                let (fd, rest) = arguments.split_once('<').expect(line);
                let lasting = !["TCP", "socket:", "UNIX", "pipe:", "anon_inode:[eventfd]"]
                    .iter()
                    .any(|kind| rest.starts_with(kind));
                assert!(!lasting || ["1", "2"].contains(&fd), "{line}");
                written += 1;
            }
            _ => panic!("{line}"),
        }
    }
    assert!(written > 100, "{trace}");
}

/// Rooms that burn in every way, and one that lasts.
async fn live_and_burn<A: Transport, B: Transport>(relay: SocketAddr) -> LifeOver<A, B> {
    let lasting = LifeOver::live(relay, RoomSettings::default()).await;
    let mut lives = Vec::new();
    for history in [false, true, false] {
        let settings = RoomSettings {
            history,
            ..RoomSettings::default()
        };
        lives.push(LifeOver::<A, B>::live(relay, settings).await);
    }
    for (index, life) in lives.into_iter().enumerate() {
        match index % 2 {
            0 => life.burn().await,
            _ => life.burn_over_http().await,
        }
    }
    lasting
}

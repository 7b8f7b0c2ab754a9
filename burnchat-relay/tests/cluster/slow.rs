//! A way to Redis that takes its time.

#![expect(
    clippy::disallowed_methods,
    reason = "what stands between relays and Redis is no part of either"
)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use burnchat_client::Event;
use rustix::process::Signal;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::people::{Guest, Made, numbered, relay_at};
use super::redis::Redis;

/// In front of a Redis: what goes through arrives later, in order.
struct SlowWay {
    address: SocketAddr,
    open: watch::Sender<bool>,
    listeners: Listeners,
    task: JoinHandle<()>,
}

/// Of each connection over which a relay listens, whether everything on it vanishes.
type Listeners = Arc<Mutex<Vec<Arc<AtomicBool>>>>;

impl SlowWay {
    async fn to(redis: &Redis, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (open, is_open) = watch::channel(true);
        let socket = redis.socket();
        let listeners = Listeners::default();
        let of_task = Arc::clone(&listeners);
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let _ = near.set_nodelay(true);
                let listeners = Arc::clone(&of_task);
                let way = carry(near, socket.clone(), delay, is_open.clone(), listeners);
                tokio::spawn(way);
            }
        });
        Self {
            address,
            open,
            listeners,
            task,
        }
    }

    /// What is said to relays that listen by now vanishes without a word, as with a cable that is cut.
    fn deafen(&self) {
        let listeners = self.listeners.lock().unwrap();
        assert!(!listeners.is_empty());
        for silent in &*listeners {
            silent.store(true, Ordering::Relaxed);
        }
    }

    fn url(&self) -> String {
        format!("redis://{}", self.address)
    }
}

impl Drop for SlowWay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(
    near: tokio::net::TcpStream,
    socket: PathBuf,
    delay: Duration,
    is_open: watch::Receiver<bool>,
    listeners: Listeners,
) {
    let Ok(far) = UnixStream::connect(socket).await else {
        return;
    };
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    let silent = Arc::new(AtomicBool::new(false));
    let asked = |piece: &[u8]| {
        if piece.windows(9).any(|words| words == b"SUBSCRIBE") {
            listeners.lock().unwrap().push(Arc::clone(&silent));
        }
        !silent.load(Ordering::Relaxed)
    };
    let told = |_: &[u8]| !silent.load(Ordering::Relaxed);
    tokio::select! {
        () = later(near_in, far_out, delay, is_open.clone(), asked) => {}
        () = later(far_in, near_out, delay, is_open, told) => {}
    }
}

/// Each piece waits for so long, and for the way to be open, if it goes through at all.
async fn later(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    delay: Duration,
    mut is_open: watch::Receiver<bool>,
    goes_through: impl Fn(&[u8]) -> bool,
) {
    let (put, mut pieces) = mpsc::unbounded_channel();
    let reading = async {
        let mut chunk = vec![0; 64 << 10];
        while let Ok(length @ 1..) = from.read(&mut chunk).await {
            let _ = put.send((Instant::now() + delay, chunk[..length].to_vec()));
        }
    };
    let writing = async {
        while let Some((due, piece)) = pieces.recv().await {
            sleep_until(due).await;
            if !goes_through(&piece) {
                continue;
            }
            if is_open.wait_for(|open| *open).await.is_err() || to.write_all(&piece).await.is_err()
            {
                return;
            }
        }
    };
    tokio::select! {
        () = reading => {}
        () = writing => {}
    }
}

fn reconnects(guest: &Guest) -> usize {
    let kept = guest.kept.iter();
    kept.filter(|event| matches!(event, Event::Reconnecting))
        .count()
}

#[tokio::test]
async fn through_half_a_second_each_way_everything_arrives_and_nobody_is_let_go() {
    let redis = Redis::start().await;
    let way = SlowWay::to(&redis, Duration::from_millis(500)).await;
    let url = way.url();
    let (one, two) = tokio::join!(relay_at(&url, &[]), relay_at(&url, &[]));
    let [a, b] = [one.address, two.address];
    let made = Made::at(a).await;
    let mut ana = Guest::create(&made, &[a, b]).await;
    let mut ben = Guest::join(&made, &[b]).await;
    for guest in [&mut ana, &mut ben] {
        guest.until_here_are(2).await;
    }
    for n in 0..10 {
        ana.say(&format!("ana {n}"));
        ben.say(&format!("ben {n}"));
    }
    let all = |guest: &Guest| guest.heard.len() == 10 && guest.accepted == 10;
    tokio::join!(ana.until(all), ben.until(all));
    assert_eq!(ana.heard, numbered("ben", 10));
    assert_eq!(ben.heard, numbered("ana", 10));
    assert_eq!((reconnects(&ana), reconnects(&ben)), (0, 0));

    // Nor is anything lost when the owner ends in the middle of it.
    ana.balancer.point_to(&[b]);
    for n in 10..20 {
        ana.say(&format!("ana {n}"));
        ben.say(&format!("ben {n}"));
    }
    ben.until(|guest| guest.heard.len() > 12).await;
    one.signal(Signal::KILL);
    let all = |guest: &Guest| guest.heard.len() == 20 && guest.accepted == 20;
    tokio::join!(ana.until(all), ben.until(all));
    assert_eq!(ana.heard, numbered("ben", 20));
    assert_eq!(ben.heard, numbered("ana", 20));
}

#[tokio::test]
async fn while_redis_stands_still_so_does_the_talk_and_then_it_goes_on() {
    let redis = Redis::start().await;
    let way = SlowWay::to(&redis, Duration::ZERO).await;
    let url = way.url();
    let (one, two) = tokio::join!(relay_at(&url, &[]), relay_at(&url, &[]));
    let [a, b] = [one.address, two.address];
    let made = Made::at(a).await;
    let mut ana = Guest::create(&made, &[a, b]).await;
    let mut ben = Guest::join(&made, &[b, a]).await;
    for guest in [&mut ana, &mut ben] {
        guest.until_here_are(2).await;
    }
    way.open.send_replace(false);
    for n in 0..10 {
        ana.say(&format!("ana {n}"));
        ben.say(&format!("ben {n}"));
    }
    // Longer than either relay can be sure of its rooms.
    sleep(Duration::from_secs(4)).await;
    assert_eq!((ana.accepted, ben.accepted), (0, 0));
    way.open.send_replace(true);
    let all = |guest: &Guest| guest.heard.len() == 10 && guest.accepted == 10;
    tokio::join!(ana.until(all), ben.until(all));
    assert_eq!(ana.heard, numbered("ben", 10));
    assert_eq!(ben.heard, numbered("ana", 10));
    assert_eq!(ana.ended, None);
    assert_eq!(ana.room.participants().len(), 2);
}

#[tokio::test]
async fn a_relay_that_hears_nothing_any_more_notices() {
    let redis = Redis::start().await;
    let way = SlowWay::to(&redis, Duration::ZERO).await;
    let urls = [redis.url(), way.url()];
    let (one, two) = tokio::join!(relay_at(&urls[0], &[]), relay_at(&urls[1], &[]));
    let [a, b] = [one.address, two.address];
    let made = Made::at(a).await;
    let mut ana = Guest::create(&made, &[a]).await;
    let mut ben = Guest::join(&made, &[b]).await;
    for guest in [&mut ana, &mut ben] {
        guest.until_here_are(2).await;
    }
    way.deafen();
    for n in 0..10 {
        ana.say(&format!("ana {n}"));
        ben.say(&format!("ben {n}"));
    }
    let all = |guest: &Guest| guest.heard.len() == 10 && guest.accepted == 10;
    tokio::join!(ana.until(all), ben.until(all));
    assert_eq!(ana.heard, numbered("ben", 10));
    assert_eq!(ben.heard, numbered("ana", 10));
}

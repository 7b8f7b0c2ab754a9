//! A way to Redis that takes its time.

#![expect(
    clippy::disallowed_methods,
    reason = "what stands between relays and Redis is no part of either"
)]

use std::net::SocketAddr;
use std::path::PathBuf;
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
    task: JoinHandle<()>,
}

impl SlowWay {
    async fn to(redis: &Redis, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (open, is_open) = watch::channel(true);
        let socket = redis.socket();
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let _ = near.set_nodelay(true);
                tokio::spawn(carry(near, socket.clone(), delay, is_open.clone()));
            }
        });
        Self {
            address,
            open,
            task,
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
) {
    let Ok(far) = UnixStream::connect(socket).await else {
        return;
    };
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    tokio::select! {
        () = later(near_in, far_out, delay, is_open.clone()) => {}
        () = later(far_in, near_out, delay, is_open) => {}
    }
}

/// Each piece waits for so long, and for the way to be open.
async fn later(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    delay: Duration,
    mut is_open: watch::Receiver<bool>,
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

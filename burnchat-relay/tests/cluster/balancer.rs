//! What stands in front of the relays: takes each connection to the next of them that takes it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub(crate) struct Balancer {
    pub(crate) address: SocketAddr,
    relays: Arc<Mutex<Vec<SocketAddr>>>,
    task: JoinHandle<()>,
}

impl Balancer {
    /// In front of these, the first one first.
    pub(crate) async fn to(relays: &[SocketAddr]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let relays = Arc::new(Mutex::new(relays.to_vec()));
        let next = AtomicUsize::new(0);
        let behind = Arc::clone(&relays);
        let task = tokio::spawn(async move {
            loop {
                let Ok((mut stream, _)) = listener.accept().await else {
                    return;
                };
                let first = next.fetch_add(1, Ordering::Relaxed);
                let relays = behind.lock().unwrap().clone();
                tokio::spawn(async move {
                    for step in 0..relays.len() {
                        let relay = relays[(first + step) % relays.len()];
                        if let Ok(mut behind) = TcpStream::connect(relay).await {
                            let _ = behind.set_nodelay(true);
                            let _ = stream.set_nodelay(true);
                            let _ = copy_bidirectional(&mut stream, &mut behind).await;
                            return;
                        }
                    }
                });
            }
        });
        Self {
            address,
            relays,
            task,
        }
    }

    /// From now on in front of these.
    pub(crate) fn point_to(&self, relays: &[SocketAddr]) {
        *self.relays.lock().unwrap() = relays.to_vec();
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

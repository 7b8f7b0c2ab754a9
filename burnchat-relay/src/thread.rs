//! The threads on which workers and their connections run.
//!
//! Each worker has one of its own, with a runtime of its own. What a frame takes, from the socket it comes from through
//! the hub to the sockets it goes out on, happens on that thread: nobody has to be woken on another one, and what is
//! touched is in the caches of one processor.

use std::convert::Infallible;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc;

use burnchat_core::crypto::wipe_stack;

use crate::stack;

/// A worker's thread. It ends when nobody has one of these any more.
#[derive(Clone)]
pub(crate) struct Thread {
    runtime: Handle,
    _hold: mpsc::Sender<Infallible>,
}

impl Thread {
    /// Starts one. Where the system has no more threads or files to give, it is tokio's current runtime instead: nothing
    /// but speed depends on it.
    ///
    /// # Panics
    /// If there is no current runtime then.
    pub(crate) fn start() -> Self {
        let (hold, mut holds) = mpsc::channel(1);
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        // The runtime is made and dropped on its thread: it must not be dropped in another runtime.
        let main = move || {
            let runtime = Builder::new_current_thread()
                .enable_all()
                .on_thread_park(stack::wipe_if_used)
                .build();
            if let Ok(runtime) = runtime
                && tell.send(runtime.handle().clone()).is_ok()
            {
                runtime.block_on(async { while holds.recv().await.is_some() {} });
                drop(runtime);
            }
            // A thread that ends doesn't sleep before, and its stack is kept for the next one.
            wipe_stack();
        };
        let started = thread::Builder::new().name("burnchat-worker".to_owned());
        let runtime = started.spawn(main).ok().and_then(|_| told.recv().ok());
        Self {
            runtime: runtime.unwrap_or_else(Handle::current),
            _hold: hold,
        }
    }

    /// Runs a task there, to its end.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let held = self.clone();
        // Or the task below would have room for it twice.
        let task = Box::pin(task);
        self.runtime.spawn(async move {
            task.await;
            drop(held);
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_is_spawned_runs_elsewhere_and_to_its_end() {
        let thread = Thread::start();
        let (go_on, wait) = oneshot::channel();
        let (tell, told) = oneshot::channel();
        thread.spawn(async move {
            let _ = wait.await;
            let _ = tell.send(thread::current().id());
        });
        drop(thread);
        go_on.send(()).unwrap();
        assert_ne!(told.await.unwrap(), thread::current().id());
    }

    #[tokio::test]
    async fn a_thread_that_nobody_needs_ends() {
        struct Tells(Option<oneshot::Sender<()>>);
        impl Drop for Tells {
            fn drop(&mut self) {
                let _ = self.0.take().map(|tell| tell.send(()));
            }
        }
        thread_local!(static TELLS: std::cell::RefCell<Option<Tells>> = const { std::cell::RefCell::new(None) });

        let thread = Thread::start();
        let (tell, ended) = oneshot::channel();
        thread.spawn(async move { TELLS.set(Some(Tells(Some(tell)))) });
        drop(thread);
        ended.await.unwrap();
    }
}

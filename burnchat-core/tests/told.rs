//! What one client makes of a log that is written by hand (`told/log.rs`): rooms that an honest relay and honest people
//! seldom or never come to, and lies in which relay and insiders work together.

#[cfg(test)]
mod told {
    mod histories;
    mod history_lies;
    mod history_limits;
    mod keys;
    mod log;
    mod strangers;
    mod tickets;
}

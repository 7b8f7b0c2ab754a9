//! Attacks, each carried out against the machines and each a story: what the attacker does, that it works where nothing
//! stands against it, and what the attacked notice.
//!
//! `hostile` is the relay's side of an attack, `puppet` an insider's.

#[cfg(test)]
mod harness;

#[cfg(test)]
mod attacks {
    mod admission;
    mod clock;
    mod envelopes;
    mod forks;
    mod frames;
    mod history;
    mod hostile;
    mod keys;
    mod puppet;
    mod roster;
    mod stewards;
}

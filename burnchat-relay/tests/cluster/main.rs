//! Several relays that share their rooms, each a process of its own, and a Redis that is one too.

#[cfg(test)]
#[path = "../harness/mod.rs"]
mod harness;

#[cfg(test)]
mod balancer;
#[cfg(test)]
mod failing;
#[cfg(all(test, target_os = "linux"))]
mod memory;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod people;
#[cfg(test)]
mod redis;
#[cfg(test)]
mod refusing;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod sharing;
#[cfg(test)]
mod slow;

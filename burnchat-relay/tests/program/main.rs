//! The program, as a process of its own.

#[cfg(test)]
#[path = "../harness/mod.rs"]
mod harness;

#[cfg(all(test, target_os = "linux"))]
mod budget;
#[cfg(all(test, target_os = "linux"))]
mod hardening;
#[cfg(all(test, target_os = "linux"))]
mod memory;
#[cfg(test)]
mod metrics;
#[cfg(all(test, target_os = "linux"))]
mod proxy;
#[cfg(test)]
mod running;
#[cfg(test)]
mod tls;

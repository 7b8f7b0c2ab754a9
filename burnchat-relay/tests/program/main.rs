//! The program, as a process of its own.

#[cfg(test)]
#[path = "../harness/mod.rs"]
mod harness;

#[cfg(test)]
#[cfg(target_os = "linux")]
mod budget;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod hardening;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod memory;
#[cfg(test)]
mod metrics;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod proxy;
#[cfg(test)]
mod running;
#[cfg(test)]
mod tls;

//! Burnchat's C ABI: the core's two machines behind handles, for C and for everything that can call C.
//!
//! The header `include/burnchat.h` is made from this code and is its documentation for callers: rules for pointers,
//! ownership and threads first, then every function. The README has the run loop. This page is for whoever changes it.
//!
//! # How a call crosses the border
//!
//! Every function answers a number ([`codes`]). One on a handle goes through `handle`: NULL, a handle of another kind,
//! one that has been freed, is in use on another thread or is poisoned, is answered; a panic is caught, poisons the handle
//! and is answered. What the caller points to is taken in by [`values`], which checks NULL, alignment and lengths and can
//! check no more: the rest is the caller's word, and each `unsafe` block names it.
//!
//! # What is stable
//!
//! Numbers are never given another meaning. Structs that a function fills grow at their end only, and their callers say
//! how much they have room for. Everything else changes with [`version::bc_abi_version`]'s upper half.

#![deny(unsafe_op_in_unsafe_fn)]
#![allow(
    clippy::missing_safety_doc,
    reason = "the rules for pointers are the same for every function, and stand in the header once"
)]

pub mod client;
pub mod codes;
mod entropy;
pub mod event;
mod handle;
pub mod hub;
pub mod room;
mod stack;
pub mod values;
pub mod version;

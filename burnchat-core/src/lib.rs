//! The Burnchat protocol.

#![no_std]

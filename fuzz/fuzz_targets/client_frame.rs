//! What a client sends, as the relay reads it: any bytes are read or refused, and what was read says the same once it is written and read again.

#![no_main]

use burnchat_core::{limits, wire::ClientFrame};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|frame: &[u8]| {
    let Ok(frame) = ClientFrame::parse(frame) else {
        return;
    };
    let written = frame.encode();
    // Spelling out the members that were left out may make it longer than a frame may be.
    if written.as_bytes().len() > limits::CLIENT_FRAME_BYTES {
        return;
    }
    let Ok(again) = ClientFrame::parse(written.as_bytes()) else {
        panic!("cannot read what it wrote: {}", written.as_str());
    };
    assert_eq!(again.encode().as_str(), written.as_str());
});

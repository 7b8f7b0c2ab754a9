//! What a relay sends, as a client reads it: any bytes are read or refused, and what was read says the same once it is written and read again.

#![no_main]

use burnchat_core::{limits, wire::RelayFrame};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|frame: &[u8]| {
    let Ok(Some(frame)) = RelayFrame::parse(frame) else {
        return;
    };
    let written = frame.encode();
    // Spelling out the members that were left out may make it longer than a frame may be.
    if written.as_bytes().len() > limits::RELAY_FRAME_BYTES {
        return;
    }
    let Ok(Some(again)) = RelayFrame::parse(written.as_bytes()) else {
        panic!("cannot read what it wrote: {}", written.as_str());
    };
    assert_eq!(again.encode().as_str(), written.as_str());
});

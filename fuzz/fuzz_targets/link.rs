//! A link has one spelling: whatever is read as a link is what the link is written as.

#![no_main]

use burnchat_core::link::Link;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(link) = Link::parse(text) {
        assert_eq!(link.to_url().as_str(), text);
    }
});

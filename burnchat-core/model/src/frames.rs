//! Every frame once, with a number: queues, inputs and states then hold numbers.

use std::rc::Rc;

use crate::hash::{Digest, Map, digest};

/// The number of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FrameId(u32);

/// All frames there have been.
#[derive(Default)]
pub(crate) struct Frames {
    texts: Vec<Rc<[u8]>>,
    numbers: Map<Digest, FrameId>,
    /// The first of each type.
    firsts: Vec<FrameId>,
}

impl Frames {
    pub(crate) fn number(&mut self, text: &[u8]) -> FrameId {
        let next = FrameId(u32::try_from(self.texts.len()).unwrap_or(u32::MAX));
        let number = *self.numbers.entry(digest(text)).or_insert(next);
        if number == next {
            self.texts.push(text.into());
            let is_first = |first: &FrameId| self.kind(*first) != self.kind(next);
            if self.firsts.iter().all(is_first) {
                self.firsts.push(next);
            }
        }
        number
    }

    /// One frame of each type there has been.
    pub(crate) fn of_each_type(&self) -> impl Iterator<Item = Rc<[u8]>> {
        self.firsts.iter().map(|first| self.text(*first))
    }

    pub(crate) fn text(&self, FrameId(number): FrameId) -> Rc<[u8]> {
        Rc::clone(&self.texts[number as usize])
    }

    /// The `type` of a frame, for stories and for finding key frames.
    pub(crate) fn kind(&self, FrameId(number): FrameId) -> &str {
        let text = std::str::from_utf8(&self.texts[number as usize]).unwrap_or_default();
        text.split_once(r#""type":""#)
            .and_then(|(_, rest)| rest.split_once('"'))
            .map_or("?", |(kind, _)| kind)
    }

    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }
}

//! The emoji of the verification code (spec appendix B).

/// An emoji and what to call it when reading aloud.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Emoji {
    /// One code point. Where a font gives it a text form, U+FE0F follows it on screen.
    pub symbol: char,
    /// Its name.
    pub name: &'static str,
}

const fn emoji(symbol: char, name: &'static str) -> Emoji {
    Emoji { symbol, name }
}

/// Indexed by six bits.
#[rustfmt::skip]
pub(super) const EMOJI: [Emoji; 64] = [
    emoji('🐶', "dog"), emoji('🐱', "cat"), emoji('🐭', "mouse"), emoji('🦊', "fox"),
    emoji('🐻', "bear"), emoji('🐼', "panda"), emoji('🐯', "tiger"), emoji('🦁', "lion"),
    emoji('🐮', "cow"), emoji('🐷', "pig"), emoji('🐸', "frog"), emoji('🐵', "monkey"),
    emoji('🐔', "chicken"), emoji('🐧', "penguin"), emoji('🦉', "owl"), emoji('🐺', "wolf"),
    emoji('🐴', "horse"), emoji('🦄', "unicorn"), emoji('🐝', "bee"), emoji('🐌', "snail"),
    emoji('🐞', "ladybird"), emoji('🐢', "turtle"), emoji('🐍', "snake"), emoji('🐙', "octopus"),
    emoji('🦀', "crab"), emoji('🐠', "fish"), emoji('🐬', "dolphin"), emoji('🐳', "whale"),
    emoji('🐘', "elephant"), emoji('🐪', "camel"), emoji('🌵', "cactus"), emoji('🌲', "fir"),
    emoji('🌴', "palm"), emoji('🍀', "clover"), emoji('🍄', "mushroom"), emoji('🌻', "sunflower"),
    emoji('🌙', "moon"), emoji('⭐', "star"), emoji('🌈', "rainbow"), emoji('⚡', "lightning"),
    emoji('🔥', "fire"), emoji('🌊', "wave"), emoji('🍎', "apple"), emoji('🍋', "lemon"),
    emoji('🍉', "melon"), emoji('🍇', "grapes"), emoji('🍒', "cherry"), emoji('🥕', "carrot"),
    emoji('🌽', "corn"), emoji('🍞', "bread"), emoji('🧀', "cheese"), emoji('🍕', "pizza"),
    emoji('🎂', "cake"), emoji('⚽', "ball"), emoji('🎸', "guitar"), emoji('🎺', "trumpet"),
    emoji('🥁', "drum"), emoji('🚲', "bicycle"), emoji('🚂', "train"), emoji('🚀', "rocket"),
    emoji('⛵', "boat"), emoji('🔑', "key"), emoji('🔔', "bell"), emoji('⚓', "anchor"),
];

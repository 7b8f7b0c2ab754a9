//! The animals of names that nobody chose (spec appendix A).

/// Indexed by six bits.
#[rustfmt::skip]
pub(super) const ANIMALS: [&str; 64] = [
    "ant", "ape", "auk", "bat", "bear", "bee", "bird", "boar",
    "bug", "cat", "clam", "cod", "cow", "crab", "crow", "cub",
    "deer", "dog", "dove", "duck", "eel", "elk", "emu", "ewe",
    "fawn", "finch", "fish", "flea", "fly", "foal", "fox", "frog",
    "goat", "goose", "gnat", "hare", "hawk", "hen", "ibex", "jay",
    "kite", "kiwi", "koi", "lamb", "lark", "lion", "lynx", "mink",
    "mole", "moth", "mouse", "mule", "newt", "orca", "otter", "owl",
    "ox", "panda", "pig", "puma", "ram", "raven", "seal", "wolf",
];

"""Appendices A and B, in order."""

ANIMALS: list[str] = (
    "ant ape auk bat bear bee bird boar bug cat clam cod cow crab crow cub "
    "deer dog dove duck eel elk emu ewe fawn finch fish flea fly foal fox frog "
    "goat goose gnat hare hawk hen ibex jay kite kiwi koi lamb lark lion lynx mink "
    "mole moth mouse mule newt orca otter owl ox panda pig puma ram raven seal wolf "
).split()

# Each a single code point and its name.
EMOJI: list[tuple[str, str]] = [
    ("🐶", "dog"), ("🐱", "cat"), ("🐭", "mouse"), ("🦊", "fox"),
    ("🐻", "bear"), ("🐼", "panda"), ("🐯", "tiger"), ("🦁", "lion"),
    ("🐮", "cow"), ("🐷", "pig"), ("🐸", "frog"), ("🐵", "monkey"),
    ("🐔", "chicken"), ("🐧", "penguin"), ("🦉", "owl"), ("🐺", "wolf"),
    ("🐴", "horse"), ("🦄", "unicorn"), ("🐝", "bee"), ("🐌", "snail"),
    ("🐞", "ladybird"), ("🐢", "turtle"), ("🐍", "snake"), ("🐙", "octopus"),
    ("🦀", "crab"), ("🐠", "fish"), ("🐬", "dolphin"), ("🐳", "whale"),
    ("🐘", "elephant"), ("🐪", "camel"), ("🌵", "cactus"), ("🌲", "fir"),
    ("🌴", "palm"), ("🍀", "clover"), ("🍄", "mushroom"), ("🌻", "sunflower"),
    ("🌙", "moon"), ("⭐", "star"), ("🌈", "rainbow"), ("⚡", "lightning"),
    ("🔥", "fire"), ("🌊", "wave"), ("🍎", "apple"), ("🍋", "lemon"),
    ("🍉", "melon"), ("🍇", "grapes"), ("🍒", "cherry"), ("🥕", "carrot"),
    ("🌽", "corn"), ("🍞", "bread"), ("🧀", "cheese"), ("🍕", "pizza"),
    ("🎂", "cake"), ("⚽", "ball"), ("🎸", "guitar"), ("🎺", "trumpet"),
    ("🥁", "drum"), ("🚲", "bicycle"), ("🚂", "train"), ("🚀", "rocket"),
    ("⛵", "boat"), ("🔑", "key"), ("🔔", "bell"), ("⚓", "anchor"),
]  # fmt: skip

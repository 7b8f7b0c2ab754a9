"""Weaves mutants into one copy of the source, each behind a switch that is read when the program runs.

What the mutants are says cargo-mutants (`--list --json`): a place and what is to stand there. A mutated expression
becomes a `match` over which mutant is chosen, with the expression as it was for its last arm, so that one build holds
all of them and none of them costs more than its tests.

What can't be woven is left to be tried by itself: constants, conditions that bind (`if let … &&`), functions that return
an `impl`, and whatever the compiler does not take in this form, which is mostly what it takes in no form.
"""

import re
from collections import defaultdict

import tree_sitter_rust
from tree_sitter import Language, Parser

PARSER = Parser(Language(tree_sitter_rust.language()))

# What is rendered in another form, by the parser's names.
KINDS = {
    "binary_expression": "binary", "compound_assignment_expr": "binary", "unary_expression": "unary",
    "match_pattern": "pattern", "field_initializer": "field",
}
LET_AND_OR = "`||` beside `let`"

# Which mutant is chosen, asked at each place. `const` functions ask too, which nothing stable allows: the copy is built
# with RUSTC_BOOTSTRAP=1.
SWITCH = """
/// Which mutant is chosen.
#[doc(hidden)]
pub mod mutants {
    extern crate std;
    use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
    use std::io::Write as _;

    const UNREAD: u32 = u32::MAX;
    const TRACE: u32 = u32::MAX - 1;
    static CHOSEN: AtomicU32 = AtomicU32::new(UNREAD);
    static REACHED: [AtomicBool; 8192] = [const { AtomicBool::new(false) }; 8192];

    /// The number of the chosen mutant; `first` names the place that asks.
    #[inline]
    pub const fn at(first: u32) -> u32 {
        core::intrinsics::const_eval_select((first,), in_a_constant, in_a_program)
    }

    const fn in_a_constant(_: u32) -> u32 {
        0
    }

    #[inline]
    fn in_a_program(first: u32) -> u32 {
        match CHOSEN.load(Relaxed) {
            UNREAD => {
                let chosen = std::env::var("BURNCHAT_MUTANT").map_or(0, |text| text.parse().unwrap_or(TRACE));
                CHOSEN.store(chosen, Relaxed);
                in_a_program(first)
            }
            TRACE => {
                if !REACHED[first as usize].swap(true, Relaxed) {
                    let path = std::env::var("BURNCHAT_MUTANT").unwrap();
                    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
                    std::writeln!(file, "{first}").unwrap();
                }
                0
            }
            chosen => chosen,
        }
    }
}
"""


def weave(text, mutants, first):
    """The source of one file with its mutants woven in, and what could not be: [(mutant, why)].

    Sets `number` and `place` of each mutant that was; numbers begin with `first`, and both count through all files."""
    source = Source(text)
    for mutant in mutants:
        source.place(mutant)
    source.number(first)
    return source.render(source.tree.root_node), source.left_out


def match_at(text, byte):
    """The text of the `match` over what stands at a byte."""
    node = PARSER.parse(text.encode()).root_node.descendant_for_byte_range(byte, byte)
    while node.type != "match_expression":
        node = node.parent
    return node.text.decode()


class Source:
    """One file: where its mutants are, and how it reads with them."""

    def __init__(self, text):
        self.source = text.encode()
        self.lines = [0]
        for line in text.split("\n"):
            self.lines.append(self.lines[-1] + len(line.encode()) + 1)
        self.rows = text.split("\n")
        self.tree = PARSER.parse(self.source)
        self.sites = defaultdict(list)
        self.left_out = []

    def number(self, first):
        for key in sorted(self.sites):
            place = first
            for mutant in self.sites[key]:
                mutant["number"], mutant["place"] = first, place
                first += 1

    # Finding the node that a mutant is about.

    def place(self, mutant):
        if not mutant["function"]:
            self.left_out.append((mutant, "a constant is reckoned when it is compiled"))
            return
        start, end = self.offset(mutant["span"]["start"]), self.offset(mutant["span"]["end"])
        found = getattr(self, "find_" + re.sub(r"(?<!^)(?=[A-Z])", "_", mutant["genre"]).lower(), None)
        site, why = found(mutant, start, end) if found else (None, "of a kind not known here")
        if site is None:
            self.left_out.append((mutant, why))
        else:
            self.sites[site].append(mutant)

    def offset(self, place):
        row = place["line"] - 1
        return self.lines[row] + len(self.rows[row][: place["column"] - 1].encode())

    def ancestors(self, start, end):
        node = self.tree.root_node.named_descendant_for_byte_range(start, max(start, end - 1))
        while node is not None:
            yield node
            node = node.parent

    def find_fn_value(self, mutant, start, end):
        if "impl " in mutant["function"]["return_type"]:
            return None, "it returns an impl"
        for node in self.ancestors(start, end):
            if node.type == "function_item":
                body = node.child_by_field_name("body")
                if body and body.start_byte <= start and end <= body.end_byte:
                    return (body.start_byte, "fn"), None
        return None, "its function was not found"

    def find_binary_operator(self, mutant, start, end):
        for node in self.ancestors(start, end):
            if node.type in ("binary_expression", "compound_assignment_expr"):
                if node.child_by_field_name("operator").start_byte == start:
                    return (node.start_byte, "binary", node.end_byte), None
            if node.type == "let_chain" and any(c.start_byte == start for c in node.children):
                return None, LET_AND_OR if mutant["replacement"] == "||" else "a condition that binds"
        return None, "its operator was not found"

    def find_unary_operator(self, mutant, start, end):
        for node in self.ancestors(start, end):
            if node.type == "unary_expression" and node.start_byte == start:
                return (start, "unary", node.end_byte), None
        return None, "its operator was not found"

    def find_match_arm(self, mutant, start, end):
        for node in self.ancestors(start, end):
            if node.type == "match_arm":
                pattern = node.child_by_field_name("pattern")
                condition = pattern.child_by_field_name("condition")
                if condition and "let" in condition.type:
                    return None, "a condition that binds"
                return (pattern.start_byte, "pattern", pattern.end_byte), None
        return None, "its arm was not found"

    def find_match_arm_guard(self, mutant, start, end):
        return self.find_match_arm(mutant, start, end)

    def find_struct_field(self, mutant, start, end):
        for node in self.ancestors(start, end):
            if node.type == "field_initializer":
                return (node.start_byte, "field", node.end_byte), None
        return None, "its field was not found"

    # Writing the copy.

    def text(self, start, end):
        return self.source[start:end].decode()

    def render(self, node):
        if node.type == "block" and (node.start_byte, "fn") in self.sites:
            return self.render_body(node, self.sites[node.start_byte, "fn"])
        kind = KINDS.get(node.type)
        mutants = self.sites.get((node.start_byte, kind, node.end_byte))
        return getattr(self, "render_" + kind)(node, mutants) if mutants else self.plain(node)

    def plain(self, node):
        parts, at = [], node.start_byte
        for child in node.children:
            parts.append(self.text(at, child.start_byte))
            parts.append(self.render(child))
            at = child.end_byte
        parts.append(self.text(at, node.end_byte))
        return "".join(parts)

    def render_body(self, node, mutants):
        arms = "".join(f"{m['number']} => return {qualified(m['replacement'])}, " for m in mutants)
        return "{" + f" match crate::mutants::at({mutants[0]['place']}) {{ {arms}_ => {{}} }}" + self.plain(node)[1:]

    def render_binary(self, node, mutants):
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        arms = "".join(
            f"{m['number']} => {{ {self.text(left.start_byte, left.end_byte)} {m['replacement']} "
            f"{self.text(right.start_byte, right.end_byte)} }} "
            for m in mutants
        )
        return self.switch(mutants, arms, node)

    def render_unary(self, node, mutants):
        operand = self.text(node.children[0].end_byte, node.end_byte)
        arms = "".join(f"{m['number']} => {{ {m['replacement']}{operand} }} " for m in mutants)
        return self.switch(mutants, arms, node)

    def switch(self, mutants, arms, node):
        return f"(match crate::mutants::at({mutants[0]['place']}) {{ {arms}_ => {{ {self.plain(node)} }} }})"

    def render_pattern(self, node, mutants):
        condition = node.child_by_field_name("condition")
        pattern = self.text(node.start_byte, condition.start_byte) if condition else ""
        pattern = pattern.rstrip().removesuffix("if").rstrip() if condition else self.text(node.start_byte, node.end_byte)
        guard = f"{{ {self.render(condition)} }}" if condition else "true"
        arms = "".join(
            f"{m['number']} => {m['replacement'] if m['genre'] == 'MatchArmGuard' else 'false'}, " for m in mutants
        )
        return f"{pattern} if (match crate::mutants::at({mutants[0]['place']}) {{ {arms}_ => {guard} }})"

    def render_field(self, node, mutants):
        name = node.child_by_field_name("field")
        value = node.child_by_field_name("value")
        base = next(n for n in node.parent.children if n.type == "base_field_initializer")
        expression = self.text(base.start_byte, base.end_byte).removeprefix("..").strip()
        if expression == "Default::default()":
            whole = node.parent.parent.child_by_field_name("name")
            expression = f"<{self.text(whole.start_byte, whole.end_byte)} as Default>::default()"
        field = self.text(name.start_byte, name.end_byte)
        arms = "".join(f"{m['number']} => ({expression}).{field}, " for m in mutants)
        return (f"{field}: match crate::mutants::at({mutants[0]['place']}) "
                f"{{ {arms}_ => {{ {self.render(value)} }} }}")


def qualified(replacement):
    """The prelude of a crate with std is not there in this one: its names, with their paths."""
    text = re.sub(r"(?<![\w:])vec!", "::alloc::vec!", replacement)
    text = re.sub(r"(?<![\w:])(String)\b(?=::|\()", r"::alloc::string::\1", text)
    text = re.sub(r"(?<![\w:])Vec\b(?=::)", "::alloc::vec::Vec", text)
    text = re.sub(r"(?<![\w:])Box\b(?=::)", "::alloc::boxed::Box", text)
    return re.sub(r"(?<![\w:])(\"[^\"]*\")\.to_owned\(\)", r"::alloc::string::String::from(\1)", text)

//! A script that fails, made as short as it can be without ceasing to fail.

use std::collections::BTreeSet;

use crate::rule::Rule;
use crate::run::run;
use crate::script::Script;

/// How many shorter scripts are tried.
const TRIES: usize = 400;

/// The shortest script found that still breaks `rule`: first halves of the steps are left out, then quarters, down to
/// single ones.
#[must_use]
pub fn shrink(script: &Script, rule: Rule) -> Script {
    let mut best = script.clone();
    let mut tries = 0;
    let mut piece = best.steps.len().div_ceil(2).max(1);
    loop {
        let mut start = 0;
        let mut shorter = false;
        while start < best.steps.len() && tries < TRIES {
            let numbers: BTreeSet<usize> = best
                .steps
                .iter()
                .skip(start)
                .take(piece)
                .map(|step| step.number)
                .collect();
            let candidate = best.only(|number| !numbers.contains(&number));
            tries = tries.saturating_add(1);
            let outcome = run(&candidate, false);
            if outcome.violation.is_some_and(|found| found.rule == rule) {
                best = candidate;
                shorter = true;
            } else {
                start = start.saturating_add(piece);
            }
        }
        if tries >= TRIES || (piece == 1 && !shorter) {
            return best;
        }
        piece = piece.div_ceil(2).max(1);
    }
}

/// The steps that are left, as `--keep` takes them: numbers and ranges.
#[must_use]
pub fn kept(script: &Script) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for step in &script.steps {
        match ranges.last_mut() {
            Some((_, last)) if last.saturating_add(1) == step.number => *last = step.number,
            _ => ranges.push((step.number, step.number)),
        }
    }
    let parts: Vec<String> = ranges
        .into_iter()
        .map(|(first, last)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        })
        .collect();
    parts.join(",")
}

/// Reads what [`kept`] writes.
///
/// # Errors
/// The part that is no number and no range.
pub fn parse_kept(text: &str) -> Result<BTreeSet<usize>, String> {
    let mut numbers = BTreeSet::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let parse = |number: &str| number.trim().parse::<usize>().map_err(|_| part.to_owned());
        numbers.extend(parse(first)?..=parse(last)?);
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_as_it_is_written() {
        let script = Script::draw(1, Some(4)).only(|number| number % 3 != 1);
        let numbers: BTreeSet<_> = script.steps.iter().map(|step| step.number).collect();
        assert_eq!(parse_kept(&kept(&script)), Ok(numbers));
        assert!(parse_kept("1-x").is_err());
    }
}

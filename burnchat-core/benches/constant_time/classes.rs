//! Two classes of inputs, and the difference of their times.

#[expect(clippy::disallowed_types, reason = "it measures")]
use std::time::Instant;

/// Something that compares, with inputs of two classes.
pub(crate) struct Path {
    pub(crate) name: &'static str,
    /// Comparisons between two looks at the clock, which is too coarse for one.
    pub(crate) batch: usize,
    /// Makes ready for a class, unmeasured.
    pub(crate) prepare: Box<dyn FnMut(usize)>,
    /// Does what is measured.
    pub(crate) run: Box<dyn FnMut(usize)>,
}

pub(crate) struct Measured {
    /// Nanoseconds for one comparison of each class.
    pub(crate) medians: [f64; 2],
    /// Of all shares, the t that is farthest from zero.
    pub(crate) t: f64,
}

/// Shares of the fastest samples for which t is computed, too: a long tail says much about the machine.
const SHARES: [f64; 5] = [1.0, 0.99, 0.95, 0.8, 0.5];

#[expect(clippy::disallowed_types, reason = "it measures")]
pub(crate) fn measure(path: &mut Path, samples: usize) -> Measured {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut times = [Vec::new(), Vec::new()];
    // The first tenth warms up, and is not counted.
    for sample in 0..samples + samples / 10 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let class = (random >> 60) as usize & 1;
        (path.prepare)(class);
        let begun = Instant::now();
        for _ in 0..path.batch {
            (path.run)(class);
        }
        let taken = begun.elapsed().as_nanos() as f64 / path.batch as f64;
        if sample >= samples / 10 {
            times[class].push(taken);
        }
    }
    times
        .iter_mut()
        .for_each(|times| times.sort_by(f64::total_cmp));
    let mut all: Vec<f64> = times.concat();
    all.sort_by(f64::total_cmp);
    let t = SHARES
        .iter()
        .map(|share| {
            // One limit for both classes: what is cut off must not depend on the class.
            let limit = all[((all.len() - 1) as f64 * share) as usize];
            welch(&times.each_ref().map(|times| {
                let within = times.partition_point(|time| *time <= limit);
                &times[..within]
            }))
        })
        .max_by(|a, b| a.abs().total_cmp(&b.abs()))
        .unwrap_or(0.0);
    Measured {
        medians: times.each_ref().map(|times| times[times.len() / 2]),
        t,
    }
}

/// Welch's t of two samples.
fn welch(classes: &[&[f64]; 2]) -> f64 {
    let [(mean, error), (other_mean, other_error)] = classes.map(|times| {
        let count = times.len() as f64;
        let mean = times.iter().sum::<f64>() / count;
        let squares: f64 = times.iter().map(|time| (time - mean).powi(2)).sum();
        (mean, squares / (count - 1.0) / count)
    });
    let error = (error + other_error).sqrt();
    if error > 0.0 {
        (mean - other_mean) / error
    } else {
        0.0
    }
}

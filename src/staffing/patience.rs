//! For how long contacts are ready to wait.
//!
//! Most are answered before they would have given up, so that the mean wait of those who did is far too short: who was
//! answered after a minute was ready to wait for a minute at least. Their patience is censored, and all waits count.

use super::{OutOfRange, SECONDS};

/// With fewer who gave up nothing is said: the interval would be wider than a factor of 2.4 to either side.
pub const FEWEST_ABANDONED: u64 = 5;

/// The standard normal deviate of a two-sided interval of 95 %.
const Z: f64 = 1.96;

/// The mean time after which contacts that are not answered give up.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub struct Patience(f64);

impl Patience {
    /// So many seconds on average.
    ///
    /// # Errors
    ///
    /// Out of a millionth of a second to 30,000 years: for contacts that never give up, there is Erlang C.
    pub fn of_seconds(seconds: f64) -> Result<Patience, OutOfRange> {
        if SECONDS.contains(&seconds) { Ok(Patience(seconds)) } else { Err(OutOfRange::Patience(seconds)) }
    }

    /// In seconds; more than 0.
    pub fn seconds(self) -> f64 {
        self.0
    }
}

/// A patience as it was estimated.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Estimate {
    /// The most likely one.
    pub mean: Patience,
    /// The shortest that it may be, in seconds: the lower end of an interval of 95 %.
    pub lower_seconds: f64,
    /// The longest, the same.
    pub upper_seconds: f64,
}

/// The mean patience: the time that all have waited together, over the number of those who gave up. It is the most
/// likely one if patience is exponential and answers come regardless of it (L. Brown and others, "Statistical analysis
/// of a telephone call center", 2005; D. R. Cox and D. Oakes, "Analysis of survival data", 1984),
/// with an interval of 95 % whose logarithm is normal with a deviation of 1 / √abandoned.
///
/// `waited_seconds` is of all who were answered or gave up, or left in any other way or wait still, at once or after a
/// while. None with fewer than [`FEWEST_ABANDONED`], or if nobody has waited.
pub fn estimate(waited_seconds: f64, abandoned: u64) -> Option<Estimate> {
    if abandoned < FEWEST_ABANDONED {
        return None;
    }
    let mean = Patience::of_seconds(waited_seconds / abandoned as f64).ok()?;
    let factor = libm::exp(Z / (abandoned as f64).sqrt());
    Some(Estimate { mean, lower_seconds: mean.0 / factor, upper_seconds: mean.0 * factor })
}

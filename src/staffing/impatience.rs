//! Erlang A: agents, and contacts that give up after a time of their own.
//!
//! C. Palm, 1957; O. Garnett, A. Mandelbaum, M. Reiman, "Designing a call center with impatient customers", 2002. That
//! the patience is exponential is the model's; that it is some patience at all matters more.
//!
//! Everything is an integral over t of how likely somebody who never gives up would wait for t, which for t > 0 is
//! h(t) = exp(a (1 − e^(−θt)) / θ − n t), with the handle time as the unit of time and θ abandonments in it (F.
//! Baccelli and G. Hebuterne, 1981; S. Zeltyn and A. Mandelbaum, 2005). Sums over the states of the queue say the same,
//! but have as many terms as there are people in it. The integrals take some twenty to a hundred pieces of sixteen
//! points, whatever the load and the patience, and nothing in them cancels, so that they are good to some eleven
//! digits.

use super::erlang::blocking;
use super::{Load, Patience, Predicted};

/// By Erlang A. Without agents everybody gives up.
pub(super) fn predicted(load: &Load, agents: u64, target_seconds: f64, patience: Patience) -> Predicted {
    if agents == 0 {
        let mean_wait_seconds = Some(patience.seconds());
        return Predicted { waiting: 1.0, service_level: 0.0, abandoned: 1.0, mean_wait_seconds, occupancy: None };
    }
    let curve = Curve::new(load.erlangs, agents as f64, load.handle_seconds / patience.seconds());
    let areas = curve.areas(target_seconds / patience.seconds());
    // Somebody who comes finds an agent with a weight of 1, and waits with a density of `weight` times the curve.
    let weight = load.erlangs * blocking(load.erlangs, agents - 1) * patience.seconds() / load.handle_seconds;
    let total = curve.scale + weight * (areas.answered + areas.abandoned);
    let abandoned = weight * areas.abandoned / total;
    let busy = load.erlangs * (curve.scale + weight * areas.answered) / total / agents as f64;
    Predicted {
        waiting: weight * (areas.answered + areas.abandoned) / total,
        service_level: (curve.scale + weight * areas.answered_within) / total,
        abandoned,
        // As many give up as are there and lose their patience (Little's law).
        mean_wait_seconds: Some(abandoned * patience.seconds()),
        occupancy: Some(busy.min(1.0)),
    }
}

/// How much of the area beneath a curve is left out: its logarithm is this much below the peak's.
const LOWEST: f64 = 50.0;

/// How far the logarithm falls, and how far patience runs down, on one piece of the curve.
const PIECE: (f64, f64) = (4.0, 2.0);

/// The curve h, of z = θt, by its logarithm: −slope x y + bend x φ(y), with y counted from the peak and φ(y) = 1 −
/// e^(−y) − y.
///
/// With more agents than erlangs the peak is where waits begin, else where so many have given up that the rest is what
/// agents can do. Counted from there, both terms are 0 or less.
struct Curve {
    slope: f64,
    bend: f64,
    /// The peak's z.
    peak: f64,
    /// One over the curve's height at the peak, where it is 1 at z = 0.
    scale: f64,
}

/// Areas beneath a curve whose peak is 1.
#[derive(Default)]
struct Areas {
    /// Who waited and was answered.
    answered: f64,
    /// The same, within the target.
    answered_within: f64,
    /// Who gave up.
    abandoned: f64,
}

impl Curve {
    fn new(erlangs: f64, agents: f64, theta: f64) -> Curve {
        if erlangs <= agents {
            return Curve { slope: (agents - erlangs) / theta, bend: erlangs / theta, peak: 0.0, scale: 1.0 };
        }
        let peak = libm::log1p((erlangs - agents) / agents);
        let bend = agents / theta;
        Curve { slope: 0.0, bend, peak, scale: libm::exp(bend * phi(-peak)) }
    }

    fn log(&self, y: f64) -> f64 {
        -self.slope * y + self.bend * phi(y)
    }

    /// How far a piece reaches that begins at `y` and goes away from the peak.
    fn piece(&self, y: f64) -> f64 {
        let fall = (self.slope - self.bend * libm::expm1(-y)).abs();
        let curvature = self.bend * libm::exp(-y);
        let by_fall = 2.0 * PIECE.0 / (fall + (fall * fall + 2.0 * PIECE.0 * curvature).sqrt());
        // Once nobody's patience is left, its exponential is flat.
        if self.peak + y > LOWEST { by_fall } else { by_fall.min(PIECE.1) }
    }

    /// `within` is the z of the target.
    fn areas(&self, within: f64) -> Areas {
        let mut areas = Areas::default();
        let within = within - self.peak;
        let mut y = 0.0;
        while self.log(y) > -LOWEST {
            let end = y + self.piece(y);
            let end = if y < within && within < end { within } else { end };
            self.add(y, end, end <= within, &mut areas);
            y = end;
        }
        let mut y = 0.0;
        while y > -self.peak && self.log(y) > -LOWEST {
            let start = (y - self.piece(y)).max(-self.peak);
            let start = if start < within && within < y { within } else { start };
            self.add(start, y, y <= within, &mut areas);
            y = start;
        }
        areas
    }

    /// Adds one piece, by the rule of Gauss and Legendre.
    fn add(&self, start: f64, end: f64, is_within: bool, areas: &mut Areas) {
        let (middle, half) = (f64::midpoint(start, end), (end - start) / 2.0);
        let (mut answered, mut abandoned) = (0.0, 0.0);
        for (place, weight) in SIXTEEN_POINTS {
            for y in [middle - half * place, middle + half * place] {
                let height = weight * libm::exp(self.log(y));
                // Each by itself: one is very little if contacts are very patient, the other if they are not.
                answered += height * libm::exp(-(self.peak + y));
                abandoned -= height * libm::expm1(-(self.peak + y));
            }
        }
        areas.answered += half * answered;
        areas.abandoned += half * abandoned;
        if is_within {
            areas.answered_within += half * answered;
        }
    }
}

/// 1 − e^(−y) − y: 0 at 0 and negative elsewhere. Near 0 by its series, where the terms would cancel.
fn phi(y: f64) -> f64 {
    if y.abs() >= 0.5 {
        return -(libm::expm1(-y) + y);
    }
    // −y²/2 (1 − y/3 (1 − y/4 (1 − …))).
    let series = (3..=18).rev().fold(1.0, |sum, order| 1.0 - y / f64::from(order) * sum);
    -y * y / 2.0 * series
}

/// The positive places of the rule of Gauss and Legendre with sixteen points, each with its weight.
const SIXTEEN_POINTS: [(f64, f64); 8] = [
    (0.095_012_509_837_637_44, 0.189_450_610_455_068_5),
    (0.281_603_550_779_258_9, 0.182_603_415_044_923_58),
    (0.458_016_777_657_227_4, 0.169_156_519_395_002_54),
    (0.617_876_244_402_643_7, 0.149_595_988_816_576_73),
    (0.755_404_408_355_003, 0.124_628_971_255_533_87),
    (0.865_631_202_387_831_7, 0.095_158_511_682_492_78),
    (0.944_575_023_073_232_6, 0.062_253_523_938_647_89),
    (0.989_400_934_991_649_9, 0.027_152_459_411_754_095),
];

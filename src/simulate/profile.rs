//! What kind of centre it is: its queues, their channels, hours, volumes, and how long people talk and wait.
//!
//! The figures are made up, of the size and shape that published call-centre data show; nothing is fitted. Sum of the
//! six queues: about 20,000 contacts on an ordinary working day.

use super::calendar::OFFICE;
use super::random::Random;

/// How a customer comes in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Channel {
    Voice,
    Chat,
    Email,
    Social,
}

impl Channel {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Channel::Voice => "voice",
            Channel::Chat => "chat",
            Channel::Email => "email",
            Channel::Social => "social",
        }
    }

    /// Whether the customer waits at the other end; letters wait by themselves, for days if need be.
    pub(super) const fn is_live(self) -> bool {
        matches!(self, Channel::Voice | Channel::Chat)
    }
}

/// The tiers in the order in which they are served, with their shares of the arrivals.
pub(super) const TIERS: [(&str, f64); 3] = [("vip", 0.04), ("priority", 0.16), ("standard", 0.80)];

/// When a desk is staffed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Hours {
    /// 8 to 20 o'clock, on quiet days 10 to 16.
    Daytime,
    /// Round the clock.
    Always,
    /// The office hours of working days.
    Office,
}

impl Hours {
    /// Opening and closing in minutes of the local day; none when closed all day.
    pub(super) const fn of_day(self, working: bool) -> Option<(u64, u64)> {
        match (self, working) {
            (Hours::Daytime, true) => Some((8 * 60, 20 * 60)),
            (Hours::Daytime, false) => Some((10 * 60, 16 * 60)),
            (Hours::Always, _) => Some((0, 24 * 60)),
            (Hours::Office, true) => Some(OFFICE),
            (Hours::Office, false) => None,
        }
    }
}

/// What one queue does on one channel.
pub(super) struct DeskProfile {
    pub(super) channel: Channel,
    pub(super) hours: Hours,
    /// Contacts on an ordinary working day.
    pub(super) volume: f64,
    /// Half of all conversations are shorter, in seconds.
    pub(super) talk_median_seconds: f64,
    /// Whether long waits spill over to another queue.
    pub(super) overflows: bool,
}

/// A queue and its desks.
pub(super) struct QueueProfile {
    pub(super) name: &'static str,
    /// Share of the answered contacts that end in a purchase.
    pub(super) purchases: f64,
    pub(super) desks: &'static [DeskProfile],
}

const fn desk(channel: Channel, hours: Hours, volume: f64, talk_median_seconds: f64, overflows: bool) -> DeskProfile {
    DeskProfile { channel, hours, volume, talk_median_seconds, overflows }
}

/// The default queues; more of them are numbered copies.
pub(super) const QUEUES: [QueueProfile; 6] = [
    QueueProfile {
        name: "billing",
        purchases: 0.0,
        desks: &[
            desk(Channel::Voice, Hours::Daytime, 5_200.0, 170.0, true),
            desk(Channel::Chat, Hours::Daytime, 1_100.0, 300.0, false),
        ],
    },
    QueueProfile {
        name: "support",
        purchases: 0.0,
        desks: &[
            desk(Channel::Voice, Hours::Daytime, 4_300.0, 260.0, true),
            desk(Channel::Chat, Hours::Daytime, 1_900.0, 380.0, false),
        ],
    },
    QueueProfile {
        name: "sales",
        purchases: 0.22,
        desks: &[
            desk(Channel::Voice, Hours::Daytime, 2_300.0, 210.0, false),
            desk(Channel::Chat, Hours::Daytime, 1_000.0, 260.0, false),
        ],
    },
    QueueProfile {
        name: "claims",
        purchases: 0.0,
        desks: &[
            desk(Channel::Voice, Hours::Always, 1_500.0, 280.0, false),
            desk(Channel::Email, Hours::Office, 700.0, 420.0, false),
        ],
    },
    QueueProfile {
        name: "service",
        purchases: 0.02,
        desks: &[
            desk(Channel::Email, Hours::Office, 900.0, 300.0, false),
            desk(Channel::Social, Hours::Daytime, 500.0, 150.0, false),
        ],
    },
    QueueProfile {
        name: "retention",
        purchases: 0.10,
        desks: &[desk(Channel::Voice, Hours::Daytime, 500.0, 330.0, false)],
    },
];

impl DeskProfile {
    /// The load of a quiet day against an ordinary working day's.
    pub(super) fn quiet_share(&self) -> f64 {
        match self.channel {
            Channel::Voice if self.hours == Hours::Always => 0.40,
            Channel::Voice | Channel::Chat => 0.14,
            Channel::Email => 0.35,
            Channel::Social => 0.55,
        }
    }

    /// The share of a day's arrivals in each quarter of its hours by the wall clock: a hump late in the morning, one
    /// in the afternoon; live channels have no arrivals outside their hours. Sums to 1, or to 0 for a closed day.
    pub(super) fn curve(&self, working: bool) -> [f64; 96] {
        let open = if self.channel.is_live() { self.hours.of_day(working) } else { Some((0, 24 * 60)) };
        let floor = if self.channel.is_live() { 0.10 } else { 0.16 };
        let hump = |minute: f64, centre: f64, width: f64| {
            let distance = (minute - centre) / width;
            libm::exp(-0.5 * distance * distance)
        };
        let mut curve = [0.0; 96];
        let mut minute = 7.5;
        let mut start = 0;
        for share in &mut curve {
            if open.is_some_and(|(opens, closes)| (opens..closes).contains(&start)) {
                *share = floor + hump(minute, 635.0, 75.0) + 0.8 * hump(minute, 885.0, 95.0);
            }
            minute += 15.0;
            start += 15;
        }
        let sum: f64 = curve.iter().sum();
        if sum > 0.0 {
            for share in &mut curve {
                *share /= sum;
            }
        }
        curve
    }

    /// How long somebody waits before giving up, in seconds; none on channels where nobody does.
    pub(super) fn patience(&self, random: &mut Random) -> Option<f64> {
        match self.channel {
            Channel::Voice => Some(360.0 * random.weibull(0.85)),
            Channel::Chat => Some(270.0 * random.weibull(1.2)),
            Channel::Email | Channel::Social => None,
        }
    }

    /// How long until the agent picks up, in seconds.
    pub(super) fn pick_up(&self, random: &mut Random) -> f64 {
        match self.channel {
            Channel::Voice => 1.0 + 3.0 * random.share(),
            Channel::Chat => 1.0 + 8.0 * random.share(),
            Channel::Email | Channel::Social => 0.0,
        }
    }

    /// Talk, hold and after-contact work, in seconds. The body is log-normal; every fiftieth contact belongs to a
    /// Pareto tail, so that the longest of a day last hours.
    pub(super) fn work(&self, random: &mut Random) -> [f64; 3] {
        let stretch = if random.chance(TAIL_SHARE) {
            (TAIL_FROM * random.pareto(TAIL_EXPONENT)).min(60.0)
        } else {
            random.log_normal(SIGMA)
        };
        let talk = (self.talk_median_seconds * stretch).clamp(4.0, 4.0 * 3_600.0);
        match self.channel {
            Channel::Voice => {
                let hold = if random.chance(0.2) { 40.0 * random.exponential() } else { 0.0 };
                [talk, hold, 1.0 + 30.0 * random.exponential()]
            }
            Channel::Chat => [talk, 0.0, 1.0 + 12.0 * random.exponential()],
            Channel::Email | Channel::Social => [talk, 0.0, 0.0],
        }
    }

    /// The mean of [`DeskProfile::work`], all parts together, in seconds (the tail's cap left aside).
    pub(super) fn mean_work_seconds(&self) -> f64 {
        let tail = TAIL_FROM * TAIL_EXPONENT / (TAIL_EXPONENT - 1.0);
        let stretch = (1.0 - TAIL_SHARE) * libm::exp(SIGMA * SIGMA / 2.0) + TAIL_SHARE * tail;
        let beside = match self.channel {
            Channel::Voice => 0.2 * 40.0 + 31.0,
            Channel::Chat => 13.0,
            Channel::Email | Channel::Social => 0.0,
        };
        self.talk_median_seconds * stretch + beside
    }
}

const SIGMA: f64 = 0.75;
const TAIL_SHARE: f64 = 0.02;
const TAIL_FROM: f64 = 4.0;
const TAIL_EXPONENT: f64 = 1.6;

#[cfg(test)]
mod tests {
    use super::*;

    fn desks() -> impl Iterator<Item = &'static DeskProfile> {
        QUEUES.iter().flat_map(|queue| queue.desks)
    }

    #[test]
    fn a_day_has_about_twenty_thousand_contacts() {
        let volume: f64 = desks().map(|desk| desk.volume).sum();
        assert!((19_500.0..20_500.0).contains(&volume), "{volume}");
    }

    #[test]
    fn curves_sum_to_one_and_have_two_humps() {
        for desk in desks() {
            for working in [true, false] {
                assert!((desk.curve(working).iter().sum::<f64>() - 1.0).abs() < 1e-9);
            }
            let curve = desk.curve(true);
            let valley = curve[51];
            assert!(curve[42] > 1.1 * valley && curve[59] > 1.1 * valley, "{} {valley} {}", curve[42], curve[59]);
        }
    }

    #[test]
    fn work_has_the_mean_that_staffing_counts_on() {
        let mut random = Random::new(3, 0);
        for desk in desks() {
            let mean = (0..100_000).map(|_| desk.work(&mut random).iter().sum::<f64>()).sum::<f64>() / 100_000.0;
            let ratio = mean / desk.mean_work_seconds();
            assert!((0.90..1.10).contains(&ratio), "{} {ratio}", desk.talk_median_seconds);
        }
    }
}

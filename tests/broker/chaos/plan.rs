//! What is to happen: drawn from a seed, so that a failure can be tried again with the same plan.
//!
//! The plan is the same for the same seed, what comes of it is not: brokers and processes are real and keep their own time.

use std::fmt;

use super::phase::Phase;

/// The seed where none is given.
const SEED: u64 = 20_260_801;

/// Kills of each store where nothing else is asked for: two in each phase, and two more.
const KILLS: usize = 12;

/// Kills of one act, so that the log it is judged by stays short.
const KILLS_OF_ACT: usize = 25;

/// How much is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// All dice begin with it.
    pub seed: u64,
    /// Kills of each store.
    pub kills: usize,
    /// Whether disks can be filled here.
    pub fills_disks: bool,
}

impl Extent {
    /// As the environment asks for it.
    pub fn asked() -> Extent {
        let number = |name: &str| {
            let text = std::env::var(name).ok()?;
            Some(text.parse::<u64>().unwrap_or_else(|_| panic!("{name} is {text:?}, which is no number")))
        };
        let kills = number("HOLDLINE_CHAOS_KILLS").map_or(KILLS, |kills| kills as usize);
        let fills_disks = std::env::var_os("HOLDLINE_CHAOS_DISKS").is_none_or(|word| word != "no");
        Extent { seed: number("HOLDLINE_CHAOS_SEED").unwrap_or(SEED), kills: kills.max(KILLS), fills_disks }
    }

    /// How many kills are aimed at in each act.
    pub fn acts(&self) -> Vec<usize> {
        let acts = self.kills.div_ceil(KILLS_OF_ACT);
        (0..acts).map(|act| self.kills * (act + 1) / acts - self.kills * act / acts).collect()
    }
}

/// The command that tries the same again.
impl fmt::Display for Extent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Extent { seed, kills, .. } = self;
        write!(
            formatter,
            "HOLDLINE_CHAOS_SEED={seed} HOLDLINE_CHAOS_KILLS={kills} cargo test --test broker -- chaos::seeded --nocapture"
        )
    }
}

/// What a damaged checkpoint looks like.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Damage {
    /// The newest one lacks its second half.
    Torn,
    /// One bit of the newest one is another.
    Flipped,
    /// One that would be newer is nothing but noise.
    Noise,
    /// Of the newest one a part is gone.
    Missing,
}

impl Damage {
    /// All of them.
    pub const ALL: [Damage; 4] = [Damage::Torn, Damage::Flipped, Damage::Noise, Damage::Missing];
}

/// What happens to one instance that holds everything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Blow {
    /// It is killed, if possible in this phase, and started again.
    Kill(Phase),
    /// It is killed, and before it is started again a checkpoint of each partition is damaged.
    Damage(Damage),
    /// A broker is killed while it reads, and comes back.
    Broker,
    /// There is no room for checkpoints for a while.
    FullDisk,
}

/// What happens to one of two instances.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// It is killed in this phase and back before anybody misses it.
    Return(Phase),
    /// It ends in good order, the other one takes over, and it comes back.
    Leave,
    /// It is killed, the other one takes over, and it comes back.
    Crash,
    /// It stands still until the other one has taken over, and goes on.
    Zombie,
}

/// The blows of an act with so many kills. Kills go through all phases as often, in any order.
pub fn blows(dice: &mut Dice, kills: usize) -> Vec<Blow> {
    let mut blows: Vec<Blow> = (0..kills.saturating_sub(Damage::ALL.len()))
        .map(|kill| Blow::Kill(Phase::ALL[kill % Phase::ALL.len()]))
        .collect();
    blows.extend(Damage::ALL.map(Blow::Damage));
    blows.push(Blow::Broker);
    dice.shuffle(&mut blows);
    blows
}

/// Blows around a full disk.
pub fn blows_of_small_disk(dice: &mut Dice) -> Vec<Blow> {
    let mut blows = vec![Blow::FullDisk, Blow::FullDisk, Blow::Kill(Phase::Writing), Blow::Kill(Phase::Plain)];
    dice.shuffle(&mut blows);
    blows
}

/// The turns of an act of two.
pub fn turns(dice: &mut Dice) -> Vec<Turn> {
    let phase = *dice.one_of(&[Phase::Writing, Phase::Renaming, Phase::Committing, Phase::Plain]);
    let mut turns = vec![Turn::Return(phase), Turn::Leave, Turn::Crash, Turn::Zombie];
    dice.shuffle(&mut turns);
    turns
}

/// Throws the same for the same seed and purpose (splitmix64 by S. Vigna).
pub struct Dice(u64);

impl Dice {
    /// Dice for this purpose.
    pub fn new(seed: u64, purpose: &str) -> Dice {
        let mixed = purpose.bytes().fold(seed, |mixed, byte| mixed.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte));
        let mut dice = Dice(mixed);
        dice.throw();
        dice
    }

    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.throw() % limit
    }

    /// Whether it falls to the one of so many in a hundred.
    pub fn falls(&mut self, in_hundred: u64) -> bool {
        self.below(100) < in_hundred
    }

    /// One of these.
    pub fn one_of<'t, T>(&mut self, these: &'t [T]) -> &'t T {
        &these[self.below(these.len() as u64) as usize]
    }

    /// Brings them into any order.
    pub fn shuffle<T>(&mut self, these: &mut [T]) {
        for last in (1..these.len()).rev() {
            these.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

//! The centre's plan: queues, their desks (a queue on one channel), and the teams that serve them.
//!
//! It also holds what changes at a desk or with an agent while the simulation runs; how it changes is told in `floor`
//! and `visit`.

use std::collections::VecDeque;
use std::ops::Range;

use super::ScenarioError;
use super::agenda::Ticket;
use super::calendar::Day;
use super::profile::{Channel, DeskProfile, QUEUES, TIERS};
use super::random::Random;
use crate::event::AgentState;

/// A queue.
pub(super) struct Queue {
    pub(super) name: String,
    /// Share of the answered contacts that end in a purchase.
    pub(super) purchases: f64,
    pub(super) desks: Vec<u32>,
    /// How many outages it has now: a planned one may fall on one by chance.
    pub(super) outages: u32,
}

/// A queue on one channel.
pub(super) struct Desk {
    pub(super) queue: u32,
    pub(super) profile: &'static DeskProfile,
    /// Contacts on an ordinary working day.
    pub(super) volume: f64,
    /// The curves of working days and of the others.
    pub(super) curves: [[f64; 96]; 2],
    /// Who waits, by tier, in the order of coming; also some who no longer do.
    pub(super) waiting: [VecDeque<Ticket>; TIERS.len()],
    /// How many really wait.
    pub(super) length: usize,
    /// How many may wait; whoever comes then is turned away.
    pub(super) room: f64,
    /// Who serves it, its own team first.
    pub(super) teams: Vec<u32>,
    /// Where its contacts can be sent: other queues' desks of the same block and channel.
    pub(super) neighbours: Vec<u32>,
    /// Left by its agents.
    pub(super) deserted: bool,
    /// When it is open today; empty when it is not.
    pub(super) open_ms: Range<u64>,
}

impl Desk {
    /// How many contacts are expected in the quarter of an hour that an instant of a day lies in.
    pub(super) fn expected(&self, day: &Day, time_ms: u64) -> f64 {
        let share = if day.working { day.factor } else { self.profile.quiet_share() };
        self.volume * share * self.curves[usize::from(!day.working)][day.wall_quarter(time_ms)]
    }

    /// Whether somebody can be sent here now; letters can at any time.
    pub(super) fn takes(&self, now: u64) -> bool {
        !self.profile.channel.is_live() || self.open_ms.contains(&now)
    }
}

/// Agents who serve the same desks.
pub(super) struct Team {
    pub(super) desks: Vec<u32>,
    pub(super) agents: Vec<u32>,
    /// The free ones, longest free first.
    pub(super) idle: VecDeque<u32>,
    /// Gone from a deserted queue.
    pub(super) absent: bool,
    /// Serves every live desk of its block, beside their own teams.
    pub(super) floats: bool,
}

/// An agent.
#[derive(Default)]
pub(super) struct Agent {
    pub(super) team: u32,
    pub(super) on_shift: bool,
    pub(super) on_break: bool,
    /// With a contact, ringing and after-contact work included.
    pub(super) engaged: bool,
    /// The state last told.
    pub(super) shown: AgentState,
}

/// Share of the live load that is served by the floating team of a block.
pub(super) const FLOATING: f64 = 0.12;

/// Everything that is laid out before the first day.
pub(super) struct Layout {
    pub(super) queues: Vec<Queue>,
    pub(super) desks: Vec<Desk>,
    pub(super) teams: Vec<Team>,
}

impl Layout {
    /// So many queues: the six of the profile, then blocks of numbered copies of varied size. `load` multiplies all.
    pub(super) fn new(queues: usize, load: f64, random: &mut Random) -> Layout {
        let mut layout = Layout { queues: Vec::new(), desks: Vec::new(), teams: Vec::new() };
        let mut made = 0;
        let mut block = 1;
        while made < queues {
            let first_desk = layout.desks.len();
            for profile in QUEUES.iter().take(queues - made) {
                let size = if block == 1 { load } else { load * 0.4 * random.log_normal(0.8) };
                let name = if block == 1 { profile.name.to_owned() } else { format!("{}-{block}", profile.name) };
                let queue = index(layout.queues.len());
                let desks = profile.desks.iter().map(|desk| layout.add_desk(queue, desk, size)).collect();
                layout.queues.push(Queue { name, purchases: profile.purchases, desks, outages: 0 });
                made += 1;
            }
            layout.connect(first_desk);
            block += 1;
        }
        layout
    }

    /// The place of the queue of this name, if it has calls or chats, which agents can leave alone.
    ///
    /// # Errors
    /// It has not, or there is no such queue.
    pub(super) fn queue_with_live_desks(&self, name: &str) -> Result<u32, ScenarioError> {
        let is_live =
            |queue: &Queue| queue.desks.iter().any(|&desk| self.desks[desk as usize].profile.channel.is_live());
        let found = self.queues.iter().position(|queue| queue.name == name && is_live(queue));
        found.map(index).ok_or_else(|| {
            // The first block shows how the others are called.
            let names = self.queues.iter().take(QUEUES.len()).filter(|queue| is_live(queue));
            let among = names.map(|queue| queue.name.as_str()).collect::<Vec<_>>().join(", ");
            ScenarioError::PlannedOutage { queue: name.to_owned(), among }
        })
    }

    /// The desks of the queue of this name, of all queues without one.
    ///
    /// # Errors
    /// There is no such queue.
    pub(super) fn desks_of(&self, queue: Option<&str>) -> Result<Vec<u32>, ScenarioError> {
        let Some(name) = queue else { return Ok((0..self.desks.len()).map(index).collect()) };
        let found = self.queues.iter().find(|queue| queue.name == name);
        found.map(|queue| queue.desks.clone()).ok_or_else(|| {
            let names = self.queues.iter().take(QUEUES.len());
            let among = names.map(|queue| queue.name.as_str()).collect::<Vec<_>>().join(", ");
            ScenarioError::SurgeQueue { queue: name.to_owned(), among }
        })
    }

    fn add_desk(&mut self, queue: u32, profile: &'static DeskProfile, size: f64) -> u32 {
        let desk = index(self.desks.len());
        let volume = profile.volume * size;
        self.desks.push(Desk {
            queue,
            profile,
            volume,
            curves: [profile.curve(true), profile.curve(false)],
            waiting: Default::default(),
            length: 0,
            room: 8.0 + volume / 130.0,
            teams: Vec::new(),
            neighbours: Vec::new(),
            deserted: false,
            open_ms: 0..0,
        });
        self.add_team(vec![desk], false);
        desk
    }

    /// Gives the desks from `first` on a floating team and neighbours.
    fn connect(&mut self, first: usize) {
        let block = first..self.desks.len();
        let of_channel = |channel: Channel| -> Vec<u32> {
            block.clone().filter(|&desk| self.desks[desk].profile.channel == channel).map(index).collect()
        };
        let neighbours: Vec<Vec<u32>> =
            block.clone().map(|desk| of_channel(self.desks[desk].profile.channel)).collect();
        let live = [of_channel(Channel::Voice), of_channel(Channel::Chat)].concat();
        for (desk, neighbours) in block.zip(neighbours) {
            self.desks[desk].neighbours = neighbours;
            self.desks[desk].neighbours.retain(|&neighbour| neighbour as usize != desk);
        }
        if !live.is_empty() {
            self.add_team(live, true);
        }
    }

    fn add_team(&mut self, desks: Vec<u32>, floats: bool) {
        let team = index(self.teams.len());
        for &desk in &desks {
            self.desks[desk as usize].teams.push(team);
        }
        self.teams.push(Team { desks, agents: Vec::new(), idle: VecDeque::new(), absent: false, floats });
    }
}

/// A place in one of the lists, as small as the agenda wants it.
pub(super) fn index(place: usize) -> u32 {
    u32::try_from(place).expect("no list of a simulated centre comes near four billion entries")
}

//! Where fences are: found anew for each slot that passes, and handed to the shards with the next look.

use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::board::GroupBy;
use crate::engine::outliers::{Fences, OutlierSettings, past};
use crate::engine::settings::Window;
use crate::engine::view::View;

/// The fences that hold.
pub struct Fencing {
    settings: Arc<Mutex<OutlierSettings>>,
    by: GroupBy,
    fences: Option<Arc<Fences>>,
    /// Whether they are not the ones that were handed out last.
    is_news: bool,
}

impl Fencing {
    /// None yet but fixed ones, and those of a checkpoint, until some are found. Settings may change.
    pub fn new(settings: Arc<Mutex<OutlierSettings>>, by: GroupBy) -> Fencing {
        Fencing { settings, by, fences: None, is_news: false }
    }

    /// The fences that hold; none before any were found.
    pub fn fences(&self) -> Option<&Arc<Fences>> {
        self.fences.as_ref()
    }

    /// Those to be handed to the shards, once; none if they have them.
    pub fn take_news(&mut self) -> Option<&Arc<Fences>> {
        std::mem::take(&mut self.is_news).then_some(self.fences.as_ref()).flatten()
    }

    /// Finds them in what the lanes say.
    pub fn find(&mut self, view: &View, windows: &[Window]) {
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let past = past(view, windows, &settings);
        self.fences = Some(Arc::new(Fences { by: self.by, past, limits: settings.limits.clone() }));
        self.is_news = true;
    }
}

//! Being asked to stop: by Ctrl-C or SIGTERM, once in good order, twice at once.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

/// How often the process was asked to stop.
#[derive(Debug, Default)]
pub struct Stop {
    times: Mutex<u32>,
    came: Condvar,
}

impl Stop {
    /// Listens for both signals from now on; they no longer end the process by themselves.
    ///
    /// # Errors
    ///
    /// The signals cannot be listened for.
    pub fn listen() -> io::Result<Arc<Stop>> {
        let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
        let entered = runtime.enter();
        let mut interrupts = signal(SignalKind::interrupt())?;
        let mut terminations = signal(SignalKind::terminate())?;
        drop(entered);
        let stop = Arc::new(Stop::default());
        let asked = Arc::clone(&stop);
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            runtime.block_on(async {
                loop {
                    tokio::select! {
                        Some(()) = interrupts.recv() => asked.ask(),
                        Some(()) = terminations.recv() => asked.ask(),
                        else => return,
                    }
                }
            });
        })?;
        Ok(stop)
    }

    /// Asks, as a signal does.
    pub fn ask(&self) {
        *self.times.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.came.notify_all();
    }

    /// Whether to stop in good order.
    pub fn is_asked(&self) -> bool {
        self.times() > 0
    }

    /// Whether to stop at once, whatever is lost.
    pub fn is_urgent(&self) -> bool {
        self.times() > 1
    }

    /// Waits so long, or until asked to stop; true: it was.
    pub fn wait(&self, duration: Duration) -> bool {
        let times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.came.wait_timeout_while(times, duration, |times| *times == 0);
        let (times, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *times > 0
    }

    fn times(&self) -> u32 {
        *self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

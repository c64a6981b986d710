//! What systemd is told of a service of `Type=notify`: that it listens, that it works, that it ends.
//!
//! Without a supervisor that asks for it (`NOTIFY_SOCKET`) nothing happens.

use std::time::Duration;

use sd_notify::NotifyState;

/// Pages can be asked for; whether lanes are shown is told by `/readyz`.
pub fn ready() {
    notify(&[NotifyState::Ready]);
}

/// It was told to end.
pub fn stopping() {
    notify(&[NotifyState::Stopping]);
}

/// Tells the watchdog that it works, for as long as that is so; waits for ever if no watchdog asks.
pub async fn watch(works: impl Fn() -> bool) {
    let Some(within) = sd_notify::watchdog_enabled() else { return std::future::pending().await };
    // Twice as often as is asked for, as systemd has it.
    let mut ticks = tokio::time::interval((within / 2).max(Duration::from_millis(100)));
    loop {
        ticks.tick().await;
        if works() {
            notify(&[NotifyState::Watchdog]);
        }
    }
}

/// A supervisor that does not listen is not worth ending for.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "telling the supervisor");
    }
}

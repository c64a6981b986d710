//! The page at `/`: what there is to read, and how things stand, in a sentence.

use std::time::Instant;

use axum::http::{HeaderName, header};

use crate::publish::snapshot::Snapshot;

/// Nothing is ever loaded from anywhere else.
pub(super) const HEADERS: [(HeaderName, &str); 3] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"),
];

/// The page, with `{{…}}` where something is put in.
const PAGE: &str = include_str!("front.html");

/// The page at `now`.
pub(super) fn page(snapshot: &Snapshot, now: Instant) -> String {
    PAGE.replace("{{version}}", env!("CARGO_PKG_VERSION")).replace("{{state}}", &escaped(&state(snapshot, now)))
}

/// How things stand.
fn state(snapshot: &Snapshot, now: Instant) -> String {
    let Some(view) = snapshot.shown(now) else {
        let reasons: Vec<String> = snapshot.withheld(now).iter().map(ToString::to_string).collect();
        return format!("Nothing is shown of queues yet: {}.", reasons.join("; "));
    };
    let lanes = counted(view.groups.len() as u64, "lane", "lanes");
    let contacts = counted(snapshot.tracked_contacts, "contact", "contacts");
    let partitions = counted(snapshot.partitions.len() as u64, "partition", "partitions");
    let whole = if snapshot.whole { "all there are" } else { "other instances hold the rest" };
    format!("Showing {lanes} with {contacts} held, from {partitions} ({whole}).")
}

fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// As text within HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

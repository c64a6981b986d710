//! The pages under `/api/v1`: see [`api`](crate::publish::api) for what they say.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::{PLAIN, Pages, lines};
use crate::clock;
use crate::engine::tally::{Measure, Quantity};
use crate::publish::api::{histogram, load, outliers, queues};
use crate::publish::snapshot::KnownBefore;
use crate::publish::withheld::Withheld;

/// How many days are told of unless more or fewer are asked for.
const DAYS: usize = 14;

/// The description of all of them.
const DESCRIPTION: &str = include_str!("../../../deploy/openapi.json");

pub(super) fn routes() -> Router<Pages> {
    Router::new()
        .route("/api/v1/openapi.json", get(|| async { json(DESCRIPTION.into()) }))
        .route("/api/v1/queues", get(all_queues))
        .route("/api/v1/queues/{id}", get(one_queue))
        .route("/api/v1/load", get(load_now))
        .route("/api/v1/forecast/{queue}", get(forecast))
        .route("/api/v1/baseline", get(baseline))
        .route("/api/v1/contacts/{id}", get(contact))
        .route("/api/v1/outliers", get(latest_outliers))
        .route("/api/v1/histograms/{queue}", get(distribution))
}

async fn all_queues(State(pages): State<Pages>) -> Response {
    made(move || Ok(Some(queues::all(scene(&pages, &pages.exposition.snapshot()))?)), "").await
}

async fn one_queue(State(pages): State<Pages>, Path(queue): Path<String>) -> Response {
    made(
        move || queues::one(scene(&pages, &pages.exposition.snapshot()), &queue),
        "there is no such queue, or metrics.by does not tell queues apart\n",
    )
    .await
}

async fn latest_outliers(State(pages): State<Pages>, Query(query): Query<BTreeMap<String, String>>) -> Response {
    if let Some(refusal) = refusal(&query, &["queue"]) {
        return refusal;
    }
    let queue = query.get("queue").cloned();
    made(move || Ok(Some(outliers::page(&pages.exposition.snapshot(), queue.as_deref()))), "").await
}

const NOT_LOOKED: &str =
    "what is usual is not known yet, or this process holds some of the partitions only, or slots are too wide for it\n";

async fn load_now(State(pages): State<Pages>) -> Response {
    made(
        move || {
            let snapshot = pages.exposition.snapshot();
            let at = clock::monotonic();
            shown(&snapshot, at)?;
            Ok(load::page(&snapshot, &pages.exposition.outlooks(&snapshot, at)))
        },
        NOT_LOOKED,
    )
    .await
}

async fn forecast(
    State(pages): State<Pages>,
    Path(queue): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    if let Some(refusal) = refusal(&query, &["days"]) {
        return refusal;
    }
    let days = query.get("days").map_or(Some(DAYS), |days| days.parse().ok().filter(|days| *days > 0));
    let Some(days) = days else { return refused("days is a whole number from 1 on") };
    made(
        move || {
            let snapshot = pages.exposition.snapshot();
            let at = clock::monotonic();
            shown(&snapshot, at)?;
            let outlook = pages.exposition.outlook(&snapshot, at, &queue);
            Ok(load::forecast(&snapshot, outlook.as_ref(), &queue, days))
        },
        "there is no such queue, or what is usual is not known yet\n",
    )
    .await
}

/// Counts of all queues, as a file of them says it.
async fn baseline(State(pages): State<Pages>) -> Response {
    let asked = tokio::task::spawn_blocking(move || {
        let mut seed = (pages.answers.histories)()?;
        let snapshot = pages.exposition.snapshot();
        let outlooks = pages.exposition.outlooks(&snapshot, clock::monotonic());
        for (queue, of_queue) in &mut seed.queues {
            if let Some(outlook) = outlooks.get(queue.as_str()) {
                let KnownBefore { times, leading } = std::mem::take(&mut of_queue.known);
                of_queue.known = KnownBefore {
                    times: outlook.planning.times.or(times),
                    leading: outlook.leading.clone().or(leading),
                };
            }
        }
        Ok::<_, String>(seed.text())
    });
    match asked.await {
        Ok(Ok(text)) => json(text.into()),
        Ok(Err(why)) => (StatusCode::SERVICE_UNAVAILABLE, [PLAIN], format!("{why}\n")).into_response(),
        Err(error) => failed(&error),
    }
}

/// Whether lanes are shown.
fn shown(snapshot: &crate::publish::snapshot::Snapshot, at: std::time::Instant) -> Result<(), Vec<Withheld>> {
    let reasons = snapshot.withheld(at);
    if reasons.is_empty() { Ok(()) } else { Err(reasons) }
}

async fn contact(State(pages): State<Pages>, Path(id): Path<String>) -> Response {
    let asked = tokio::task::spawn_blocking(move || (pages.answers.accounts)(&id));
    match asked.await {
        Ok(Ok(Some(account))) => json(serde_json::to_vec(&account).expect("all of it is text and numbers under names")),
        Ok(Ok(None)) => absent("no contact of this id is held by this process\n"),
        Ok(Err(why)) => (StatusCode::SERVICE_UNAVAILABLE, [PLAIN], format!("{why}\n")).into_response(),
        Err(error) => failed(&error),
    }
}

async fn distribution(
    State(pages): State<Pages>,
    Path(queue): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    if let Some(refusal) = refusal(&query, &["window", "measure", "of", "format"]) {
        return refusal;
    }
    let names = pages.exposition.windows_with_quantiles();
    let window = query
        .get("window")
        .map_or_else(|| names.last().copied(), |name| names.iter().copied().find(|(_, known)| known == name));
    let quantity = query.get("of").map_or(Some(Quantity::WaitAnswered), |name| {
        Quantity::ALL.into_iter().find(|quantity| quantity.name() == name)
    });
    let counts = matches!(quantity, Some(Quantity::Replies | Quantity::Transfers));
    let usual = if counts { Measure::Effort } else { Measure::Wait };
    let measure = query.get("measure").map_or(Some(usual), |name| Measure::from_name(name));
    let is_packed = match query.get("format").map(String::as_str) {
        None | Some("text") => Some(false),
        Some("v2") => Some(true),
        Some(_) => None,
    };
    let Some((((window, _), measure), (quantity, is_packed))) = window.zip(measure).zip(quantity.zip(is_packed)) else {
        let windows: Vec<&str> = names.iter().map(|(_, name)| *name).collect();
        let measures = Measure::ALL.map(Measure::name).join(", ");
        let quantities = Quantity::ALL.map(Quantity::name).join(", ");
        return refused(&format!(
            "window is one of {}; measure one of {measures}; of one of {quantities}; format text or v2",
            windows.join(", ")
        ));
    };
    let snapshot = pages.exposition.snapshot();
    if !snapshot.whole && snapshot.shown(clock::monotonic()).is_some() {
        let why = "this process holds some of the partitions only, and so a part of each queue\n";
        return (StatusCode::SERVICE_UNAVAILABLE, [PLAIN], why).into_response();
    }
    let made = tokio::task::spawn_blocking(move || {
        let wanted = histogram::Wanted { queue: &queue, window, measure, quantity };
        let found = histogram::distribution(&snapshot, clock::monotonic(), wanted)?;
        let scale = if counts { 1.0 } else { 1_000.0 };
        Ok(found.map(|found| if is_packed { histogram::packed(&found) } else { histogram::percentiles(&found, scale) }))
    });
    match made.await {
        Ok(Ok(Some(text))) => ([PLAIN], text).into_response(),
        Ok(Ok(None)) => absent("there is no such queue, or nothing of the kind was measured in the window\n"),
        Ok(Err(reasons)) => withheld(reasons),
        Err(error) => failed(&error),
    }
}

fn scene<'s>(pages: &'s Pages, snapshot: &'s crate::publish::snapshot::Snapshot) -> queues::Scene<'s> {
    let exposition = &pages.exposition;
    let (windows, quantiles) = (exposition.windows(), exposition.quantiles());
    queues::Scene { snapshot, at: clock::monotonic(), windows, quantiles }
}

/// A page of JSON, made on a thread that may take its time; `absence` is said where there is nothing.
async fn made(
    make: impl FnOnce() -> Result<Option<Vec<u8>>, Vec<Withheld>> + Send + 'static,
    absence: &'static str,
) -> Response {
    match tokio::task::spawn_blocking(make).await {
        Ok(Ok(Some(page))) => json(page),
        Ok(Ok(None)) => absent(absence),
        Ok(Err(reasons)) => withheld(reasons),
        Err(error) => failed(&error),
    }
}

fn json(page: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], page).into_response()
}

fn absent(what: &'static str) -> Response {
    (StatusCode::NOT_FOUND, [PLAIN], what).into_response()
}

fn withheld(reasons: Vec<Withheld>) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [PLAIN], lines(reasons)).into_response()
}

fn refused(why: &str) -> Response {
    (StatusCode::BAD_REQUEST, [PLAIN], format!("{why}\n")).into_response()
}

pub(super) fn failed(error: &tokio::task::JoinError) -> Response {
    let text = format!("the page could not be put together: {error}\n");
    (StatusCode::INTERNAL_SERVER_ERROR, [PLAIN], text).into_response()
}

/// What is answered if anything but these is asked for.
fn refusal(query: &BTreeMap<String, String>, known: &[&str]) -> Option<Response> {
    let unknown = query.keys().find(|key| !known.contains(&key.as_str()))?;
    Some(refused(&format!("{unknown:?} cannot be asked for here: known are {}", known.join(", "))))
}

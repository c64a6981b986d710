//! The pages of the running service: metrics, health, readiness, the state to be recomputed, and one that links them.
//!
//! Pages are made of the latest snapshot only, so that no request, however slow or frequent, holds up reading events. No
//! page changes anything, asks for anything, or takes anything from another address. TLS and passwords are not here.

mod connection;
mod front;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use self::connection::Connections;
use crate::clock;
use crate::meters::Meters;
use crate::publish::metrics::{CONTENT_TYPE, Exposition};
use crate::publish::state;
use crate::publish::withheld::Withheld;

/// How long requests that are being answered are waited for at the end.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

const PLAIN: (HeaderName, &str) = (header::CONTENT_TYPE, "text/plain; charset=utf-8");

/// Why there is nowhere to listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Something else listens there.
    #[error(
        "{0} is in use by another program, maybe another holdline: end that one, or set http.listen to another port"
    )]
    InUse(SocketAddr),
    /// Ports below 1024 may be reserved.
    #[error("{0} may not be listened on by this user: set http.listen to a port from 1024 on, or allow it")]
    NotAllowed(SocketAddr),
    /// This machine has no such address.
    #[error("{0} is no address of this machine: set http.listen to one that is, or to 0.0.0.0 for all of them")]
    NoSuchAddress(SocketAddr),
    /// Anything else.
    #[error("cannot listen on {0}: {1}")]
    Other(SocketAddr, io::Error),
}

/// Listens on an address; port 0 takes a free one.
///
/// # Errors
///
/// It cannot be listened on.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse(address),
        io::ErrorKind::PermissionDenied => BindError::NotAllowed(address),
        io::ErrorKind::AddrNotAvailable => BindError::NoSuchAddress(address),
        _ => BindError::Other(address, error),
    })
}

/// What pages are made of.
#[derive(Clone, Debug)]
pub struct Pages {
    exposition: Arc<Exposition>,
    meters: Meters,
}

impl Pages {
    /// Pages of what is exposed; how long that takes is metered.
    pub fn new(exposition: Arc<Exposition>, meters: Meters) -> Pages {
        Pages { exposition, meters }
    }
}

/// Answers requests until `shutdown` is over, and then for a second those that are open.
///
/// # Errors
///
/// None so far: what goes wrong with a connection ends that connection.
pub async fn serve(
    listener: TcpListener,
    pages: Pages,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve_connections(Connections::of(listener), pages, shutdown).await
}

async fn serve_connections(
    connections: Connections,
    pages: Pages,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (ending, ended) = oneshot::channel();
    let shutdown = async move {
        shutdown.await;
        // Nobody listens if all is over.
        _ = ending.send(());
    };
    let too_long = async move {
        // An error means the same: the end has begun.
        _ = ended.await;
        tokio::time::sleep(LAST_ANSWERS).await;
    };
    let served = axum::serve(connections, router(pages)).with_graceful_shutdown(shutdown);
    tokio::select! {
        result = served.into_future() => result,
        () = too_long => Ok(()),
    }
}

fn router(pages: Pages) -> Router {
    Router::new()
        .route("/", get(front_page))
        .route("/metrics", get(metrics))
        .route("/healthz", get(health))
        .route("/readyz", get(readiness))
        .route(state::PATH, get(state))
        .fallback(|| async { (StatusCode::NOT_FOUND, [PLAIN], "there is no such page: / links all there are\n") })
        .method_not_allowed_fallback(|| async {
            (StatusCode::METHOD_NOT_ALLOWED, [PLAIN], "pages can only be read: use GET\n")
        })
        .with_state(pages)
}

async fn front_page(State(pages): State<Pages>) -> Response {
    let page = front::page(&pages.exposition.snapshot(), clock::monotonic(), pages.exposition.windows());
    (front::HEADERS, page).into_response()
}

/// Made on a thread that may take its time.
async fn metrics(State(pages): State<Pages>) -> Response {
    let made = tokio::task::spawn_blocking(move || {
        let start = clock::monotonic();
        let text = pages.exposition.text(start);
        let took = clock::monotonic().saturating_duration_since(start);
        pages.meters.collect_duration.observe(took.as_secs_f64());
        text
    });
    match made.await {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            let text = format!("the metrics could not be put together: {error}\n");
            (StatusCode::INTERNAL_SERVER_ERROR, [PLAIN], text).into_response()
        }
    }
}

/// All that is told of lanes, with what it is made of. Made on a thread that may take its time.
async fn state(State(pages): State<Pages>) -> Response {
    let made = tokio::task::spawn_blocking(move || pages.exposition.state(clock::monotonic()));
    match made.await {
        Ok(Ok(state)) => ([(header::CONTENT_TYPE, "application/json")], state).into_response(),
        Ok(Err(reasons)) => (StatusCode::SERVICE_UNAVAILABLE, [PLAIN], lines(reasons)).into_response(),
        Err(error) => {
            let text = format!("the state could not be put together: {error}\n");
            (StatusCode::INTERNAL_SERVER_ERROR, [PLAIN], text).into_response()
        }
    }
}

/// Whether the process works; not whether there is anything to work on.
async fn health(State(pages): State<Pages>) -> Response {
    let snapshot = pages.exposition.snapshot();
    let now = clock::monotonic();
    if snapshot.is_stale(now) {
        let age = now.saturating_duration_since(snapshot.made_at).as_secs();
        let text = format!("stuck: nothing was put together for {age} s\n");
        (StatusCode::SERVICE_UNAVAILABLE, [PLAIN], text).into_response()
    } else {
        ([PLAIN], "ok\n").into_response()
    }
}

/// Whether lanes are shown, and would be soon after a restart; if not, why, one reason a line.
async fn readiness(State(pages): State<Pages>) -> Response {
    let snapshot = pages.exposition.snapshot();
    let now = clock::monotonic();
    let hindrance = snapshot.hindrance.as_ref().map(|hindrance| format!("checkpoints fail: {hindrance}\n"));
    if snapshot.shown(now).is_some() && hindrance.is_none() {
        return ([PLAIN], "ready\n").into_response();
    }
    let trouble = snapshot.trouble.as_ref().map(|trouble| format!("last trouble: {trouble}\n"));
    let reasons = lines(snapshot.withheld(now)) + &hindrance.unwrap_or_default() + &trouble.unwrap_or_default();
    (StatusCode::SERVICE_UNAVAILABLE, [PLAIN], reasons).into_response()
}

fn lines(reasons: Vec<Withheld>) -> String {
    reasons.into_iter().map(|reason| format!("{reason}\n")).collect()
}

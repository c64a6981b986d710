//! The pages of the running service: metrics, health, readiness, the state to be recomputed, and one that links them.
//!
//! Pages are made of the latest snapshot, so that no request, however slow or frequent, holds up reading events; only what
//! is known of a single contact is asked of those who read. `/-/reload` has the configuration read again; no other page
//! changes anything, and none takes anything from another address. Who may read them is for `guard` to say, `secure`
//! encrypts connections, and `protection` lets both change while pages are served.

mod api;
mod connection;
mod front;
mod guard;
mod protection;
mod secure;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_protection;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use self::connection::Connections;
pub use self::protection::Protection;
use crate::clock;
use crate::engine::account::Account;
use crate::meters::Meters;
use crate::publish::formats::{Format, takes_gzip};
use crate::publish::metrics::Exposition;
use crate::publish::seed::Seed;
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
#[derive(Clone)]
pub struct Pages {
    exposition: Arc<Exposition>,
    meters: Meters,
    answers: Answers,
    reload: Option<Reload>,
    protection: Protection,
}

/// Loads the configuration again, or says why it stays as it was.
pub type Reload = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// Tells what is known of a contact, if it is held; or why nobody can say so.
pub type Accounts = Arc<dyn Fn(&str) -> Result<Option<Account>, String> + Send + Sync>;

/// Tells what was offered to every queue, as far back as is known; or why nobody can say so.
pub type Histories = Arc<dyn Fn() -> Result<Seed, String> + Send + Sync>;

/// What those who read are asked, one request at a time.
#[derive(Clone)]
pub struct Answers {
    /// Of a contact.
    pub accounts: Accounts,
    /// Of all queues.
    pub histories: Histories,
}

impl Pages {
    /// Pages of what is exposed, and of contacts; how long that takes is metered. `/-/reload` does nothing without `reload`.
    pub fn new(
        exposition: Arc<Exposition>,
        meters: Meters,
        answers: Answers,
        reload: Option<Reload>,
        protection: Protection,
    ) -> Pages {
        Pages { exposition, meters, answers, reload, protection }
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
    let connections = Connections::of(listener, pages.protection.clone());
    serve_connections(connections, pages, shutdown).await
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
        .merge(api::routes())
        .route("/-/reload", post(reload).put(reload))
        .fallback(|| async { (StatusCode::NOT_FOUND, [PLAIN], "there is no such page: / links all there are\n") })
        .method_not_allowed_fallback(|| async {
            (
                StatusCode::METHOD_NOT_ALLOWED,
                [PLAIN],
                "pages are read with GET; /-/reload is asked for with POST or PUT\n",
            )
        })
        .layer(from_fn_with_state(pages.protection.clone(), guard::guard))
        .with_state(pages)
}

async fn front_page(State(pages): State<Pages>) -> Response {
    let made = tokio::task::spawn_blocking(move || {
        let (snapshot, now) = (pages.exposition.snapshot(), clock::monotonic());
        let outlooks = pages.exposition.outlooks(&snapshot, now);
        front::page(&snapshot, now, pages.exposition.windows(), &outlooks)
    });
    match made.await {
        Ok(page) => (front::HEADERS, page).into_response(),
        Err(error) => api::failed(&error),
    }
}

/// In the format that the request likes best, packed if it may be. Made on a thread that may take its time.
async fn metrics(State(pages): State<Pages>, headers: HeaderMap) -> Response {
    // A header that comes several times is one list.
    let said = |name: HeaderName| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.collect::<Vec<&str>>().join(",")
    };
    let format = Format::accepted(Some(&said(header::ACCEPT)));
    let packed = takes_gzip(Some(&said(header::ACCEPT_ENCODING)));
    let made = tokio::task::spawn_blocking(move || {
        let start = clock::monotonic();
        let page = pages.exposition.page(start, format, packed);
        let took = clock::monotonic().saturating_duration_since(start);
        pages.meters.collect_duration.observe(took.as_secs_f64());
        page
    });
    match made.await {
        Ok(page) => {
            let kind = (header::CONTENT_TYPE, format.content_type());
            let varies = (header::VARY, "accept, accept-encoding");
            let encoding = packed.then_some([(header::CONTENT_ENCODING, "gzip")]);
            ([kind, varies], encoding.map(AppendHeaders), page).into_response()
        }
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

/// Loads the configuration again.
async fn reload(State(pages): State<Pages>) -> Response {
    let Some(reload) = pages.reload.clone() else {
        return (StatusCode::NOT_FOUND, [PLAIN], "the configuration came from no file\n").into_response();
    };
    match tokio::task::spawn_blocking(move || reload()).await {
        Ok(Ok(())) => ([PLAIN], "loaded again\n").into_response(),
        Ok(Err(why)) => {
            (StatusCode::INTERNAL_SERVER_ERROR, [PLAIN], format!("stays as it was: {why}\n")).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, [PLAIN], format!("{error}\n")).into_response(),
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

//! Who may read pages: users with passwords, if there are any. Every answer has the headers that are configured.
//!
//! Passwords are compared to hashes that take long to make, two at a time and not on the threads that serve; one that was
//! right is known again by a keyed hash of its own. Who is not known takes as long as who is. `/healthz` is for anybody:
//! it tells nothing but that the process works.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::Semaphore;

use super::{PLAIN, Protection};
use crate::config::Web;

/// Passwords that are compared at a time.
const AT_A_TIME: usize = 2;

/// Longer ones are not compared.
const LONGEST_PASSWORD: usize = 1_024;

/// Of nobody's password; as expensive as the usual ones.
const NOBODY: &str = "$2b$10$PSpDqCbs2pwSPtqLyvUIa.cu0D7GYwWrVFMPNgmX6uWeXWAYdG2ZG";

/// Lets in who may read.
pub(super) struct Guard {
    users: BTreeMap<String, String>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Keyed hashes of passwords that were right, by user.
    known: Mutex<HashMap<String, u64>>,
    key: RandomState,
    comparing: Arc<Semaphore>,
}

impl Guard {
    pub(super) fn of(web: &Web) -> Guard {
        let header = |(name, value): (&String, &String)| {
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
        };
        Guard {
            users: web.users.clone(),
            headers: web.headers.iter().filter_map(header).collect(),
            known: Mutex::default(),
            key: RandomState::new(),
            comparing: Arc::new(Semaphore::new(AT_A_TIME)),
        }
    }

    /// Whether anybody may read this page.
    fn is_for_all(&self, request: &Request) -> bool {
        self.users.is_empty() || request.uri().path() == "/healthz"
    }

    /// A hash that nothing is compared to successfully as far as anybody can tell: that of the user whose is most expensive,
    /// if there is one.
    fn nobody(&self) -> &str {
        let cost = |hash: &&String| hash.parse::<bcrypt::HashParts>().map_or(0, |parts| parts.get_cost());
        self.users.values().max_by_key(cost).map_or(NOBODY, String::as_str)
    }

    async fn admits(&self, user: String, password: String) -> bool {
        let hash = self.key.hash_one((&user, &password));
        let is_known = || self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&user) == Some(&hash);
        if is_known() {
            return true;
        }
        let Ok(place) = Arc::clone(&self.comparing).acquire_owned().await else { return false };
        let (expected, exists) = self.users.get(&user).map_or((self.nobody(), false), |hash| (hash.as_str(), true));
        let expected = expected.to_owned();
        // The place is kept until it is over, also if whoever asked has hung up.
        let compared = tokio::task::spawn_blocking(move || {
            let is_right = bcrypt::verify(password, &expected).unwrap_or(false);
            drop(place);
            is_right
        });
        let is_right = compared.await.unwrap_or(false) && exists;
        if is_right {
            self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(user, hash);
        }
        is_right
    }
}

/// User and password, as they were sent.
fn credentials(request: &Request) -> Option<(String, String)> {
    let said = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = said.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > 2 * LONGEST_PASSWORD {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// Answers who may read, and adds the headers.
pub(super) async fn guard(State(protection): State<Protection>, request: Request<Body>, next: Next) -> Response {
    let guard = protection.guard();
    let is_admitted = guard.is_for_all(&request)
        || match credentials(&request) {
            Some((user, password)) => guard.admits(user, password).await,
            None => false,
        };
    let mut response = if is_admitted {
        next.run(request).await
    } else {
        let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"holdline\", charset=\"UTF-8\"")];
        (StatusCode::UNAUTHORIZED, challenge, [PLAIN], "a user and a password are needed\n").into_response()
    };
    for (name, value) in &guard.headers {
        response.headers_mut().insert(name, value.clone());
    }
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn who_hangs_up_frees_no_place_before_the_comparison_is_over() {
        let guard = Guard::of(&Web { users: [("alice".to_owned(), NOBODY.to_owned())].into(), ..Web::default() });
        for number in 0..AT_A_TIME {
            let asked = guard.admits("alice".to_owned(), number.to_string());
            assert!(tokio::time::timeout(Duration::ZERO, asked).await.is_err(), "hung up while it was compared");
        }
        assert_eq!(guard.comparing.available_permits(), 0);
        let all = u32::try_from(AT_A_TIME).unwrap();
        drop(guard.comparing.acquire_many(all).await.unwrap());
    }
}

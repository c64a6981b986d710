//! How pages are protected at present: what may change while they are served, since certificates are renewed and
//! passwords changed.

use std::sync::{Arc, PoisonError, RwLock};

use tokio_rustls::TlsAcceptor;

use super::guard::Guard;
use super::secure;
use crate::config::Web;

/// How pages are protected. Clones share it.
#[derive(Clone)]
pub struct Protection(Arc<RwLock<Present>>);

/// A protection that can be used.
pub struct Understood(Present);

struct Present {
    guard: Arc<Guard>,
    encryption: Option<TlsAcceptor>,
}

impl Protection {
    /// As this says.
    ///
    /// # Errors
    /// The certificates cannot be used.
    pub fn of(web: &Web) -> Result<Protection, String> {
        Ok(Protection(Arc::new(RwLock::new(Present::of(web)?))))
    }

    /// What this says, for [`Protection::change`].
    ///
    /// # Errors
    /// The certificates cannot be used.
    pub fn understood(&self, web: &Web) -> Result<Understood, String> {
        Present::of(web).map(Understood)
    }

    /// So from now on, for connections that come and for requests on those that are open.
    pub fn change(&self, Understood(present): Understood) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = present;
    }

    pub(super) fn guard(&self) -> Arc<Guard> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).guard)
    }

    pub(super) fn encryption(&self) -> Option<TlsAcceptor> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).encryption.clone()
    }
}

impl Present {
    fn of(web: &Web) -> Result<Present, String> {
        let encryption = web.tls.as_ref().map(secure::acceptor).transpose()?;
        Ok(Present { guard: Arc::new(Guard::of(web)), encryption })
    }
}

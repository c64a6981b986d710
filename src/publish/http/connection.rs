//! Connections that cannot be silent for ever, and not too many of them.
//!
//! One that neither sends nor takes anything for [`LONGEST_SILENCE`] is closed. That is longer than scrapes are apart, so
//! that their connection stays. Headers are bounded by the server underneath: 100 lines and some 400 KiB.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// How long a connection may be silent.
const LONGEST_SILENCE: Duration = Duration::from_secs(150);

/// Connections at a time; further ones wait until one of them ends.
const MOST: usize = 64;

/// Connections that come in.
pub(super) struct Connections {
    listener: TcpListener,
    free: Arc<Semaphore>,
    longest_silence: Duration,
}

impl Connections {
    pub(super) fn of(listener: TcpListener) -> Connections {
        Connections { listener, free: Arc::new(Semaphore::new(MOST)), longest_silence: LONGEST_SILENCE }
    }

    #[cfg(test)]
    pub(super) fn bounded(listener: TcpListener, most: usize, longest_silence: Duration) -> Connections {
        Connections { listener, free: Arc::new(Semaphore::new(most)), longest_silence }
    }
}

impl Listener for Connections {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let place = Arc::clone(&self.free).acquire_owned().await.expect("nobody closes the semaphore");
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let silence = Box::pin(sleep(self.longest_silence));
        (Connection { stream, silence, longest_silence: self.longest_silence, _place: place }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that is closed when it is silent for too long.
pub(super) struct Connection {
    stream: TcpStream,
    /// Until when it may be silent.
    silence: Pin<Box<Sleep>>,
    longest_silence: Duration,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    /// Passes on what the stream said; an error if it has been waiting for too long.
    fn watch<T>(&mut self, said: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if said.is_ready() {
            self.silence.as_mut().reset(Instant::now() + self.longest_silence);
            return said;
        }
        ready!(self.silence.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let said = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.watch(said, context)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let said = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(said, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let said = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        self.watch(said, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

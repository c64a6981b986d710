//! Connections that cannot be silent for ever, and not too many of them.
//!
//! What is asked for has to be said, and its answer to have begun, within [`LONGEST_REQUEST`] from when a connection comes, or
//! from the first byte after an answer; the greeting of an encrypted one is part of it, and others are served meanwhile.
//!
//! A connection that neither sends nor takes anything for [`LONGEST_SILENCE`] is closed. That is longer than scrapes are
//! apart, so that their connection stays. Headers are bounded by the server underneath: 100 lines and some 400 KiB.

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
use tokio_rustls::Accept;
use tokio_rustls::server::TlsStream;

use super::protection::Protection;

/// How long a connection may be silent.
const LONGEST_SILENCE: Duration = Duration::from_secs(150);

/// How long it may take to say what is asked for, and until that begins to be answered.
const LONGEST_REQUEST: Duration = Duration::from_secs(30);

/// Connections at a time; further ones wait until one of them ends.
const MOST: usize = 64;

/// Connections that come in.
pub(super) struct Connections {
    listener: TcpListener,
    free: Arc<Semaphore>,
    longest: Longest,
    protection: Protection,
}

/// How long what may take.
#[derive(Clone, Copy)]
pub(super) struct Longest {
    /// To say what is asked for, and until that begins to be answered.
    pub(super) request: Duration,
    /// To neither send nor take anything.
    pub(super) silence: Duration,
}

impl Connections {
    /// Encrypted as is said at the time.
    pub(super) fn of(listener: TcpListener, protection: Protection) -> Connections {
        let longest = Longest { request: LONGEST_REQUEST, silence: LONGEST_SILENCE };
        Connections::bounded(listener, protection, MOST, longest)
    }

    /// So many at a time, each of which may take so long.
    pub(super) fn bounded(listener: TcpListener, protection: Protection, most: usize, longest: Longest) -> Connections {
        Connections { listener, free: Arc::new(Semaphore::new(most)), longest, protection }
    }
}

impl Listener for Connections {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let place = Arc::clone(&self.free).acquire_owned().await.expect("nobody closes the semaphore");
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let stream = match self.protection.encryption() {
            Some(acceptor) => Stream::Greeting(Box::new(acceptor.accept(stream))),
            None => Stream::Plain(stream),
        };
        let limit = Limit::Request(Box::pin(sleep(self.longest.request)));
        (Connection { stream, limit, longest: self.longest, _place: place }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// What a connection goes over.
enum Stream {
    Plain(TcpStream),
    /// What is under way until it is encrypted.
    Greeting(Box<Accept<TcpStream>>),
    Encrypted(Box<TlsStream<TcpStream>>),
}

/// A connection that is closed when it takes too long.
pub(super) struct Connection {
    stream: Stream,
    limit: Limit,
    longest: Longest,
    _place: OwnedSemaphorePermit,
}

/// Until when what has to have happened.
enum Limit {
    /// What is asked for has to be answered; nothing that is read moves it.
    Request(Pin<Box<Sleep>>),
    /// Something has to be sent or taken.
    Silence(Pin<Box<Sleep>>),
}

impl Connection {
    /// Greets if that is not over yet, then does what is to be done with the stream; an error if that has been taking too
    /// long.
    fn use_stream<T>(
        &mut self,
        context: &mut Context<'_>,
        work: impl FnOnce(Pin<&mut dyn Duplex>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let done = self.stream.greet(context).map(|greeted| {
            greeted?;
            match &mut self.stream {
                Stream::Plain(stream) => Ok(Some(work(Pin::new(stream), context))),
                Stream::Encrypted(stream) => Ok(Some(work(Pin::new(stream.as_mut()), context))),
                Stream::Greeting(_) => Ok(None),
            }
        });
        let done = match done {
            Poll::Ready(Ok(Some(done))) => done,
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(None)) | Poll::Pending => Poll::Pending,
        };
        if done.is_ready() {
            return done;
        }
        let (Limit::Request(limit) | Limit::Silence(limit)) = &mut self.limit;
        ready!(limit.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Something was asked for: the first byte after an answer.
    fn has_read(&mut self) {
        if matches!(self.limit, Limit::Silence(_)) {
            self.limit = Limit::Request(Box::pin(sleep(self.longest.request)));
        }
    }

    /// Something was answered.
    fn has_written(&mut self) {
        let until = Instant::now() + self.longest.silence;
        match &mut self.limit {
            Limit::Silence(limit) => limit.as_mut().reset(until),
            Limit::Request(_) => self.limit = Limit::Silence(Box::pin(sleep(self.longest.silence))),
        }
    }
}

impl Stream {
    /// Goes on until it is encrypted, if it is to be.
    fn greet(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Stream::Greeting(accept) = self {
            let encrypted = ready!(Pin::new(accept.as_mut()).poll(context))?;
            *self = Stream::Encrypted(Box::new(encrypted));
        }
        Poll::Ready(Ok(()))
    }
}

/// What can be read and written.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(self.use_stream(context, |stream, context| stream.poll_read(context, buffer)))?;
        if buffer.filled().len() > before {
            self.has_read();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(self.use_stream(context, |stream, context| stream.poll_write(context, bytes)))?;
        self.has_written();
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(self.use_stream(context, |stream, context| stream.poll_write_vectored(context, buffers)))?;
        self.has_written();
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Greeting(_) | Stream::Encrypted(_) => true,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.use_stream(context, |stream, context| stream.poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.use_stream(context, |stream, context| stream.poll_shutdown(context))
    }
}

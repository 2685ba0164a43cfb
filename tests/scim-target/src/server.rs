//! The socket. Connections carry a switch that closes them without an answer.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::ConnectInfo;
use axum::extract::connect_info::Connected;
use axum::http::{Request, Response};
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::error::ScimError;
use crate::http::{Verdict, serve};
use crate::reply::Reply;
use crate::state::Shared;

const BODY_LIMIT: usize = 32 * 1024 * 1024;
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// Serves until `stop` is true, then finishes what is under way.
pub(crate) async fn run(
    listener: TcpListener,
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let stopped = stop.clone();
    let app = Router::new().fallback(move |ConnectInfo(line): ConnectInfo<Line>, request| {
        handle(Arc::clone(&shared), line, stopped.clone(), request)
    });
    let service = app.into_make_service_with_connect_info::<Line>();
    axum::serve(Socket(listener), service)
        .with_graceful_shutdown(until(stop))
        .await
}

async fn handle(
    shared: Arc<Shared>,
    line: Line,
    stop: watch::Receiver<bool>,
    request: Request<Body>,
) -> Result<Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let verdict = match to_bytes(body, BODY_LIMIT).await {
        Ok(body) => serve(&shared, &parts, &body),
        Err(error) => Verdict::Answer(Reply::error(&ScimError::new(413, error.to_string()))),
    };
    Ok(match verdict {
        Verdict::Answer(reply) => reply.into_response(),
        Verdict::Cut(reply) => line.half(reply),
        Verdict::Drop => line.cut(),
        Verdict::Hang => {
            until(stop).await;
            line.cut()
        }
    })
}

async fn until(mut stop: watch::Receiver<bool>) {
    // An error means that the target is gone, which is a stop too.
    stop.wait_for(|stop| *stop).await.ok();
}

/// The switch of one connection.
#[derive(Debug, Clone, Default)]
struct Line(Arc<Switch>);

#[derive(Debug, Default)]
struct Switch {
    closed: AtomicBool,
    /// Whether the next answer breaks off.
    limited: AtomicBool,
    /// After this many bytes of its body.
    body: AtomicUsize,
}

impl Line {
    /// From now on nothing can be written to the connection, so this answer never leaves.
    fn cut(&self) -> Response<Body> {
        self.0.closed.store(true, Ordering::Release);
        Response::new(Body::empty())
    }

    /// The connection closes after half of the answer's body.
    fn half(&self, reply: Reply) -> Response<Body> {
        let response = reply.into_response();
        let length = response.body().size_hint().exact().unwrap_or_default();
        let half = usize::try_from(length / 2).unwrap_or_default();
        self.0.body.store(half, Ordering::Release);
        self.0.limited.store(true, Ordering::Release);
        response
    }

    fn check(&self) -> io::Result<()> {
        if self.0.closed.load(Ordering::Acquire) {
            Err(io::ErrorKind::ConnectionReset.into())
        } else {
            Ok(())
        }
    }

    /// How much of `bytes`, which start with the head of an answer, may leave.
    fn allowed(&self, bytes: &[u8]) -> Option<usize> {
        if !self.0.limited.load(Ordering::Acquire) {
            return None;
        }
        let head = bytes
            .windows(END_OF_HEAD.len())
            .position(|window| window == END_OF_HEAD)?
            + END_OF_HEAD.len();
        Some((head + self.0.body.load(Ordering::Acquire)).min(bytes.len()))
    }
}

impl Connected<IncomingStream<'_, Socket>> for Line {
    fn connect_info(stream: IncomingStream<'_, Socket>) -> Self {
        stream.io().line.clone()
    }
}

struct Socket(TcpListener);

impl Listener for Socket {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // Without it, answers wait for the delayed acknowledgement; failing only makes the target slower.
        stream.set_nodelay(true).ok();
        let line = Line::default();
        (Wire { stream, line }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

struct Wire {
    stream: TcpStream,
    line: Line,
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.line.check()?;
        let Some(allowed) = self.line.allowed(buffer) else {
            return Pin::new(&mut self.stream).poll_write(cx, buffer);
        };
        let some = buffer.get(..allowed).unwrap_or(buffer);
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, some))?;
        self.line.cut();
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.line.check()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.line.check()?;
        if self.line.0.limited.load(Ordering::Acquire) {
            let whole: Vec<u8> = buffers
                .iter()
                .flat_map(|part| part.iter().copied())
                .collect();
            return self.poll_write(cx, &whole);
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

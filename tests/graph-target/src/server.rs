//! The socket. Connections carry a switch that closes them without an answer.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::extract::connect_info::Connected;
use axum::http::{Request, Response};
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::batch::{PART, serve_batch};
use crate::error::{GraphError, Refusal};
use crate::http::{Incoming, Verdict, refused, serve};
use crate::state::Shared;

const BODY_LIMIT: usize = 32 * 1024 * 1024;

const BATCH_PATH: &str = "/v1.0/$batch";

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
        Ok(body) => {
            let incoming = Incoming {
                method: parts.method.as_str(),
                path: parts.uri.path(),
                query: parts.uri.query().unwrap_or_default(),
                headers: &parts.headers,
                body: &body,
                batched: parts.headers.contains_key(PART),
            };
            let batch = incoming.method == "POST" && incoming.path == BATCH_PATH;
            if batch && !incoming.batched {
                serve_batch(&shared, incoming).await
            } else {
                serve(&shared, &mut shared.lock(), incoming)
            }
        }
        Err(error) => {
            let error = GraphError::new(
                413,
                "Request_EntityTooLarge",
                Refusal::Invalid,
                error.to_string(),
            );
            Verdict::Answer(refused(&mut shared.lock(), &error))
        }
    };
    Ok(match verdict {
        Verdict::Answer(reply) => reply.into_response(),
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
#[derive(Debug, Clone)]
struct Line(Arc<AtomicBool>);

impl Line {
    /// From now on nothing can be written to the connection, so this answer never leaves.
    fn cut(&self) -> Response<Body> {
        self.0.store(true, Ordering::Release);
        Response::new(Body::empty())
    }

    fn check(&self) -> io::Result<()> {
        if self.0.load(Ordering::Acquire) {
            Err(io::ErrorKind::ConnectionReset.into())
        } else {
            Ok(())
        }
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
        let line = Line(Arc::new(AtomicBool::new(false)));
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
        Pin::new(&mut self.stream).poll_write(cx, buffer)
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
        Pin::new(&mut self.stream).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

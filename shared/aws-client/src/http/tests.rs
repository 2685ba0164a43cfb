use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// What a server does with a request.
#[derive(Clone, Copy)]
enum Does {
    Answers,
    /// The first request of each connection, and no other.
    AnswersOnce,
    AnswersAndCloses,
    Closes,
    Nothing,
}

/// A server on loopback, and how many connections it accepted.
struct Server {
    address: String,
    accepted: Arc<AtomicUsize>,
}

impl Server {
    async fn start(does: Does) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, does));
            }
        });
        Self { address, accepted }
    }

    fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    fn request(&self, scheme: &str) -> HttpRequest {
        HttpRequest::get(format!("{scheme}://{}/path?query", self.address)).unwrap()
    }
}

async fn serve(mut stream: TcpStream, does: Does) {
    let mut read = Vec::new();
    let mut answered = false;
    loop {
        let Ok(1..) = stream.read_buf(&mut read).await else {
            return;
        };
        if !read.ends_with(b"\r\n\r\n") {
            continue;
        }
        let text = String::from_utf8(std::mem::take(&mut read)).unwrap();
        assert!(text.starts_with("GET /path?query HTTP/1.1\r\n"), "{text}");
        assert!(text.contains("host: 127.0.0.1:"), "{text}");
        match does {
            Does::AnswersOnce if answered => {}
            Does::Answers | Does::AnswersOnce => stream.write_all(ANSWER).await.unwrap(),
            Does::AnswersAndCloses => return stream.write_all(ANSWER).await.unwrap(),
            Does::Closes => return,
            Does::Nothing => {}
        }
        answered = true;
    }
}

fn http() -> Http {
    Http::new(Duration::from_millis(200))
}

/// Sends a request and reads the whole answer, as every caller does.
async fn ask(http: &Http, request: HttpRequest) -> Result<u16, ConnectorError> {
    let answer = http.call(request).await?;
    let status = answer.status().as_u16();
    let body = answer.into_body();
    let body = http_body_util::BodyExt::collect(body).await.unwrap();
    assert_eq!(body.to_bytes(), "ok");
    // The connection is put back by a task of its own.
    tokio::task::yield_now().await;
    Ok(status)
}

#[tokio::test]
async fn connections_are_kept_and_shared() {
    let server = Server::start(Does::Answers).await;
    let http = http();
    for client in [http.clone(), http.clone(), http] {
        assert_eq!(ask(&client, server.request("http")).await.unwrap(), 200);
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_replaced() {
    let server = Server::start(Does::AnswersAndCloses).await;
    let http = http();
    for _ in 0..3 {
        assert_eq!(ask(&http, server.request("http")).await.unwrap(), 200);
    }
    assert_eq!(server.accepted(), 3);
}

#[tokio::test]
async fn a_connection_on_which_an_attempt_failed_is_not_used_again() {
    let server = Server::start(Does::Answers).await;
    let http = http();
    let capture = CaptureSmithyConnection::new();
    let mut request = server.request("http");
    request.add_extension(capture.clone());
    ask(&http, request).await.unwrap();
    capture.get().expect("a connection").poison();
    ask(&http, server.request("http")).await.unwrap();
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn what_is_lost_is_told_from_what_takes_too_long() {
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    let request = HttpRequest::get(format!("http://{address}/")).unwrap();
    let error = ask(&http(), request).await.unwrap_err();
    assert!(error.is_io(), "{error:?}");

    let server = Server::start(Does::Closes).await;
    let error = ask(&http(), server.request("http")).await.unwrap_err();
    let transient = error.as_other() == Some(ErrorKind::TransientError);
    assert!(transient || error.is_io(), "{error:?}");

    // It takes the connection and says nothing of TLS.
    let server = Server::start(Does::Nothing).await;
    let error = ask(&http(), server.request("https")).await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_connection_on_which_nothing_came_in_time_is_not_used_again() {
    let server = Server::start(Does::AnswersOnce).await;
    let http = http();
    ask(&http, server.request("http")).await.unwrap();
    let short = Duration::from_millis(50);
    let given_up = tokio::time::timeout(short, http.call(server.request("http")));
    given_up.await.unwrap_err();
    assert_eq!(server.accepted(), 1);
    ask(&http, server.request("http")).await.unwrap();
    assert_eq!(server.accepted(), 2);
}

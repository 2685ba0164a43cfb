//! Over the real connections, to a server on this machine.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_client::{Client, Config, Credentials, Http, Service};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::{ASK, Ask, HASTY, ok};

/// What the server does with its first request; it answers all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    Answers,
    Fails,
    Closes,
    CutsOff,
    SaysNothing,
}

/// A server, and how many connections and requests it took.
struct Server {
    url: String,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl Server {
    async fn start(first: First) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Self {
            url,
            connections: Arc::default(),
            requests: Arc::default(),
        };
        let connections = Arc::clone(&server.connections);
        let requests = Arc::clone(&server.requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, first, Arc::clone(&requests)));
            }
        });
        server
    }

    fn client(&self) -> Client {
        let credentials = Credentials::new("AKID", "the secret", None, None, "test");
        let http = Http::new(HASTY.attempt);
        let config = Config::new("eu-central-1", credentials, http, HASTY);
        Client::new(&config.at(Some(self.url.clone())), Service::new("sky"))
    }
}

async fn serve(mut stream: TcpStream, first: First, requests: Arc<AtomicUsize>) {
    let mut read = Vec::new();
    loop {
        let Ok(1..) = stream.read_buf(&mut read).await else {
            return;
        };
        if !read.ends_with(b"\r\n\r\n") {
            continue;
        }
        let text = String::from_utf8(std::mem::take(&mut read)).unwrap();
        let text = text.to_ascii_lowercase();
        for header in [
            "host: 127.0.0.1:",
            "authorization: aws4-hmac-sha256 ",
            "user-agent: lanyard/",
        ] {
            assert!(text.contains(&format!("\r\n{header}")), "{text}");
        }
        let nth = requests.fetch_add(1, Ordering::SeqCst);
        let does = if nth == 0 { first } else { First::Answers };
        let answer: &[u8] = match does {
            First::Answers => b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            First::Fails => b"HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\nno",
            First::CutsOff => b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no",
            First::Closes => return,
            First::SaysNothing => continue,
        };
        stream.write_all(answer).await.unwrap();
        if does == First::CutsOff {
            return;
        }
    }
}

/// Each is answered; a connection on which something was lost is left, and one that works is kept.
#[tokio::test]
async fn a_connection_is_kept_until_something_is_lost_on_it() {
    for (first, connections, requests) in [
        (First::Answers, 1, 2),
        (First::Fails, 2, 3),
        (First::Closes, 2, 3),
        (First::CutsOff, 2, 3),
        (First::SaysNothing, 2, 3),
    ] {
        let server = Server::start(first).await;
        let client = server.client();
        for _ in 0..2 {
            let answer = client.send(&ASK, Ok(Ask::default())).await;
            assert_eq!(answer.unwrap(), ok(), "{first:?}");
            // The connection is put back by a task of its own.
            tokio::task::yield_now().await;
        }
        let took = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        let is = (took(&server.connections), took(&server.requests));
        assert_eq!(is, (connections, requests), "{first:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_three_times() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let server = Server {
        url,
        connections: Arc::default(),
        requests: Arc::default(),
    };
    let (answer, attempts) = server.client().send_counted(&ASK, Ok(Ask::default())).await;
    let error = answer.unwrap_err();
    assert_eq!(attempts, 3, "{error:?}");
}

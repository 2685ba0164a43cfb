//! A server that answers from a script, one turn a request, and can break off as real ones do.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What happens to one request.
#[derive(Clone, Debug)]
pub enum Turn {
    /// A whole answer.
    Reply {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// The request is read, and the connection closes.
    Drop,
    /// The request is read, and nothing happens.
    Hang,
    /// The answer breaks off in the middle of its body.
    Cut,
}

impl Turn {
    pub fn status(status: u16) -> Self {
        Self::body(status, "")
    }

    pub fn body(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Reply {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        if let Self::Reply { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.into()));
        }
        self
    }
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }
}

type Answers = Arc<dyn Fn(&Seen) -> Turn + Send + Sync>;

/// A running script. A request beyond its end is answered with 599.
pub struct Script {
    base: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    left: Arc<Mutex<VecDeque<Turn>>>,
    task: JoinHandle<()>,
}

impl Script {
    pub async fn start(turns: impl IntoIterator<Item = Turn>) -> Self {
        let left = Arc::new(Mutex::new(turns.into_iter().collect::<VecDeque<_>>()));
        let next = left.clone();
        let answers = move |_: &Seen| {
            let turn = next.lock().unwrap().pop_front();
            turn.unwrap_or_else(|| Turn::status(599))
        };
        let mut script = Self::answering(answers).await;
        script.left = left;
        script
    }

    /// A server that looks at each request before it answers.
    pub async fn answering(answers: impl Fn(&Seen) -> Turn + Send + Sync + 'static) -> Self {
        let answers: Answers = Arc::new(answers);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn({
            let seen = seen.clone();
            async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    tokio::spawn(serve(stream, seen.clone(), answers.clone()));
                }
            }
        });
        Self {
            base,
            seen,
            left: Arc::default(),
            task,
        }
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Turns that nobody asked for.
    pub fn left(&self) -> usize {
        self.left.lock().unwrap().len()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, seen: Arc<Mutex<Vec<Seen>>>, answers: Answers) {
    let Some(request) = read(&mut stream).await else {
        return;
    };
    let turn = answers(&request);
    seen.lock().unwrap().push(request);
    match turn {
        Turn::Drop => {}
        Turn::Hang => std::future::pending().await,
        Turn::Cut => {
            let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"id\":";
            stream.write_all(head.as_bytes()).await.unwrap();
        }
        Turn::Reply {
            status,
            headers,
            body,
        } => {
            let mut head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n");
            for (name, value) in headers {
                head.extend([&*name, ": ", &*value, "\r\n"]);
            }
            if status != 204 {
                head.extend(["content-length: ", &body.len().to_string(), "\r\n"]);
            }
            head.push_str("\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            // The client may have stopped reading, which is its right.
            stream.write_all(&body).await.ok();
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map_or(0, |(_, value)| value.parse().unwrap());
    while bytes.len() < head_end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8(bytes[head_end..].to_vec()).unwrap();
    Some(Seen {
        method,
        target,
        headers,
        body,
    })
}

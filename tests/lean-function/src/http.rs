//! HTTP/1.1 on one connection, one request after the other.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::Outcome;

trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

/// A connection that is kept.
pub struct Connection(Box<dyn Stream>);

/// A request; its length is added to its headers.
pub struct Request {
    line: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Request {
    pub fn get(path: &str, host: &str) -> Self {
        Self {
            line: format!("GET {path} HTTP/1.1"),
            headers: vec![("host".to_owned(), host.to_owned())],
            body: String::new(),
        }
    }

    pub fn post(path: &str, headers: Vec<(String, String)>, body: String) -> Self {
        Self {
            line: format!("POST {path} HTTP/1.1"),
            headers,
            body,
        }
    }
}

/// An answer: its head, as text.
pub struct Answer(String);

impl Answer {
    /// A header's value, if it is there.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Fails where the request did.
    pub fn check(self) -> Outcome<()> {
        if self.0.starts_with("HTTP/1.1 2") {
            return Ok(());
        }
        Err(self.0.into())
    }
}

impl Connection {
    pub fn plain(address: &str) -> io::Result<Self> {
        Ok(Self(Box::new(connect(address)?)))
    }

    /// With the system's roots, and its handshake done.
    pub fn with_tls(address: &str) -> Outcome<Self> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = address.rsplit_once(':').map_or(address, |(name, _)| name);
        let name = ServerName::try_from(name.to_owned())?;
        let mut tls = ClientConnection::new(Arc::new(config), name)?;
        let mut tcp = connect(address)?;
        tls.complete_io(&mut tcp)?;
        Ok(Self(Box::new(StreamOwned::new(tls, tcp))))
    }

    /// Sends a request and reads the whole answer, whose length has to be stated.
    pub fn send(&mut self, request: &Request) -> Outcome<Answer> {
        let mut text = format!("{}\r\n", request.line);
        for (name, value) in &request.headers {
            text.extend([name.as_str(), ": ", value, "\r\n"]);
        }
        let Request { body, .. } = request;
        let length = body.len().to_string();
        text.extend(["content-length: ", &length, "\r\n\r\n", body]);
        self.0.write_all(text.as_bytes())?;
        self.0.flush()?;
        let mut read = Vec::new();
        let mut buffer = [0; 4096];
        let end = loop {
            if let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
            self.more(&mut buffer, &mut read)?;
        };
        let head = read.get(..end).unwrap_or_default();
        let answer = Answer(String::from_utf8(head.to_vec())?);
        let length = answer.header("content-length").unwrap_or("0");
        let whole = end + length.parse::<usize>()?;
        while read.len() < whole {
            self.more(&mut buffer, &mut read)?;
        }
        Ok(answer)
    }

    fn more(&mut self, buffer: &mut [u8], read: &mut Vec<u8>) -> io::Result<()> {
        let count = self.0.read(buffer)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        read.extend_from_slice(buffer.get(..count).unwrap_or_default());
        Ok(())
    }
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

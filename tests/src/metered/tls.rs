//! TLS on loopback, under an authority that lives as long as a measurement.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{DEFAULT_VERSIONS, ServerConfig};
use tokio_rustls::server::TlsStream;

/// Makes an authority and a certificate for 127.0.0.1: the command line of OpenSSL, because keys do
/// not belong into a repository.
const STEPS: [&str; 3] = [
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout ca.key \
     -out ca.pem -subj /CN=lanyard-bench-ca",
    "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout leaf.key -out leaf.csr \
     -subj /CN=127.0.0.1",
    "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out leaf.pem \
     -extfile leaf.ext",
];

/// A certificate authority of one machine and two days.
#[derive(Debug)]
pub struct Authority(PathBuf);

impl Authority {
    /// Makes one in a folder under `target/`. Needs `openssl`.
    pub fn new() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench-tls");
        let folder = root.join(std::process::id().to_string());
        fs::create_dir_all(&folder).expect("a folder");
        let names = "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n";
        fs::write(folder.join("leaf.ext"), names).expect("a file");
        for step in STEPS {
            let output = Command::new("openssl")
                .args(step.split_whitespace())
                .current_dir(&folder)
                .stdin(Stdio::null())
                .output()
                .expect("`openssl` is installed");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{step}: {said}");
        }
        Self(folder.canonicalize().expect("a folder"))
    }

    /// The certificate that clients have to trust.
    pub fn certificate(&self) -> PathBuf {
        self.0.join("ca.pem")
    }

    /// For the server's side.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let chain = CertificateDer::from_pem_file(self.0.join("leaf.pem")).expect("a certificate");
        let key = PrivateKeyDer::from_pem_file(self.0.join("leaf.key")).expect("a key");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(DEFAULT_VERSIONS)
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![chain], key)
            .expect("a configuration");
        TlsAcceptor::from(Arc::new(config))
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// Connections whose handshake is done.
pub(super) struct TlsListener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl TlsListener {
    pub(super) const fn new(tcp: TcpListener, acceptor: TlsAcceptor) -> Self {
        Self { tcp, acceptor }
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            // Whoever does not get through its handshake is not served.
            if let Ok((stream, address)) = self.tcp.accept().await
                && let Ok(stream) = self.acceptor.accept(stream).await
            {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

//! Authorities of a connection's own, and client certificates, against a TLS server that
//! asks for one. Certificates are made by the program `openssl`.

use crate::support::{Bench, connection};
use dowel_core::connection::{ClientCertificate, Connection, Tls};
use dowel_core::port::{BoxFuture, Secret, SecretError, Secrets};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto};

fn openssl(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("openssl");
    let output = command
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// A folder with an authority, a server's certificate and those of two clients.
pub(crate) fn certificates() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let key = [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
    ];
    let mut ca = vec!["req", "-x509", "-days", "2", "-subj", "/CN=authority"];
    ca.extend(key);
    ca.extend(["-keyout", "ca.key", "-out", "ca.pem"]);
    openssl(path, &ca);
    std::fs::write(path.join("server.ext"), "subjectAltName=IP:127.0.0.1").unwrap();
    std::fs::write(path.join("client.ext"), "extendedKeyUsage=clientAuth").unwrap();
    for (name, kind) in [("server", "server"), ("one", "client"), ("two", "client")] {
        let (subject, extension) = (format!("/CN={name}"), format!("{kind}.ext"));
        let (file, request) = (format!("{name}.key"), format!("{name}.csr"));
        let signed = format!("{name}.pem");
        let mut ask = vec![
            "req", "-new", "-subj", &subject, "-keyout", &file, "-out", &request,
        ];
        ask.extend(key);
        openssl(path, &ask);
        let sign = [
            "x509", "-req", "-days", "2", "-CA", "ca.pem", "-CAkey", "ca.key",
        ];
        let mut sign = sign.to_vec();
        sign.extend(["-in", &request, "-extfile", &extension, "-out", &signed]);
        openssl(path, &sign);
    }
    folder
}

pub(crate) fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// Whether the server asks for certificates.
#[derive(Clone, Copy, PartialEq)]
enum Asks {
    Nobody,
    Clients,
}

/// Answers each request with the number of bytes of the client's certificate.
async fn serve(folder: &Path, asks: Asks) -> String {
    let certificate = CertificateDer::from_pem_file(folder.join("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
    let provider = Arc::new(crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone());
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = if asks == Asks::Clients {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_file(folder.join("ca.pem")).unwrap();
        roots.add(authority).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let config = builder.with_single_cert(vec![certificate], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await?;
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") && stream.read_buf(&mut head).await? > 0 {}
                let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
                let shown: String = shown.iter().flat_map(|c| c.iter()).map(hex).collect();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{shown}",
                    shown.len()
                );
                stream.write_all(answer.as_bytes()).await?;
                stream.shutdown().await
            });
        }
    });
    base
}

fn hex(byte: &u8) -> String {
    format!("{byte:02x}")
}

/// What the server has seen of a certificate.
fn seen(folder: &Path, name: &str) -> String {
    let der = CertificateDer::from_pem_file(folder.join(name)).unwrap();
    der.iter().map(hex).collect()
}

#[derive(Default)]
struct Stored(Mutex<BTreeMap<String, String>>);

impl Secrets for Stored {
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Secret, SecretError>> {
        let found = self.0.lock().get(name).map(Secret::new);
        let missing = || SecretError::Missing(name.to_owned());
        Box::pin(std::future::ready(found.ok_or_else(missing)))
    }
}

pub(crate) fn with(
    base: &str,
    ca: Option<String>,
    client: Option<ClientCertificate>,
) -> Connection {
    Connection {
        tls: Some(Tls { ca, client }),
        ..connection(base)
    }
}

fn request(base: &str) -> Value {
    json!({ "url": format!("{base}/") })
}

#[tokio::test]
async fn openssl_authority_of_a_connection_is_trusted_by_it_alone() {
    let folder = certificates();
    let base = serve(folder.path(), Asks::Nobody).await;
    let bench = Bench::new(connection(&base));
    bench.bad("fetch-fail", request(&base), "DWL-2208").await;
    let ca = read(folder.path(), "ca.pem");
    let bench = Bench::new(with(&base, Some(ca), None));
    let answer = bench.good("fetch", request(&base)).await;
    assert_eq!(answer["status"], 200);
}

#[tokio::test]
async fn openssl_client_certificate_is_shown_and_exchanged_without_a_restart() {
    let folder = certificates();
    let path = folder.path();
    let base = serve(path, Asks::Clients).await;
    let ca = Some(read(path, "ca.pem"));
    let bench = Bench::new(with(&base, ca.clone(), None));
    let outcome = bench.call("fetch-fail", request(&base)).await;
    assert!(outcome.result.is_err(), "the server asks for a certificate");

    let client = ClientCertificate {
        certificate: "certificate".to_owned(),
        key: "key".to_owned(),
    };
    let secrets = Arc::new(Stored::default());
    let bench = Bench::with(with(&base, ca, Some(client)), secrets.clone());
    bench.bad("fetch-fail", request(&base), "DWL-2205").await;
    for name in ["one", "two"] {
        secrets.0.lock().extend([
            ("certificate".to_owned(), read(path, &format!("{name}.pem"))),
            ("key".to_owned(), read(path, &format!("{name}.key"))),
        ]);
        let answer = bench.good("fetch", request(&base)).await;
        assert_eq!(answer["body"], seen(path, &format!("{name}.pem")));
    }
    // A key that belongs to another certificate, and one that is none.
    for key in [read(path, "one.key"), "canary".to_owned()] {
        secrets.0.lock().insert("key".to_owned(), key);
        let outcome = bench.bad("fetch-fail", request(&base), "DWL-2205").await;
        let error = outcome.result.unwrap_err().to_string();
        assert!(
            !error.contains("canary") && error.contains("`key`"),
            "{error}"
        );
    }
}

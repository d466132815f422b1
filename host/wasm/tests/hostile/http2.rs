//! HTTP/2 and the reuse of connections, with the real nginx.

use crate::support::Bench;
use crate::tls::{certificates, read, with};
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// How long nginx may take to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// nginx with TLS, at one port with HTTP/2 and at another one without; stopped with the test.
struct Nginx {
    child: Child,
    folder: tempfile::TempDir,
    two: u16,
    one: u16,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Nginx {
    async fn start() -> Self {
        let folder = certificates();
        let (two, one) = (free_port(), free_port());
        let here = folder.path().display().to_string();
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let paths = paths.map(|name| format!("{name}_temp_path {here}/{name};"));
        let seen = r#"{"protocol":"$server_protocol","connection":$connection}"#;
        let server = |listen: String| {
            format!(
                "server {{ listen {listen}; ssl_certificate {here}/server.pem; ssl_certificate_key \
                 {here}/server.key; location / {{ return 200 '{seen}'; }} }}"
            )
        };
        let config = format!(
            "daemon off;\nmaster_process off;\npid {here}/nginx.pid;\nerror_log {here}/error.log;\n\
             events {{}}\nhttp {{\naccess_log off;\n{}\n{}\n{}\n}}\n",
            paths.join("\n"),
            server(format!("127.0.0.1:{two} ssl http2")),
            server(format!("127.0.0.1:{one} ssl")),
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, config).unwrap();
        let usual = Path::new("/usr/sbin/nginx");
        let program = if usual.is_file() {
            usual
        } else {
            Path::new("nginx")
        };
        let mut command = Command::new(program);
        let command = command.arg("-e").arg(folder.path().join("error.log"));
        let child = command
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(&file)
            .spawn()
            .unwrap();
        let nginx = Self {
            child,
            folder,
            two,
            one,
        };
        let begun = Instant::now();
        let address = SocketAddr::from(([127, 0, 0, 1], one));
        while tokio::net::TcpStream::connect(address).await.is_err() {
            assert!(begun.elapsed() < PATIENCE, "nginx does not listen");
            tokio::task::yield_now().await;
        }
        nginx
    }

    fn bench(&self, port: u16) -> (Bench, String) {
        let base = format!("https://127.0.0.1:{port}");
        let ca = read(self.folder.path(), "ca.pem");
        (Bench::new(with(&base, Some(ca), None)), base)
    }
}

async fn seen(bench: &Bench, base: &str) -> Value {
    let answer = bench
        .good("fetch", json!({ "url": format!("{base}/") }))
        .await;
    assert_eq!(answer["status"], 200, "{answer}");
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}

/// The protocol is agreed on by ALPN (RFC 7301), and one connection serves all requests:
/// those that follow each other, and with HTTP/2 those at the same time as well.
#[tokio::test]
async fn nginx_speaks_http2_and_connections_are_used_again() {
    let nginx = Nginx::start().await;
    for (port, protocol) in [(nginx.two, "HTTP/2.0"), (nginx.one, "HTTP/1.1")] {
        let (bench, base) = nginx.bench(port);
        let first = seen(&bench, &base).await;
        assert_eq!(first["protocol"], protocol);
        for _ in 0..20 {
            assert_eq!(seen(&bench, &base).await, first, "a connection of its own");
        }
    }
    let (bench, base) = nginx.bench(nginx.two);
    let first = seen(&bench, &base).await;
    let many = json!({ "url": format!("{base}/"), "count": 10 });
    assert_eq!(bench.good("many", many).await["errors"], json!([]));
    assert_eq!(seen(&bench, &base).await, first);
}

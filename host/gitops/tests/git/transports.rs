//! https and ssh, against servers that are not of this project.

use crate::support::{Clone, git_in, read, succeed};
use dowel_core::code::gitops::{LOCATION, UNREACHABLE};
use dowel_core::port::FlowSource;
use dowel_gitops::{Access, Change, GitError, Location, Repository};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

const TOKEN: &str = "t0ken-of-a-robot";

/// A process that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A clone with one flow, and the bare repository that it has pushed to.
struct Published {
    clone: Clone,
    bare: PathBuf,
    folder: TempDir,
}

fn published() -> Published {
    let clone = Clone::new();
    clone.write("flows/a/flow.yaml", "one");
    clone.commit("one");
    let (folder, bare) = clone.publish();
    Published {
        clone,
        bare,
        folder,
    }
}

fn fetch(folder: &Path, address: &str, access: Access) -> Result<Repository, GitError> {
    let location = Location::parse(address)?;
    let mirror = Repository::mirror(&folder.join("mirror.git"), location, access)?;
    mirror.fetch("main").map(|_| mirror)
}

fn pushes(published: &Published, address: &str, access: &Access) {
    let clone = &published.clone;
    clone.git(&["remote", "set-url", "origin", address]);
    let change = Change {
        path: "environments/prod.yaml".to_owned(),
        text: "environment: prod\n".to_owned(),
    };
    let repository = clone.open();
    let written = repository
        .commit(&clone.head(), "promote/a", &[change], "m")
        .unwrap();
    repository.push("promote/a", access).unwrap();
    let there = succeed(git_in(&published.bare).args(["rev-parse", "promote/a"]));
    assert_eq!(there, written.commit.to_string());
}

fn https(published: &Published) -> (Server, String, PathBuf) {
    let folder = published.folder.path();
    let (certificate, key) = (folder.join("tls.pem"), folder.join("tls.key"));
    let config = folder.join("tls.cnf");
    let text = "[req]\ndistinguished_name = dn\nx509_extensions = ext\nprompt = no\n\
                [dn]\nCN = localhost\n\
                [ext]\nsubjectAltName = IP:127.0.0.1\nbasicConstraints = critical,CA:FALSE\n";
    std::fs::write(&config, text).unwrap();
    let mut openssl = Command::new("openssl");
    openssl
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt"])
        .args([
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-config",
        ])
        .arg(&config)
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate);
    succeed(&mut openssl);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/git/server.py");
    let mut python = Command::new("python3");
    python
        .arg(script)
        .arg(folder)
        .arg(&certificate)
        .arg(&key)
        .arg(TOKEN);
    let mut child = python.stdout(Stdio::piped()).spawn().unwrap();
    let mut port = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut port)
        .unwrap();
    let address = format!("https://127.0.0.1:{}", port.trim());
    (Server(child), address, certificate)
}

fn by_token(ca_file: &Path, token: &str) -> Access {
    let file = ca_file.with_file_name(token);
    std::fs::write(&file, format!("{token}\n")).unwrap();
    Access {
        token_file: Some(file),
        ca_file: Some(ca_file.to_owned()),
        ..Access::default()
    }
}

#[test]
fn python_https_fetches_and_pushes_with_a_token() {
    let published = published();
    let (_server, address, root) = https(&published);
    let address = format!("{address}/flows.git");
    let access = by_token(&root, TOKEN);
    let mirror = fetch(published.folder.path(), &address, access.clone()).unwrap();
    let commit = mirror.resolve("main").unwrap();
    assert_eq!(commit, published.clone.head());
    assert_eq!(read(&mirror, &commit).files["flows/a/flow.yaml"], "one");
    pushes(&published, &address, &access);
    published.clone.write("flows/a/flow.yaml", "two");
    let two = published.clone.commit("two");
    published
        .clone
        .git(&["push", "--quiet", published.bare.to_str().unwrap(), "main"]);
    assert_eq!(
        mirror.fetch("main").unwrap().to,
        two,
        "an update is fetched as well"
    );
}

#[test]
fn python_https_says_why_it_is_refused() {
    let published = published();
    let (_server, address, root) = https(&published);
    let error = |path: &str, access: Access| {
        let error = fetch(published.folder.path(), &format!("{address}{path}"), access);
        let error = error.unwrap_err();
        assert_eq!(error.code(), UNREACHABLE, "{error}");
        let text = error.to_string();
        assert!(
            !text.contains(TOKEN) && !text.contains("wrong-token"),
            "{text}"
        );
        text
    };
    let text = error("/flows.git", by_token(&root, "wrong-token"));
    assert!(
        text.contains("the credential is missing or refused"),
        "{text}"
    );
    let text = error("/other.git", by_token(&root, TOKEN));
    assert!(text.contains("no such repository"), "{text}");
    let text = error("/moved/flows.git", by_token(&root, TOKEN));
    assert!(text.contains("redirects are not followed"), "{text}");
    let text = error("/page/flows.git", by_token(&root, TOKEN));
    assert!(text.contains("no git repository"), "{text}");
    let stranger = Access {
        ca_file: None,
        ..by_token(&root, TOKEN)
    };
    let text = error("/flows.git", stranger);
    assert!(text.contains("certificate"), "{text}");
}

fn sshd(published: &Published) -> (Server, u16, Access) {
    let folder = published.folder.path();
    let key = |name: &str| {
        let path = folder.join(name);
        let mut keygen = Command::new("ssh-keygen");
        keygen
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&path);
        succeed(&mut keygen);
        path
    };
    let (host_key, user_key) = (key("host"), key("user"));
    let public = |key: &Path| std::fs::read_to_string(key.with_extension("pub")).unwrap();
    std::fs::write(folder.join("authorized"), public(&user_key)).unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\n\
         StrictModes no\nUsePAM no\nPasswordAuthentication no\nPidFile none\n\
         PermitRootLogin prohibit-password\nLogLevel INFO\n",
        host_key.display(),
        folder.join("authorized").display()
    );
    std::fs::write(folder.join("sshd_config"), config).unwrap();
    // Where it separates its privileges; the service would make it.
    let _ = std::fs::create_dir_all("/run/sshd");
    let mut sshd = Command::new("/usr/sbin/sshd");
    sshd.args(["-D", "-e", "-f"])
        .arg(folder.join("sshd_config"));
    let mut child = sshd.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let listens = lines.any(|line| line.unwrap().contains("Server listening"));
    assert!(listens, "sshd does not listen");
    // It goes on to speak; nobody must wait for it to be heard.
    std::thread::spawn(move || lines.for_each(drop));
    let known = format!("[127.0.0.1]:{port} {}", public(&host_key));
    std::fs::write(folder.join("known hosts"), known).unwrap();
    let access = Access {
        key_file: Some(user_key),
        known_hosts: Some(folder.join("known hosts")),
        ..Access::default()
    };
    (Server(child), port, access)
}

#[test]
fn sshd_serves_fetch_and_push() {
    let published = published();
    let (_server, port, access) = sshd(&published);
    let user = succeed(Command::new("id").arg("-un"));
    let path = published.bare.display();
    let address = format!("ssh://{user}@127.0.0.1:{port}{path}");
    let mirror = fetch(published.folder.path(), &address, access.clone()).unwrap();
    assert_eq!(mirror.resolve("main").unwrap(), published.clone.head());
    pushes(&published, &address, &access);

    let error = fetch(
        published.folder.path(),
        &format!("{address}-absent"),
        access.clone(),
    );
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("does not appear to be a git repository"),
        "{error}"
    );

    let strange = published.folder.path().join("strange");
    std::fs::write(&strange, "").unwrap();
    let access = Access {
        known_hosts: Some(strange),
        ..access
    };
    let error = fetch(published.folder.path(), &address, access).unwrap_err();
    assert!(
        error.to_string().contains("Host key verification failed"),
        "{error}"
    );
}

#[test]
fn a_credential_in_an_address_never_gets_that_far() {
    let folder = tempfile::tempdir().unwrap();
    let address = "https://me:hunter2@127.0.0.1:1/flows.git";
    let error = fetch(folder.path(), address, Access::default()).unwrap_err();
    assert_eq!(error.code(), LOCATION);
    assert!(!error.to_string().contains("hunter2"));
}

//! Connectors through a registry of others: Debian's `docker-registry` on loopback.

use crate::connector_tools::{built, good, run, shown};
use serde_json::Value;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long the registry may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A registry that ends with the test.
struct Registry {
    child: Child,
    address: String,
}

impl Registry {
    fn start(folder: &Path) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let data = folder.join("data");
        let config = format!(
            "version: 0.1\nlog: {{ level: error }}\nstorage: {{ filesystem: {{ rootdirectory: {} }} }}\n\
             http: {{ addr: '{address}' }}\n",
            shown(&data)
        );
        let file = folder.join("registry.yml");
        fs::write(&file, config).unwrap();
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("docker-registry is installed: apt-get install docker-registry");
        let registry = Self { child, address };
        let begun = Instant::now();
        while TcpStream::connect(&registry.address).is_err() {
            assert!(begun.elapsed() < PATIENCE, "the registry does not start");
            // The pace of the poll.
            std::thread::sleep(Duration::from_millis(20));
        }
        registry
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn docker_registry_keeps_a_connector_and_its_signature() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::start(folder.path());
    let component = folder.path().join("crm-0.1.0.wasm");
    fs::copy(built("crm"), &component).unwrap();
    let key = folder.path().join("key.pem");
    let made = Command::new("openssl")
        .args(["genpkey", "-algorithm", "ed25519", "-out", shown(&key)])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let signed = good(&[
        "sign",
        shown(&component),
        "--key",
        shown(&key),
        "--format",
        "json",
    ]);
    let signed: Value = serde_json::from_str(&signed).unwrap();

    let target = format!("oci://{}/acme/crm:0.1.0", registry.address);
    let published = good(&["publish", shown(&component), &target, "--format", "json"]);
    let published: Value = serde_json::from_str(&published).unwrap();
    let pinned = published["source"].as_str().unwrap();
    assert!(pinned.starts_with(&format!("{target}@sha256:")), "{pinned}");
    // Publishing again is no error, and is the same artifact.
    let again = good(&["publish", shown(&component), &target, "--format", "json"]);
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again["source"], pinned);

    let repo = folder.path().join("repo");
    fs::create_dir(&repo).unwrap();
    let trust = format!(
        "signers: {{ acme: '{}' }}\n",
        signed["key"].as_str().unwrap()
    );
    fs::write(repo.join("trusted-signers.yaml"), trust).unwrap();
    let added = good(&["add", &target, "--repo", shown(&repo)]);
    assert!(added.contains(&format!("added from {pinned}")), "{added}");
    assert!(added.contains("signed    by acme"), "{added}");
    let lock = fs::read_to_string(repo.join("connectors.lock")).unwrap();
    assert!(lock.contains(pinned), "{lock}");
    let installed = repo.join(".dowel/connectors/crm-0.1.0.wasm");
    assert_eq!(fs::read(&installed).unwrap(), fs::read(&component).unwrap());

    // Without the registry: the cache knows what was pinned.
    drop(registry);
    fs::remove_file(&installed).unwrap();
    good(&["install", "--repo", shown(&repo)]);
    assert!(installed.is_file());
    good(&["add", pinned, "--repo", shown(&repo)]);
    let (text, code) = run(&["add", &target, "--repo", shown(&repo)]);
    assert!(code == 3 && text.contains("cannot be reached"), "{text}");
}

#[test]
fn docker_registry_with_another_artifact_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::start(folder.path());
    let target = format!("oci://{}/acme/crm:0.1.0", registry.address);
    good(&["publish", shown(&built("crm")), &target]);
    let wrong = format!("{target}@sha256:{}", "0".repeat(64));
    let repo = folder.path().join("repo");
    fs::create_dir(&repo).unwrap();
    let (text, code) = run(&["add", &wrong, "--repo", shown(&repo)]);
    assert!(
        code == 3 && text.contains("does not say that it has the artifact"),
        "{text}"
    );
    // The blob is changed in the registry's own folder.
    let digest = dowel_core::Digest::of(fs::read(built("crm")).unwrap()).hex();
    let blob = format!(
        "data/docker/registry/v2/blobs/sha256/{}/{digest}/data",
        &digest[..2]
    );
    let blob = folder.path().join(blob);
    let mut bytes = fs::read(&blob).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&blob, bytes).unwrap();
    let (text, code) = run(&["add", &target, "--repo", shown(&repo)]);
    assert!(code == 3 && text.contains("of the digest"), "{text}");
    assert!(!repo.join(".dowel").join("connectors").exists());
}

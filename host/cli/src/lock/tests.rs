use super::file::Capabilities;
use super::*;

// The secret keys of tests 1 and 2 of RFC 8032, section 7.1.
const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
";

/// The public key of test 1.
const PUBLIC: &str = "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

const OTHER: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7
-----END PRIVATE KEY-----
";

struct Repo(tempfile::TempDir);

impl Repo {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn trust(self, text: &str) -> Self {
        std::fs::write(self.0.path().join(TRUST_FILE), text).unwrap();
        self
    }

    fn lock(self, bytes: &str, signature: Option<Signature>) -> Self {
        let mut lock = Lock::default();
        lock.put(Entry {
            name: "crm".to_owned(),
            version: "1.2.0".to_owned(),
            source: "file:crm.wasm".to_owned(),
            digest: Digest::of(bytes),
            signature,
            capabilities: Capabilities::default(),
        });
        lock.write(self.0.path()).unwrap();
        self
    }

    fn check(&self, bytes: &str) -> Result<(), Refusal> {
        let rules = Rules::read(self.0.path()).unwrap();
        rules.check(&Candidate {
            name: "crm",
            version: "1.2.0".to_owned(),
            digest: Digest::of(bytes),
            path: Path::new("crm.wasm"),
        })
    }

    fn refused(&self, bytes: &str, expected: &str, help: &str) {
        let refusal = self.check(bytes).unwrap_err();
        assert_eq!(refusal.code().to_string(), expected, "{refusal}");
        assert!(refusal.to_string().contains(help), "{refusal}");
    }
}

fn signed(key: &str, bytes: &str) -> Option<Signature> {
    Some(SigningKey::parse(key).unwrap().sign(Digest::of(bytes)))
}

fn trusting() -> String {
    format!("signers: {{ acme: '{PUBLIC}' }}\n")
}

#[test]
fn keys_are_those_of_the_standard() {
    assert_eq!(SigningKey::parse(KEY).unwrap().public(), PUBLIC);
    assert!(SigningKey::parse("ssh-ed25519 AAAA").is_err());
}

#[test]
fn without_files_everything_is_taken() {
    Repo::new().check("a").unwrap();
}

#[test]
fn what_is_locked_and_signed_is_taken() {
    let repo = Repo::new().trust(&trusting()).lock("a", signed(KEY, "a"));
    repo.check("a").unwrap();
    Repo::new().lock("a", None).check("a").unwrap();
    let lax = format!("{}unsigned: allow\n", trusting());
    Repo::new().trust(&lax).lock("a", None).check("a").unwrap();
}

#[test]
fn a_changed_byte_is_refused() {
    let repo = Repo::new().lock("a", None);
    repo.refused("b", "DWL-5014", "dowel connector install");
}

#[test]
fn what_the_lock_does_not_name_is_refused() {
    let mut lock = Lock::default();
    lock.put(Entry {
        name: "erp".to_owned(),
        version: "1.0.0".to_owned(),
        source: "file:erp.wasm".to_owned(),
        digest: Digest::of("erp"),
        signature: None,
        capabilities: Capabilities::default(),
    });
    let repo = Repo::new();
    lock.write(repo.0.path()).unwrap();
    repo.refused("a", "DWL-5013", "dowel connector add crm.wasm");
}

#[test]
fn a_wrong_signer_is_refused() {
    let repo = Repo::new().trust(&trusting()).lock("a", signed(OTHER, "a"));
    repo.refused("a", "DWL-5015", "it trusts acme");
}

#[test]
fn a_missing_signature_is_refused() {
    let repo = Repo::new().trust(&trusting()).lock("a", None);
    repo.refused("a", "DWL-5015", "unsigned: allow");
    let unlocked = Repo::new().trust(&trusting());
    unlocked.refused("a", "DWL-5015", "not signed");
}

#[test]
fn a_signature_of_other_bytes_is_refused() {
    let repo = Repo::new().trust(&trusting()).lock("a", signed(KEY, "b"));
    repo.refused("a", "DWL-5016", "were changed");
    // Also where nobody is trusted by name.
    let repo = Repo::new().lock("a", signed(KEY, "b"));
    repo.refused("a", "DWL-5016", "were changed");
}

#[test]
fn broken_files_are_named() {
    for (file, text) in [
        (LOCK_FILE, "lock: dowel/v9\nconnectors: []\n"),
        (LOCK_FILE, "connectors: []\n"),
        (TRUST_FILE, "signers: { acme: 'ed25519:AAAA' }\n"),
        (TRUST_FILE, "trust: {}\n"),
    ] {
        let repo = Repo::new();
        std::fs::write(repo.0.path().join(file), text).unwrap();
        let error = format!("{:#}", Rules::read(repo.0.path()).unwrap_err());
        assert!(
            error.contains(file) && error.contains("DWL-5012"),
            "{error}"
        );
    }
}

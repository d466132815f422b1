//! The places together, and the encrypted file against the program `age`.

// The lint knows test functions, not the helpers beside them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use dowel_core::Timestamp;
use dowel_core::port::{BoxFuture, Clock, Secret, SecretError, Secrets as _};
use dowel_core::secret::{AgeSource, FolderSource, SecretSources};
use dowel_secrets::{Overlap, Place, Providers};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// A clock that a test moves.
#[derive(Default)]
struct Hours(AtomicU64);

impl Clock for Hours {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst) * 3_600_000)
    }

    fn sleep_until(&self, _: Timestamp) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

struct World {
    folder: TempDir,
    clock: Arc<Hours>,
    providers: Providers,
}

fn sources() -> SecretSources {
    SecretSources {
        age: Some(AgeSource {
            file: "secrets.age".to_owned(),
            identity_file: "identity".to_owned(),
            recipients: Vec::new(),
        }),
        files: Some(FolderSource {
            folder: "mounted".to_owned(),
        }),
        ..SecretSources::default()
    }
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("mounted")).unwrap();
        let clock = Arc::new(Hours::default());
        let providers = Providers::new(&sources(), folder.path(), clock.clone()).unwrap();
        providers.age().unwrap().init().unwrap();
        Self {
            folder,
            clock,
            providers,
        }
    }

    fn put(&self, name: &str, value: &str, overlap: Overlap) {
        let age = self.providers.age().unwrap();
        age.put(name, &Secret::new(value), overlap).unwrap();
    }

    async fn valid(&self, name: &str) -> Vec<String> {
        let values = self.providers.valid(name).await.unwrap();
        values.iter().map(|v| v.expose().to_owned()).collect()
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }
}

#[tokio::test]
async fn the_first_place_that_has_a_secret_counts() {
    let world = World::new();
    std::fs::write(world.path("mounted/crm_token"), "mounted\n").unwrap();
    let (place, _) = world.providers.find("crm_token").await.unwrap();
    assert_eq!(place, Place::File);
    world.put("crm_token", "kept", Overlap::None);
    let (place, values) = world.providers.find("crm_token").await.unwrap();
    assert_eq!((place, values[0].expose()), (Place::Age, "kept"));
    let missing = world.providers.get("other").await;
    assert_eq!(missing, Err(SecretError::Missing("other".to_owned())));
}

#[tokio::test]
async fn a_rotation_of_another_process_counts_at_once_and_overlaps() {
    let world = World::new();
    world.put("hook", "one", Overlap::None);
    assert_eq!(world.valid("hook").await, ["one"]);
    let other = Providers::new(&sources(), world.folder.path(), world.clock.clone()).unwrap();
    let hours = Overlap::For(Duration::from_secs(2 * 3_600));
    let file = other.age().unwrap();
    file.rotate("hook", &Secret::new("two"), hours).unwrap();
    assert_eq!(world.valid("hook").await, ["two", "one"]);
    let newest = world.providers.get("hook").await.unwrap();
    assert_eq!(newest.expose(), "two");
    world.clock.0.store(2, Ordering::SeqCst);
    assert_eq!(world.valid("hook").await, ["two"]);
    assert!(file.rotate("none", &Secret::new("x"), hours).is_err());
    file.remove("hook").unwrap();
    assert!(world.providers.get("hook").await.is_err());
}

#[tokio::test]
async fn what_cannot_be_opened_is_no_missing_secret() {
    let world = World::new();
    world.put("crm_token", "canary-value", Overlap::None);
    std::fs::write(world.path("mounted/crm_token"), "older").unwrap();
    let file = world.path("secrets.age");
    let good = std::fs::read_to_string(&file).unwrap();
    let check = async |text: &str| {
        std::fs::write(&file, text).unwrap();
        match world.providers.get("crm_token").await {
            Err(SecretError::Unreadable { reason, .. }) => reason,
            other => panic!("{other:?}"),
        }
    };
    check("no age file").await;
    check(&good[..good.len() / 2]).await;
    std::fs::write(&file, &good).unwrap();
    let identity = world.path("identity");
    std::fs::set_permissions(&identity, PermissionsExt::from_mode(0o644)).unwrap();
    let reason = check(&format!("{good}\n")).await;
    assert!(reason.contains("chmod 600"), "{reason}");
    std::fs::remove_file(&identity).unwrap();
    world.providers.age().unwrap().init().unwrap_err();
    let reason = check(&good).await;
    assert!(reason.contains("does not open it"), "{reason}");
}

#[test]
fn files_are_private_and_hold_no_plain_text() {
    let world = World::new();
    world.put("crm_token", "canary-value", Overlap::None);
    for name in ["secrets.age", "identity"] {
        let data = std::fs::metadata(world.path(name)).unwrap();
        assert_eq!(data.permissions().mode() & 0o777, 0o600, "{name}");
    }
    let text = std::fs::read_to_string(world.path("secrets.age")).unwrap();
    assert!(text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----"));
    assert!(!text.contains("canary") && !text.contains("crm_token"));
    assert!(!world.path("secrets.age.new").exists());
    let kept = format!("{:?}", world.providers.age().unwrap().list().unwrap());
    assert!(
        kept.contains("crm_token") && !kept.contains("canary"),
        "{kept}"
    );
}

fn program(name: &str, arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(name)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn age_program_reads_what_is_written_and_writes_what_is_read() {
    let world = World::new();
    world.put("crm_token", "written-here", Overlap::None);
    let folder = world.folder.path();
    let plain = program("age", &["-d", "-i", "identity", "secrets.age"], folder);
    assert!(plain.contains(r#""value": "written-here""#), "{plain}");

    let plain = plain.replace("written-here", "written-there");
    std::fs::write(world.path("plain"), plain).unwrap();
    let public = program("age-keygen", &["-y", "identity"], folder);
    let arguments = ["-a", "-r", public.trim(), "-o", "new.age", "plain"];
    program("age", &arguments, folder);
    std::fs::rename(world.path("new.age"), world.path("secrets.age")).unwrap();
    assert_eq!(world.valid("crm_token").await, ["written-there"]);
}

#[test]
fn age_program_opens_it_for_every_recipient() {
    let folder = tempfile::tempdir().unwrap();
    program("age-keygen", &["-o", "other"], folder.path());
    let public = program("age-keygen", &["-y", "other"], folder.path());
    let mut sources = sources();
    sources.age.as_mut().unwrap().recipients = vec![public.trim().to_owned()];
    let providers = Providers::new(&sources, folder.path(), Arc::new(Hours::default())).unwrap();
    let age = providers.age().unwrap();
    age.init().unwrap();
    age.put("a", &Secret::new("for-both"), Overlap::None)
        .unwrap();
    let plain = program("age", &["-d", "-i", "other", "secrets.age"], folder.path());
    assert!(plain.contains("for-both"));

    sources.age.as_mut().unwrap().recipients = vec!["age1wrong".to_owned()];
    assert!(Providers::new(&sources, folder.path(), Arc::new(Hours::default())).is_err());
}

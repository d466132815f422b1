//! The host file: what belongs to this machine and not to git. `dowel serve` works
//! without one; its options come first.

use crate::args::Repository;
use crate::followed::{FloorFile, RepositoryFile};
use crate::traces::TelemetryFile;
use anyhow::{Result, anyhow};
use dowel_core::code::gitops::HOST_FILE;
use dowel_core::secret::SecretSources;
use dowel_flow::diagnostic::Diagnostic;
use ipnet::IpNet;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The host file. Every key has a default; an unknown one is an error.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HostFile {
    #[serde(rename = "host")]
    _version: Version,
    /// The environment that this host serves.
    pub(crate) environment: Option<String>,
    /// Where it listens.
    #[serde(default)]
    pub(crate) listen: Listen,
    /// Under which address the public listener is reached from outside.
    pub(crate) public_url: Option<String>,
    /// Proxies whose word about the addresses of callers counts.
    #[serde(default, deserialize_with = "networks")]
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// Where runs are kept.
    pub(crate) store: Option<StoreFile>,
    /// What the host follows; without it the files of the folder that it is started for.
    pub(crate) repository: Option<RepositoryFile>,
    /// Where secrets come from; what the environment file says otherwise.
    pub(crate) secrets: Option<SecretSources>,
    /// Where the desk links to.
    #[serde(default)]
    pub(crate) desk: DeskFile,
    /// Where traces are sent.
    pub(crate) telemetry: Option<TelemetryFile>,
    /// What is asked of changes of the environment at least.
    #[serde(default)]
    pub(crate) policy_floor: FloorFile,
}

fn networks<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    let network = |text: &String| {
        let wrong = || format!("`{text}` is not a network such as 127.0.0.1/32");
        text.parse().map_err(|_| D::Error::custom(wrong()))
    };
    texts.iter().map(network).collect()
}

/// The version of this form of the file.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
enum Version {
    #[default]
    #[serde(rename = "dowel/v1")]
    V1,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listen {
    /// Webhooks, events and OAuth callbacks.
    pub(crate) public: Option<SocketAddr>,
    /// API and metrics.
    pub(crate) admin: Option<SocketAddr>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeskFile {
    /// The page of a commit, such as `https://git.example.com/flows/commit/{commit}`.
    pub(crate) commit_url: Option<String>,
    /// The page of a trace, such as `https://traces.example.com/trace/{trace}`.
    pub(crate) trace_url: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoreFile {
    /// The data folder.
    pub(crate) sled: PathBuf,
}

impl HostFile {
    /// The file that the command line names; everything by default without one.
    pub(crate) fn of(repository: &Repository) -> Result<Self> {
        let Some(path) = &repository.host_file else {
            return Ok(Self::default());
        };
        let text = std::fs::read_to_string(path)
            .map_err(|error| wrong(path, &error.kind().to_string()))?;
        let mut file = Self::parse(path, &text)?;
        file.place(path.parent().unwrap_or(Path::new("")));
        Ok(file)
    }

    fn parse(path: &Path, text: &str) -> Result<Self> {
        let json = dowel_flow::document::read(&path.display().to_string(), text);
        let json = json.map_err(|findings| {
            let texts: Vec<String> = findings.iter().map(Diagnostic::render).collect();
            wrong(path, &texts.join("\n"))
        })?;
        let mut from = serde_json::Deserializer::from_str(json.as_str());
        let file: Self = serde_path_to_error::deserialize(&mut from).map_err(|error| {
            let place = error.path().to_string();
            let reason = error.into_inner().to_string();
            // The position is one in the JSON that was made of the file.
            let reason = reason
                .rsplit_once(" at line ")
                .map_or(&*reason, |(what, _)| what);
            wrong(path, &format!("`{place}`: {reason}"))
        })?;
        let url = file.public_url.as_deref();
        let is_address = |url: &str| url.starts_with("https://") || url.starts_with("http://");
        if let Some(url) = url.filter(|url| !is_address(url)) {
            let reason = format!(
                "`public_url`: `{url}` is not an address such as https://flows.example.com"
            );
            return Err(wrong(path, &reason));
        }
        let links = [
            ("commit_url", "{commit}", &file.desk.commit_url),
            ("trace_url", "{trace}", &file.desk.trace_url),
        ];
        for (key, place, url) in links {
            let fits = |url: &String| is_address(url) && url.contains(place);
            if let Some(url) = url.as_ref().filter(|url| !fits(url)) {
                let reason = format!("`desk.{key}`: `{url}` is no address with `{place}` in it");
                return Err(wrong(path, &reason));
            }
        }
        Ok(file)
    }

    /// Paths in the file are relative to its folder.
    fn place(&mut self, folder: &Path) {
        let mut paths: Vec<&mut PathBuf> = Vec::new();
        paths.extend(self.store.as_mut().map(|store| &mut store.sled));
        if let Some(repository) = &mut self.repository {
            paths.extend(repository.paths());
        }
        for path in paths {
            *path = folder.join(&*path);
        }
    }
}

fn wrong(path: &Path, reason: &str) -> anyhow::Error {
    anyhow!(
        "{HOST_FILE}: the host file {} cannot be used: {reason}",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_good() {
        let example = include_str!("../../../docs/deploy/host.yaml");
        let file = parse(example).unwrap();
        assert_eq!(file.environment.as_deref(), Some("prod"));
        assert_eq!(file.trusted_proxies.len(), 1);
    }

    fn parse(text: &str) -> Result<HostFile> {
        HostFile::parse(Path::new("host.yaml"), text)
    }

    #[test]
    fn a_whole_file() {
        let text = "
host: dowel/v1
environment: prod
listen: { public: '127.0.0.1:8080', admin: '127.0.0.1:8081' }
public_url: https://flows.example.com
trusted_proxies: [127.0.0.1/32, '2001:db8::/64']
store: { sled: data }
repository: { url: 'git@git.example.com:team/flows.git', branch: main, key_file: key, poll: 10s }
policy_floor: { approvals: 1, forbid_author: true }
secrets: { age: { file: secrets.age, identity_file: identity } }
";
        let mut file = parse(text).unwrap();
        file.place(Path::new("/etc/dowel"));
        assert_eq!(file.environment.as_deref(), Some("prod"));
        assert_eq!(file.store.unwrap().sled, Path::new("/etc/dowel/data"));
        assert_eq!(
            file.secrets.take().unwrap().age.unwrap().identity_file,
            "identity"
        );
        assert_eq!(file.trusted_proxies.len(), 2);
        let mut repository = file.repository.unwrap();
        let paths: Vec<_> = repository.paths().map(|path| path.clone()).collect();
        assert_eq!(paths, [Path::new("/etc/dowel/key")]);
    }

    #[test]
    fn what_is_wrong_has_a_place() {
        let check = |text: &str, expected: &str| {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("host: dowel/v2", "`host`");
        check("environment: prod", "missing field `host`");
        check(
            "host: dowel/v1\ntrusted_proxies: [proxy.example.com]",
            "`proxy.example.com` is not a network",
        );
        check(
            "host: dowel/v1\nlisten: { public: 8080 }",
            "`listen.public`",
        );
        check(
            "host: dowel/v1\nrepository: { ulr: x }",
            "unknown field `ulr`",
        );
        check(
            "host: dowel/v1\nrepository: { url: x, poll: 1 day }",
            "`repository.poll`",
        );
        check(
            "host: dowel/v1\nrepository: { url: x, poll: 1ms }",
            "once in a second",
        );
        check(
            "host: dowel/v1\npolicy_floor: { approvals: many }",
            "`policy_floor.approvals`",
        );
        check(
            "host: dowel/v1\ndesk: { commit_url: 'https://git.example.com/' }",
            "`desk.commit_url`",
        );
        check("host: [", "host.yaml");
    }
}

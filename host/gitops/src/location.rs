//! Where a repository is, and by what the host proves itself there.

use crate::error::GitError;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use url::{Host, Url};

/// Where a repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A folder on this machine: a clone or a bare repository.
    Folder(PathBuf),
    /// Fetched from and pushed to.
    Remote(Url),
}

/// By what the host proves itself to a remote, and by what it knows it.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The user name for https; `git` unless given. With ssh it is part of the address.
    pub user: Option<String>,
    /// A file with the token or password for https. It is read for each operation, so that
    /// another token counts at once.
    pub token_file: Option<PathBuf>,
    /// The private key for ssh, instead of those that `ssh` finds by itself.
    pub key_file: Option<PathBuf>,
    /// The keys of servers that are trusted, instead of those that `ssh` knows.
    pub known_hosts: Option<PathBuf>,
    /// Root certificates (PEM) that are trusted for https besides the usual ones.
    pub ca_file: Option<PathBuf>,
}

impl Location {
    /// Reads an address: `https://`, `ssh://`, `file://`, the short form of ssh
    /// (`git@host:path`), or a path.
    ///
    /// # Errors
    /// [`GitError::Location`] for anything else, for a password in the address, and for
    /// http to another machine.
    pub fn parse(text: &str) -> Result<Self, GitError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(refused("it is empty"));
        }
        if text.contains("://") {
            return Self::url(text);
        }
        match short_ssh(text) {
            Some(url) => Self::url(&url),
            None => Ok(Self::Folder(PathBuf::from(text))),
        }
    }

    fn url(text: &str) -> Result<Self, GitError> {
        // The text is not repeated: it may hold a password.
        let url = Url::parse(text).map_err(|error| refused(&error.to_string()))?;
        if url.password().is_some() {
            return Err(refused(
                "it holds a password; name the credential beside the address",
            ));
        }
        match url.scheme() {
            "https" | "file" => {}
            "ssh" => check_ssh(&url)?,
            "http" if is_loopback(&url) => {}
            "http" => {
                return Err(refused(
                    "http is not encrypted, so everybody on the way could change flows; use https",
                ));
            }
            other => {
                let reason = format!("`{other}` is not one of https, ssh and file");
                return Err(refused(&reason));
            }
        }
        if !url.username().is_empty() && url.scheme() != "ssh" {
            return Err(refused("a user name is written beside the address"));
        }
        Ok(Self::Remote(url))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Remote(url) => f.write_str(url.as_str()),
        }
    }
}

fn refused(reason: &str) -> GitError {
    GitError::Location(reason.to_owned())
}

/// `git@host:path` as a URL. A slash before the colon makes it a path, as for git.
fn short_ssh(text: &str) -> Option<String> {
    let (host, path) = text.split_once(':')?;
    if host.contains('/') || host.is_empty() || path.is_empty() {
        return None;
    }
    let slash = if path.starts_with('/') { "" } else { "/~/" };
    // Git servers of this form take the path as relative to the home of the user.
    let slash = if slash == "/~/" { "/" } else { slash };
    Some(format!("ssh://{host}{slash}{path}"))
}

/// What becomes an argument of `ssh` must not look like an option of it.
fn check_ssh(url: &Url) -> Result<(), GitError> {
    let host = url.host_str().unwrap_or_default();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
    let is_good = |text: &str| !text.starts_with('-') && text.bytes().all(plain);
    if host.is_empty() || !is_good(host) || !is_good(url.username()) {
        return Err(refused("it has no host that ssh could be told"));
    }
    Ok(())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let found = match Location::parse(text) {
            Ok(Location::Folder(path)) => format!("folder {}", path.display()),
            Ok(Location::Remote(url)) => format!("remote {url}"),
            Err(error) => error.to_string(),
        };
        assert!(found.contains(expected), "{text}: {found}");
    }

    #[test]
    fn addresses() {
        check(
            "https://git.example.com/a/b.git",
            "remote https://git.example.com/a/b.git",
        );
        check(
            "git@git.example.com:a/b.git",
            "remote ssh://git@git.example.com/a/b.git",
        );
        check(
            "ssh://git@git.example.com:2222/a",
            "remote ssh://git@git.example.com:2222/a",
        );
        check("file:///srv/flows.git", "remote file:///srv/flows.git");
        check("/srv/flows", "folder /srv/flows");
        check("../flows", "folder ../flows");
        check("./a:b", "folder ./a:b");
        check("http://127.0.0.1:8000/a", "remote http://127.0.0.1:8000/a");
    }

    #[test]
    fn addresses_that_are_refused() {
        check("http://git.example.com/a", "not encrypted");
        check("git://git.example.com/a", "`git` is not one of");
        check("ext::sh -c 'x'://", "cannot be used");
        check("https://me:secret@git.example.com/a", "holds a password");
        check("https://me@git.example.com/a", "a user name");
        check("ssh://-oProxyCommand=x/a", "no host");
        check("ssh://git@%2doProxyCommand/a", "cannot be used");
        check("", "empty");
        let error = Location::parse("https://me:secret@git.example.com/a").unwrap_err();
        assert!(!error.to_string().contains("secret"));
    }
}

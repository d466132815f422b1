//! No paths of somebody's machine, no hosts of package registries.

use crate::Violation;
use crate::repository::File;

/// Beginnings of paths that exist on one machine only; split so that this file does
/// not hold them.
const PATHS: [&str; 5] = [
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
    concat!("C:\\Us", "ers"),
];

/// Hosts that packages come from; a mirror would make them wrong.
const HOSTS: [&str; 7] = [
    concat!("crates", ".io"),
    concat!("py", "pi.org"),
    concat!("registry.npm", "js.org"),
    concat!("npm", "js.com"),
    concat!("proxy.go", "lang.org"),
    concat!("deb.deb", "ian.org"),
    concat!("lib", ".rs/"),
];

/// Written by cargo, which records its registry.
const LOCK: &str = "Cargo.lock";

/// Looks for machines in one file.
pub fn check(file: &File) -> Vec<Violation> {
    if file.path == LOCK {
        return Vec::new();
    }
    let lines = file.text.lines().enumerate();
    let found = lines.filter_map(|(index, line)| {
        let is_path = |path: &&&str| is_path(line, path);
        let found = PATHS.iter().find(is_path);
        let found = found.or_else(|| HOSTS.iter().find(|host| line.contains(**host)))?;
        Some(format!("{}:{}: `{found}`", file.path, index + 1))
    });
    found.collect()
}

/// Whether `path` begins an absolute path in this line, and not the middle of a URL or
/// of a relative one.
fn is_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "-_.*}/".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        check(&File::planted("docs/a.md", text)).len()
    }

    #[test]
    fn machines_are_found() {
        for path in PATHS {
            assert_eq!(count(&format!("see {path}x")), 1, "{path}");
        }
        for host in HOSTS {
            assert_eq!(count(&format!("https://{host}/x")), 1, "{host}");
        }
        assert_eq!(count("https://flows.example.com/work/x and a/home/b"), 0);
    }
}

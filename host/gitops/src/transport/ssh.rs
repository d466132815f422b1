//! The smart protocol over ssh, by the program that the machine has: its keys, agents,
//! jump hosts and `known_hosts` count, as they do for git.

use super::failed;
use crate::location::Access;
use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream};
use std::io::{self, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use url::Url;

/// What is kept of the program's messages.
const MAX_MESSAGE_BYTES: u64 = 4 << 10;

/// A server that takes longer to take a connection is down.
const CONNECT_TIMEOUT: &str = "ConnectTimeout=15";

/// The program has ended when its message is asked for; this is for what it left open.
const MESSAGE_PATIENCE: Duration = Duration::from_secs(2);

pub(super) struct Ssh {
    access: Access,
}

impl Ssh {
    pub(super) const fn new(access: Access) -> Self {
        Self { access }
    }

    fn command(&self, url: &Url, service: &str) -> Command {
        let mut command = Command::new("ssh");
        command.args(["-T", "-o", "BatchMode=yes", "-o", CONNECT_TIMEOUT]);
        // A server that nobody has vouched for could hand out any flows.
        command.args(["-o", "StrictHostKeyChecking=yes"]);
        command.args([
            "-o",
            "ServerAliveInterval=15",
            "-o",
            "ServerAliveCountMax=4",
        ]);
        if let Some(file) = &self.access.known_hosts {
            let option = format!("UserKnownHostsFile={}", quoted(&file.display().to_string()));
            command.args(["-o", &option, "-o", "GlobalKnownHostsFile=/dev/null"]);
        }
        if let Some(file) = &self.access.key_file {
            command.args(["-o", "IdentitiesOnly=yes", "-i"]).arg(file);
        }
        if let Some(port) = url.port() {
            command.arg("-p").arg(port.to_string());
        }
        let host = url.host_str().unwrap_or_default();
        let host = host.trim_matches(['[', ']']);
        let target = match url.username() {
            "" => host.to_owned(),
            user => format!("{user}@{host}"),
        };
        command.arg("--").arg(target);
        command.arg(format!("{service} {}", shell_quoted(&path_of(url))));
        command
    }
}

/// The path as the server's shell is to see it.
fn path_of(url: &Url) -> String {
    let path = url.path();
    // `/~user/path` is relative to a home, as git has it.
    let path = path
        .strip_prefix('/')
        .filter(|rest| rest.starts_with('~'))
        .unwrap_or(path);
    let decoded = percent_decoded(path);
    String::from_utf8_lossy(&decoded).into_owned()
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    out
}

fn shell_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// In options of ssh, quotes keep spaces together.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', ""))
}

impl SmartSubtransport for Ssh {
    fn action(
        &self,
        url: &str,
        service: Service,
    ) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        let url = Url::parse(url).map_err(|error| failed(error.to_string()))?;
        let service = match service {
            Service::UploadPackLs | Service::UploadPack => "git-upload-pack",
            Service::ReceivePackLs | Service::ReceivePack => "git-receive-pack",
        };
        let mut command = self.command(&url, service);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                failed("the program `ssh` is not installed: apt-get install openssh-client")
            }
            _ => failed(error.to_string()),
        })?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(messages)) = pipes else {
            return Err(failed("the program `ssh` has no pipes"));
        };
        Ok(Box::new(Connection {
            child,
            input,
            output,
            message: listen(messages),
            has_answered: false,
        }))
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

/// Takes the program's messages, so that it never waits to be heard.
fn listen(messages: ChildStderr) -> mpsc::Receiver<String> {
    let (said, message) = mpsc::channel();
    std::thread::spawn(move || {
        let mut messages = messages;
        let mut kept = Vec::new();
        // The end of a conversation that broke off is no error of its own.
        let _ = (&mut messages)
            .take(MAX_MESSAGE_BYTES)
            .read_to_end(&mut kept);
        let _ = said.send(String::from_utf8_lossy(&kept).trim().to_owned());
        let _ = io::copy(&mut messages, &mut io::sink());
    });
    message
}

struct Connection {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    message: mpsc::Receiver<String>,
    has_answered: bool,
}

impl Connection {
    /// Why nothing came.
    fn why(&self) -> io::Error {
        let message = self.message.recv_timeout(MESSAGE_PATIENCE);
        let message = message.unwrap_or_default();
        let lines: Vec<&str> = message.lines().map(str::trim).collect();
        match lines.join("; ") {
            text if text.is_empty() => io::Error::other("ssh ended without an answer"),
            text => io::Error::other(format!("ssh: {text}")),
        }
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.output.read(buffer)?;
        if count == 0 && !self.has_answered {
            return Err(self.why());
        }
        self.has_answered = true;
        Ok(count)
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.input.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(self.why()),
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.input.flush()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(url: &str, access: &Access) -> String {
        let command =
            Ssh::new(access.clone()).command(&Url::parse(url).unwrap(), "git-upload-pack");
        let words = command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned());
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_command_line() {
        let none = Access::default();
        let found = line("ssh://git@h.example:2222/a/it's%20b.git", &none);
        let end = r"-p 2222 -- git@h.example git-upload-pack '/a/it'\''s b.git'";
        assert!(found.ends_with(end), "{found}");
        assert!(found.contains("StrictHostKeyChecking=yes"), "{found}");
        let access = Access {
            key_file: Some("/etc/dowel/key".into()),
            known_hosts: Some("/etc/dowel/known hosts".into()),
            ..Access::default()
        };
        let found = line("ssh://h.example/~me/a", &access);
        assert!(
            found.ends_with("-- h.example git-upload-pack '~me/a'"),
            "{found}"
        );
        assert!(found.contains("-i /etc/dowel/key"), "{found}");
        assert!(
            found.contains("UserKnownHostsFile=\"/etc/dowel/known hosts\""),
            "{found}"
        );
    }
}

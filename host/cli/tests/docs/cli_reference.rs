//! `docs/reference/cli.md` is made from the help texts of the program.

use crate::pages::root;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

/// Set to write the page instead of comparing it.
const UPDATE: &str = "UPDATE_EXPECT";

/// Columns of the help texts on the page.
const WIDTH: &str = "100";

const HEAD: &str = "\
# The command line

Made from the program's own help by a test; to renew it:
`UPDATE_EXPECT=1 cargo test -p dowel-cli --test docs the_command_reference_is_fresh`.
";

pub(crate) fn check() {
    let path = root().join("docs/reference/cli.md");
    let mut page = HEAD.to_owned();
    add(&mut page, &[]);
    if std::env::var_os(UPDATE).is_some() {
        fs::write(&path, &page).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page,
        "docs/reference/cli.md is not what the program says: run this test with {UPDATE}=1"
    );
}

/// Adds a command and all below it.
fn add(page: &mut String, command: &[&str]) {
    let help = help(command);
    let name = ["dowel"]
        .iter()
        .chain(command)
        .copied()
        .collect::<Vec<_>>()
        .join(" ");
    let _ = write!(page, "\n## {name}\n\n```text\n{help}```\n");
    for below in commands(&help).iter().filter(|name| *name != "help") {
        let below: Vec<&str> = command.iter().copied().chain([below.as_str()]).collect();
        add(page, &below);
    }
}

fn help(command: &[&str]) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_dowel"));
    program.args(command).arg("--help").env("COLUMNS", WIDTH);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("DOWEL_")) {
        program.env_remove(name);
    }
    let output = program.output().unwrap();
    assert!(output.status.success(), "dowel {command:?} --help");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .fold(String::new(), |all, line| all + line.trim_end() + "\n")
}

/// The names under `Commands:`.
fn commands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = lines.take_while(|line| !line.is_empty());
    names
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

//! Connectors in other languages than Rust: the example of each, and what `dowel connector
//! new` makes. Their toolchains are installed beside the example.

use crate::build::Profile;
use crate::tally::{self, Tally};
use crate::{python, run};
use anyhow::Result;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Cases of the example in Rust: those in other languages do the same.
const CASES: &str = "connectors/exchange-rates/cases";

/// A language and its example.
pub(crate) struct Language {
    /// As `dowel connector new --lang` names it.
    pub(crate) name: &'static str,
    /// The folder of the example below `connectors/`, which is its name as well.
    pub(crate) example: &'static str,
    /// Installs the toolchain in the example's folder.
    install: fn(&Path) -> Result<()>,
    /// Runs the tests in a folder with the toolchain of the example's.
    tests: fn(&Path, &Path) -> Result<Tally>,
    /// Runs the SDK's own tests with the toolchain of the example's.
    sdk: fn(&Path) -> Result<Tally>,
    /// Lends the toolchain of the example to a build in another folder.
    lend: fn(&mut Command, &Path),
}

/// All of them.
pub(crate) const LANGUAGES: [Language; 1] = [Language {
    name: "python",
    example: "exchange-rates-python",
    install: |example| python::install(&example.join(".venv"), example),
    tests: |example, folder| {
        let mut command = Command::new(example.join(".venv/bin/python"));
        python::tests(command.current_dir(folder).args(["-B", "-m", "unittest"]))
    },
    sdk: |example| {
        let mut command = Command::new(example.join(".venv/bin/python"));
        let discover = ["-B", "-m", "unittest", "discover", "-s", "tests", "-t", "."];
        python::tests(
            command
                .current_dir(run::root().join("sdk/python"))
                .args(discover),
        )
    },
    lend: |command, example| {
        command.env("VIRTUAL_ENV", example.join(".venv"));
    },
}];

/// Builds and certifies the example of each language.
pub(crate) fn certify(level: &str) -> Result<Tally> {
    let mut tally = Tally::default();
    for language in &LANGUAGES {
        let example = language.installed()?;
        tally += (language.sdk)(&example)?;
        tally += (language.tests)(&example, &example)?;
        let component = language.build(Profile::Dev)?;
        tally += test(&component, &run::root().join(CASES), level)?;
    }
    Ok(tally)
}

/// Makes a connector of this name in each language and puts it to the test.
pub(crate) fn templates(name: &str) -> Result<Tally> {
    let mut tally = Tally::default();
    for language in &LANGUAGES {
        let example = language.installed()?;
        let folder = run::target()?.join("templates").join(language.name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let mut made = dowel(Profile::Dev);
        made.args(["connector", "new", name, "--lang", language.name, "--out"]);
        run::succeed(made.arg(&folder))?;
        tally += (language.tests)(&example, &folder)?;
        let mut build = dowel(Profile::Dev);
        build.args(["connector", "build"]).arg(&folder);
        build.arg("--out").arg(folder.join("built"));
        (language.lend)(&mut build, &example);
        run::succeed(&mut build)?;
        let component = folder.join("built").join(format!("{name}-0.1.0.wasm"));
        tally += test(&component, &folder.join("cases"), "gold")?;
    }
    Ok(tally)
}

impl Language {
    /// The example's folder, with its toolchain.
    fn installed(&self) -> Result<PathBuf> {
        let example = run::root().join("connectors").join(self.example);
        (self.install)(&example)?;
        Ok(example)
    }

    /// Builds the example. It does not go to the other connectors: each host that loads those
    /// would compile an interpreter.
    pub(crate) fn build(&self, profile: Profile) -> Result<PathBuf> {
        let example = self.installed()?;
        let out = run::target()?.join("languages");
        let mut build = dowel(profile);
        build.args(["connector", "build"]).arg(&example);
        run::succeed(build.arg("--out").arg(&out))?;
        Ok(out.join(format!("{}-0.1.0.wasm", self.example)))
    }
}

fn test(component: &Path, cases: &Path, level: &str) -> Result<Tally> {
    let mut test = dowel(Profile::Dev);
    test.args(["connector", "test", "--level", level, "--cases"]);
    tally::count(test.arg(cases).arg(component))
}

fn dowel(profile: Profile) -> Command {
    let mut command = Command::new(profile.program("dowel"));
    command.current_dir(run::root());
    command
}

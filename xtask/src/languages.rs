//! Connectors in other languages than Rust: the example of each, and what `dowel connector
//! new` makes. Their toolchains are installed beside the example.

use crate::build::Profile;
use crate::tally::{self, Tally};
use crate::{node, python, run};
use anyhow::Result;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Cases of the example in Rust: those in other languages do the same.
const CASES: &str = "connectors/exchange-rates/cases";

/// A language and its example.
pub(crate) struct Language {
    /// The folder of the example below `connectors/`, which is its name as well.
    pub(crate) example: &'static str,
    /// What `dowel connector new --lang` makes of it.
    templates: &'static [&'static str],
    /// Installs the toolchain in the example's folder.
    install: fn(&Path) -> Result<()>,
    /// Runs the SDK's own tests with the toolchain of the example's.
    sdk: fn(&Path) -> Result<Tally>,
    /// Runs the tests in a folder with the toolchain of the example's.
    tests: fn(&Path, &Path) -> Result<Tally>,
    /// Lends the toolchain of the example to a build in another folder.
    lend: fn(&mut Command, &Path, &Path) -> Result<()>,
}

/// All of them.
pub(crate) const LANGUAGES: [Language; 2] = [
    Language {
        example: "exchange-rates-python",
        templates: &["python"],
        install: |example| python::install(&example.join(".venv"), example),
        sdk: |example| {
            let mut command = Command::new(example.join(".venv/bin/python"));
            let discover = ["-B", "-m", "unittest", "discover", "-s", "tests", "-t", "."];
            python::tests(
                command
                    .current_dir(run::root().join("sdk/python"))
                    .args(discover),
            )
        },
        tests: |example, folder| {
            let mut command = Command::new(example.join(".venv/bin/python"));
            python::tests(command.current_dir(folder).args(["-B", "-m", "unittest"]))
        },
        lend: |command, example, _| {
            command.env("VIRTUAL_ENV", example.join(".venv"));
            Ok(())
        },
    },
    Language {
        example: "exchange-rates-typescript",
        templates: &["typescript", "javascript"],
        install: |example| node::install(example, &run::root().join("sdk/javascript")),
        sdk: |_| node::npm_test(&run::root().join("sdk/javascript")),
        tests: |example, folder| {
            node::lend(example, folder)?;
            node::npm_test(folder)
        },
        lend: |command, example, folder| {
            node::lend(example, folder)?;
            node::on_path(command)
        },
    },
];

/// Builds and certifies the example of each language.
pub(crate) fn certify(level: &str) -> Result<Tally> {
    let mut tally = Tally::default();
    for language in &LANGUAGES {
        let example = language.installed()?;
        tally += (language.sdk)(&example)?;
        tally += (language.tests)(&example, &example)?;
        let component = language.build(Profile::Dev)?;
        tally += test(&component, &cases_of(language.example)?, level)?;
    }
    Ok(tally)
}

/// Makes a connector of this name in each language and puts it to the test.
pub(crate) fn templates(name: &str) -> Result<Tally> {
    let mut tally = Tally::default();
    for language in &LANGUAGES {
        let example = language.installed()?;
        for template in language.templates {
            tally += language.template(&example, template, name)?;
        }
    }
    Ok(tally)
}

/// The cases without those of receivers, which the SDKs of other languages do not have.
fn cases_of(example: &str) -> Result<PathBuf> {
    let (from, to) = (run::root().join(CASES), run::target()?.join("languages"));
    let to = to.join(format!("{example}-cases"));
    for folder in ["", "sources"] {
        fs::create_dir_all(to.join(folder))?;
        for entry in fs::read_dir(from.join(folder))? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                fs::copy(entry.path(), to.join(folder).join(entry.file_name()))?;
            }
        }
    }
    Ok(to)
}

impl Language {
    fn template(&self, example: &Path, template: &str, name: &str) -> Result<Tally> {
        let folder = run::target()?.join("templates").join(template);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let mut made = dowel(Profile::Dev);
        made.args(["connector", "new", name, "--lang", template, "--out"]);
        run::succeed(made.arg(&folder))?;
        let mut tally = (self.tests)(example, &folder)?;
        let mut build = dowel(Profile::Dev);
        build.args(["connector", "build"]).arg(&folder);
        build.arg("--out").arg(folder.join("built"));
        (self.lend)(&mut build, example, &folder)?;
        run::succeed(&mut build)?;
        let component = folder.join("built").join(format!("{name}-0.1.0.wasm"));
        tally += test(&component, &folder.join("cases"), "gold")?;
        Ok(tally)
    }

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
        (self.lend)(&mut build, &example, &example)?;
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

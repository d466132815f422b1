//! The command line.

use crate::build::Profile;
use anyhow::{Result, bail};
use lexopt::prelude::{Long, Short, Value, ValueExt as _};

pub(crate) const HELP: &str = "\
Everyday tasks of this repository.

Usage: cargo xtask <task>

  setup                        installs the Wasm target if it is missing
  build [--release]            builds the host, the stand-in shop and the connectors
  guests                       builds the connectors
  demo [--keep] [--release]    runs orders through a host and tells their stories
  test [--all] [suite|name…]   runs all suites, the named ones, or the tests whose names
                               hold a word; --all fails when an outside tool is missing
  bench [--json]               measures and prints a table
  bench hostile [--json]       a flow beside guests that misbehave: the ratio of its p99
  bench bodies [--json]        1 GiB from one system to another: memory and speed
  bench parked [--count N] [--json]
                               what runs cost that wait: memory of each, time to start
  bench desk [--runs N] [--json]
                               how fast the pages of the desk answer with so many runs
  soak [--runs N] [--json]     many runs with retention: disk and memory over time, and
                               whether they stay bounded
  sim [--seeds N] [--first S]  simulates seeds: faults, crashes, time, and what must hold
  sim --seed S                 repeats one seed and prints what happened
  sim --hosts N                gives every seed so many hosts; otherwise each third has two
  sim --plant <defect>         puts a defect in (dedupe, lease, compensation, cursor); it has to
                               be found
  conformance-selftest         shows that the conformance kit bites: each flaw is found, and
                               nothing else
  fuzz [seconds]               runs each fuzz target for so long; 60 seconds unless given
  e2e                          drives the desk in a browser; screenshots of every page are
                               left in target/e2e/screenshots
  docs                         writes the generated documentation anew
  errors                       writes the pages of the error codes anew

Suites: fmt, clippy, deny, build, guests, connectors, templates, flows, tests, sim, fuzz,
cloudevents, webhooks, api, oidc, registry, e2e, doc.";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Help,
    Setup,
    Guests,
    Build(Profile),
    Demo(Demo),
    Test(Test),
    Bench {
        pass: Vec<String>,
    },
    /// A part of the soak with what it is told.
    Soak {
        part: &'static str,
        pass: Vec<String>,
    },
    /// The simulation with what it is told.
    Sim {
        pass: Vec<String>,
    },
    ConformanceSelftest,
    /// The fuzz targets, each for so many seconds.
    Fuzz {
        seconds: u64,
    },
    /// The desk in a browser.
    E2e,
    Docs,
    Errors,
}

/// How to run the demo.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Demo {
    pub(crate) profile: Profile,
    pub(crate) keep: bool,
}

/// What to test.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Test {
    /// A missing tool is an error.
    pub(crate) all: bool,
    pub(crate) filters: Vec<String>,
}

pub(crate) fn parse() -> Result<Task> {
    read(lexopt::Parser::from_env())
}

/// Flags and words behind the task.
#[derive(Default)]
struct Rest {
    flags: Vec<String>,
    words: Vec<String>,
    /// Both as they were written, for programs that read them themselves.
    written: Vec<String>,
}

impl Rest {
    /// Takes a flag out; what is left at the end was not understood.
    fn take(&mut self, flag: &str) -> bool {
        let before = self.flags.len();
        self.flags.retain(|other| other != flag);
        self.flags.len() < before
    }

    /// Takes everything out, as it was written.
    fn pass_on(&mut self) -> Vec<String> {
        self.flags.clear();
        self.words.clear();
        std::mem::take(&mut self.written)
    }

    /// A number of seconds, 60 unless given.
    fn seconds(&mut self) -> Result<u64> {
        match self.words.pop() {
            Some(word) => Ok(word.parse()?),
            None => Ok(60),
        }
    }

    fn profile(&mut self) -> Profile {
        if self.take("release") {
            Profile::Release
        } else {
            Profile::Dev
        }
    }
}

fn read(mut parser: lexopt::Parser) -> Result<Task> {
    let mut task = None;
    let mut rest = Rest::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Task::Help),
            Long(flag) => {
                rest.written.push(format!("--{flag}"));
                rest.flags.push(flag.to_owned());
            }
            Value(word) if task.is_none() => task = Some(word.string()?),
            Value(word) => {
                rest.words.push(word.string()?);
                rest.written.extend(rest.words.last().cloned());
            }
            Short(_) => return Err(argument.unexpected().into()),
        }
    }
    let Some(name) = task else {
        return Ok(Task::Help);
    };
    let task = named(&name, &mut rest)?;
    match (rest.flags.first(), rest.words.first()) {
        (Some(flag), _) => bail!("`{name}` has no flag --{flag}"),
        (None, Some(word)) => bail!("`{name}` does not take `{word}`"),
        (None, None) => Ok(task),
    }
}

fn named(name: &str, rest: &mut Rest) -> Result<Task> {
    Ok(match name {
        "help" => Task::Help,
        "setup" => Task::Setup,
        "guests" => Task::Guests,
        "conformance-selftest" => Task::ConformanceSelftest,
        "fuzz" => Task::Fuzz {
            seconds: rest.seconds()?,
        },
        "build" => Task::Build(rest.profile()),
        "demo" => Task::Demo(Demo {
            profile: rest.profile(),
            keep: rest.take("keep"),
        }),
        "test" => Task::Test(Test {
            all: rest.take("all"),
            filters: std::mem::take(&mut rest.words),
        }),
        "bench" => {
            let mut pass = rest.pass_on();
            let parts = ["parked", "desk"].into_iter();
            let mut named = parts.filter_map(|part| {
                let place = pass.iter().position(|word| word == part)?;
                Some((part, place))
            });
            match named.next() {
                Some((part, place)) => {
                    pass.remove(place);
                    Task::Soak { part, pass }
                }
                None => Task::Bench { pass },
            }
        }
        "soak" => Task::Soak {
            part: "soak",
            pass: rest.pass_on(),
        },
        "sim" => Task::Sim {
            pass: rest.pass_on(),
        },
        "e2e" => Task::E2e,
        "docs" => Task::Docs,
        "errors" => Task::Errors,
        other => bail!("there is no task `{other}`"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &str) -> Result<Task> {
        read(lexopt::Parser::from_args(words.split_whitespace()))
    }

    #[test]
    fn tasks_and_flags() {
        assert_eq!(of("").unwrap(), Task::Help);
        assert_eq!(
            of("demo --keep --release").unwrap(),
            Task::Demo(Demo {
                profile: Profile::Release,
                keep: true
            })
        );
        assert_eq!(
            of("test --all fmt").unwrap(),
            Task::Test(Test {
                all: true,
                filters: vec!["fmt".to_owned()]
            })
        );
        assert_eq!(
            of("bench parked --count 7 --json").unwrap(),
            Task::Soak {
                part: "parked",
                pass: ["--count", "7", "--json"].map(str::to_owned).to_vec()
            }
        );
        assert_eq!(
            of("sim --seed 7").unwrap(),
            Task::Sim {
                pass: ["--seed", "7"].map(str::to_owned).to_vec()
            }
        );
        for bad in ["nonsense", "demo --all", "docs x", "test -x"] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}

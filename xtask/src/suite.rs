//! The suites of `cargo xtask test`.

use crate::build::{self, Profile};
use crate::tally::{self, Tally};
use crate::{certify, e2e, fuzz, node, python, run, setup, sim, template};
use anyhow::Result;
use std::process::Command;

/// A part of the tests with a name of its own.
pub(crate) struct Suite {
    pub(crate) name: &'static str,
    /// What it shows, in a few words.
    pub(crate) about: &'static str,
    pub(crate) run: fn() -> Result<Tally>,
    /// An outside tool without which it is not run.
    pub(crate) tool: Option<Tool>,
}

/// An outside program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) install: &'static str,
}

/// Tests that need an outside tool: a word that their names share, and the tool.
pub(crate) const TESTS_WITH_TOOLS: [(&str, Tool); 9] = [
    (
        "jq_",
        Tool {
            name: "jq",
            install: "apt-get install jq",
        },
    ),
    (
        "fdatasync",
        Tool {
            name: "strace",
            install: "apt-get install strace",
        },
    ),
    (
        "sshd_",
        Tool {
            name: "sshd",
            install: "apt-get install openssh-server openssh-client",
        },
    ),
    (
        "ssh_keygen_",
        Tool {
            name: "ssh-keygen",
            install: "apt-get install openssh-client",
        },
    ),
    (
        "age_program_",
        Tool {
            name: "age",
            install: "apt-get install age",
        },
    ),
    (
        "nginx_",
        Tool {
            name: "nginx",
            install: "apt-get install nginx-light openssl",
        },
    ),
    (
        "systemd_",
        Tool {
            name: "systemd-analyze",
            install: "apt-get install systemd",
        },
    ),
    (
        "openssl_",
        Tool {
            name: "openssl",
            install: "apt-get install openssl",
        },
    ),
    (
        "python_https_",
        Tool {
            name: "openssl",
            install: "apt-get install openssl python3",
        },
    ),
];

/// All of them, cheap ones first.
pub(crate) const SUITES: [Suite; 21] = [
    Suite {
        name: "setup",
        about: "what the other suites need: the Wasm target and the sources of dependencies",
        run: prepare,
        tool: None,
    },
    Suite {
        name: "fmt",
        about: "the layout of the code",
        run: || passes(&["fmt", "--all", "--check"]),
        tool: None,
    },
    Suite {
        name: "deny",
        about: "licences, bans and sources of dependencies",
        run: || {
            passes(&[
                "deny",
                "--offline",
                "--log-level",
                "error",
                "check",
                "bans",
                "licenses",
                "sources",
            ])
        },
        tool: Some(Tool {
            name: "cargo-deny",
            install: "cargo install --locked cargo-deny",
        }),
    },
    Suite {
        name: "clippy",
        about: "lints as errors",
        run: || {
            passes(&[
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ])
        },
        tool: None,
    },
    Suite {
        name: "build",
        about: "host, tools and tests",
        run: all_built,
        tool: None,
    },
    Suite {
        name: "guests",
        about: "the connectors",
        run: || build::guests(Profile::Dev).map(|()| ONE),
        tool: None,
    },
    Suite {
        name: "connectors",
        about: "the certification of the connectors",
        run: certify::suite,
        tool: None,
    },
    Suite {
        name: "templates",
        about: "a new connector builds, passes its tests and is certified as it is",
        run: template::suite,
        tool: None,
    },
    Suite {
        name: "flows",
        about: "the tests beside the flows",
        run: flows,
        tool: None,
    },
    Suite {
        name: "tests",
        about: "unit, integration and documentation tests",
        run: || tests(&[]),
        tool: None,
    },
    Suite {
        name: "sim",
        about: "two thousand seeds of the simulation, and every place of one flow",
        run: sim::suite,
        tool: None,
    },
    Suite {
        name: "fuzz",
        about: "damaged manifests, URLs, signatures and texts of guests",
        run: fuzz::suite,
        tool: None,
    },
    Suite {
        name: "cloudevents",
        about: "events from the Python SDK of the CloudEvents project",
        run: python::cloudevents,
        tool: Some(PYTHON),
    },
    Suite {
        name: "webhooks",
        about: "webhooks that libraries of others signed",
        run: python::webhooks,
        tool: Some(PYTHON),
    },
    Suite {
        name: "api",
        about: "every operation of the API against its description (schemathesis)",
        run: python::api,
        tool: Some(PYTHON),
    },
    Suite {
        name: "oidc",
        about: "people who sign in at the identity provider of others",
        run: node::oidc,
        tool: Some(PYTHON),
    },
    Suite {
        name: "aws",
        about: "signed requests at an S3 API of others that checks them",
        run: python::aws,
        tool: Some(PYTHON),
    },
    Suite {
        name: "registry",
        about: "connectors through a registry of others",
        run: || tally::count(&mut run::cargo(REGISTRY_TESTS)),
        tool: Some(Tool {
            name: "docker-registry",
            install: "apt-get install docker-registry",
        }),
    },
    Suite {
        name: "alerts",
        about: "a Prometheus that scrapes a host and fires its alerts",
        run: || tally::count(&mut run::cargo(ALERT_TESTS)),
        tool: Some(Tool {
            name: "prometheus",
            install: "apt-get install prometheus",
        }),
    },
    Suite {
        name: "e2e",
        about: "the desk in a browser: three people's work, and every page",
        run: e2e::suite,
        tool: Some(e2e::TOOL),
    },
    Suite {
        name: "doc",
        about: "the documentation of the code",
        run: documentation,
        tool: None,
    },
];

/// The tests that start a registry; a suite of their own, in the build of the workspace.
const REGISTRY_TESTS: [&str; 6] = [
    "test",
    "--workspace",
    "--test",
    "e2e",
    "--",
    "docker_registry",
];

/// The tests that start a Prometheus; a suite of their own, in the build of the workspace.
const ALERT_TESTS: [&str; 6] = ["test", "--workspace", "--test", "e2e", "--", "prometheus_"];

/// What the suites in Python need.
const PYTHON: Tool = Tool {
    name: "python3",
    install: "apt-get install python3-venv",
};

/// A suite without tests of its own counts as one.
const ONE: Tally = Tally {
    passed: 1,
    failed: 0,
};

/// cargo-deny reads the sources without fetching them, and the workspace has members
/// that are compiled for the Wasm target.
fn prepare() -> Result<Tally> {
    setup::run()?;
    passes(&["fetch", "--locked", "--quiet"])
}

fn passes(arguments: &[&str]) -> Result<Tally> {
    run::succeed(&mut run::cargo(arguments))?;
    Ok(ONE)
}

/// The tests whose names hold one of the words; all of them without words.
pub(crate) fn tests(words: &[String]) -> Result<Tally> {
    setup::run()?;
    let mut command = run::cargo(["test", "--workspace", "--no-fail-fast", "--"]);
    command
        .args(words)
        .args(["--skip", "docker_registry", "--skip", "prometheus_"]);
    for (word, tool) in TESTS_WITH_TOOLS {
        if !run::is_installed(tool.name) {
            command.args(["--skip", word]);
        }
    }
    tally::count(&mut command)
}

/// Programs and tests in one build: a build of the program alone has other features of
/// its dependencies, and would compile them a second time.
pub(crate) fn all_built() -> Result<Tally> {
    passes(&["test", "--workspace", "--no-run", "--quiet"])
}

fn flows() -> Result<Tally> {
    all_built()?;
    let mut command = Command::new(Profile::Dev.program("dowel"));
    tally::count(command.current_dir(run::root()).arg("test"))
}

fn documentation() -> Result<Tally> {
    let mut command = run::cargo(["doc", "--workspace", "--no-deps", "--quiet"]);
    run::succeed(command.env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(ONE)
}

//! Builds connectors with the toolchain of their language: each makes a component that can
//! describe itself.

mod javascript;
mod python;
mod rust;
mod wit;

use dowel_core::code::build as code;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where generated files go, in the connector's folder.
const WORK: &str = ".dowel/build";

/// Why a connector is not built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    /// A program is not there.
    #[error(
        "{}: {what} is missing. In {}, run\n\n    {install}\n",
        code::TOOLCHAIN_MISSING,
        folder.display()
    )]
    Missing {
        /// The program or the package.
        what: String,
        /// The connector's folder.
        folder: PathBuf,
        /// The commands that install it.
        install: String,
    },
    /// Not a connector's folder.
    #[error("{}: {}: {why}", code::NOT_A_PROJECT, folder.display())]
    Project {
        /// The folder.
        folder: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The toolchain said no.
    #[error(
        "{}: {program} stopped with an error; what it says stands above",
        code::TOOLCHAIN_FAILED
    )]
    Failed {
        /// The program.
        program: String,
    },
    /// A file of the build.
    #[error("{}: {}: {why}", code::TOOLCHAIN_FAILED, path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        why: std::io::Error,
    },
}

impl BuildError {
    fn project(folder: &Path, why: impl Into<String>) -> Self {
        Self::Project {
            folder: folder.to_owned(),
            why: why.into(),
        }
    }

    fn missing(folder: &Path, what: &str, install: &str) -> Self {
        Self::Missing {
            what: what.to_owned(),
            folder: folder.to_owned(),
            install: install.replace('\n', "\n    "),
        }
    }

    /// The stable code.
    #[cfg(test)]
    fn code(&self) -> dowel_core::code::Code {
        match self {
            Self::Missing { .. } => code::TOOLCHAIN_MISSING,
            Self::Project { .. } => code::NOT_A_PROJECT,
            Self::Failed { .. } | Self::File { .. } => code::TOOLCHAIN_FAILED,
        }
    }
}

/// Builds the connector in a folder; where the component is. `profile` is cargo's.
pub(crate) fn build(folder: &Path, profile: &str) -> Result<PathBuf, BuildError> {
    let has = |file: &str| folder.join(file).is_file();
    if has("Cargo.toml") {
        rust::build(folder, profile)
    } else if has("pyproject.toml") {
        python::build(folder)
    } else if has("package.json") {
        javascript::build(folder)
    } else {
        let why = "it has none of Cargo.toml (Rust), pyproject.toml (Python) and package.json \
                   (JavaScript, TypeScript)";
        Err(BuildError::project(folder, why))
    }
}

/// The folder for generated files, empty.
fn work(folder: &Path) -> Result<PathBuf, BuildError> {
    let work = folder.join(WORK);
    let failed = |why| BuildError::File {
        path: work.clone(),
        why,
    };
    if work.exists() {
        std::fs::remove_dir_all(&work).map_err(failed)?;
    }
    std::fs::create_dir_all(&work).map_err(failed)?;
    // Absolute, because toolchains are started in other folders.
    work.canonicalize().map_err(failed)
}

fn write(path: &Path, text: &str) -> Result<(), BuildError> {
    let written = match path.parent() {
        Some(parent) => std::fs::create_dir_all(parent).and_then(|()| std::fs::write(path, text)),
        None => std::fs::write(path, text),
    };
    written.map_err(|why| BuildError::File {
        path: path.to_owned(),
        why,
    })
}

/// Runs a program of a toolchain, which tells the person directly what it has to say. What
/// it printed to its standard output, which is shown if it fails.
#[allow(clippy::print_stderr)] // The person reads the compiler's messages.
fn run(command: &mut Command) -> Result<Vec<u8>, BuildError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output();
    let output = output.map_err(|why| BuildError::File {
        path: PathBuf::from(&program),
        why,
    })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    eprint!("{}", String::from_utf8_lossy(&output.stdout));
    Err(BuildError::Failed { program })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_a_project_and_one_without_a_toolchain_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let error = build(folder.path(), "release").unwrap_err();
        assert_eq!(error.code(), code::NOT_A_PROJECT);
        std::fs::write(folder.path().join("pyproject.toml"), "[project]\n").unwrap();
        let error = build(folder.path(), "release").unwrap_err();
        assert_eq!(error.code(), code::TOOLCHAIN_MISSING);
        assert!(
            error.to_string().contains("python3 -m venv .venv"),
            "{error}"
        );
    }
}

//! Python: componentize-py, in the connector's own virtual environment. It imports the
//! program once and keeps what it finds then, so that no instance imports anything again.

use super::wit::{self, WORLD};
use super::{BuildError, run, work, write};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What makes the virtual environment.
const INSTALL: &str = "python3 -m venv .venv\n.venv/bin/pip install -r requirements.txt";

/// Prints the project, and where its dependencies lie. The standard library of this Python is
/// left out: the component has one of its own.
const ASK: &str = r#"
import json, sys, sysconfig, tomllib
with open(sys.argv[1], "rb") as file:
    document = tomllib.load(file)
own = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
is_own = lambda path: path in own or path.endswith((".zip", "lib-dynload"))
project = document.get("project", {})
print(json.dumps({
    "name": project.get("name"),
    "version": project.get("version"),
    "connector": document.get("tool", {}).get("dowel", {}).get("connector"),
    "paths": [path for path in sys.path if path and not is_own(path)],
}))
"#;

#[derive(Deserialize)]
struct Project {
    name: Option<String>,
    version: Option<String>,
    connector: Option<String>,
    paths: Vec<String>,
}

pub(super) fn build(folder: &Path) -> Result<PathBuf, BuildError> {
    let programs = programs(folder);
    let componentize = programs.join("componentize-py");
    if !componentize
        .with_extension(std::env::consts::EXE_EXTENSION)
        .is_file()
    {
        return Err(BuildError::missing(folder, "componentize-py", INSTALL));
    }
    let project = ask(folder, &programs)?;
    let program = program(folder, &project)?;
    let work = work(folder)?;
    wit::write_to(&work.join("wit"))?;
    write(&work.join("dowel_app.py"), &program)?;
    let component = work.join("connector.wasm");
    let mut command = Command::new(componentize);
    command
        .current_dir(&work)
        .args([
            "--quiet",
            "-d",
            "wit",
            "-w",
            WORLD,
            "componentize",
            "dowel_app",
        ])
        .args(["-p", "."])
        .arg("-p")
        .arg(absolute(folder)?);
    for path in &project.paths {
        command.args(["-p", path]);
    }
    run(command.arg("-o").arg(&component))?;
    Ok(component)
}

/// The programs of the connector's virtual environment, or of the one that is active.
fn programs(folder: &Path) -> PathBuf {
    let own = folder.join(".venv");
    let venv = match std::env::var_os("VIRTUAL_ENV") {
        Some(active) if !own.is_dir() => PathBuf::from(active),
        _ => own,
    };
    let venv = venv.canonicalize().unwrap_or(venv);
    venv.join(if cfg!(windows) { "Scripts" } else { "bin" })
}

fn absolute(folder: &Path) -> Result<PathBuf, BuildError> {
    folder.canonicalize().map_err(|why| BuildError::File {
        path: folder.to_owned(),
        why,
    })
}

fn ask(folder: &Path, programs: &Path) -> Result<Project, BuildError> {
    let mut python = Command::new(programs.join("python"));
    python
        .args(["-I", "-c", ASK])
        .arg(folder.join("pyproject.toml"));
    let answer = run(&mut python)?;
    serde_json::from_slice(&answer)
        .map_err(|error| BuildError::project(folder, format!("pyproject.toml: {error}")))
}

/// The module that componentize-py begins with.
fn program(folder: &Path, project: &Project) -> Result<String, BuildError> {
    let lacks = |what: &str| BuildError::project(folder, format!("pyproject.toml has no {what}"));
    let name = project
        .name
        .as_deref()
        .ok_or_else(|| lacks("`project.name`"))?;
    let version = project.version.as_deref();
    let version = version.ok_or_else(|| lacks("`project.version`"))?;
    let place = project
        .connector
        .as_deref()
        .and_then(|text| text.split_once(':'));
    let place = place.filter(|(module, object)| is_path(module) && is_path(object));
    let what = "`tool.dowel.connector` such as \"module:connector\"";
    let (module, object) = place.ok_or_else(|| lacks(what))?;
    let name = name.strip_prefix("dowel-connector-").unwrap_or(name);
    // Texts of JSON are texts of Python.
    let (name, version) = (serde_json::json!(name), serde_json::json!(version));
    Ok(format!(
        "from dowel_sdk.guest import exports\n\
         import {module}\n\
         Operations, Sources, Describe = exports({module}.{object}, {name}, {version})\n"
    ))
}

/// Names with dots between them.
fn is_path(text: &str) -> bool {
    let name =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_');
    text.split('.').all(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(name: &str, connector: &str) -> Project {
        Project {
            name: Some(name.to_owned()),
            version: Some("0.1.0".to_owned()),
            connector: Some(connector.to_owned()),
            paths: Vec::new(),
        }
    }

    #[test]
    fn the_program_names_the_connector() {
        let folder = Path::new("x");
        let text = program(folder, &project("dowel-connector-crm", "a.b:c")).unwrap();
        assert!(text.contains("import a.b\n"), "{text}");
        assert!(text.contains(r#"exports(a.b.c, "crm", "0.1.0")"#), "{text}");
        for bad in ["a", "a:", ":c", "a:b()", "a b:c"] {
            let error = program(folder, &project("crm", bad)).unwrap_err();
            assert!(
                error.to_string().contains("tool.dowel.connector"),
                "{error}"
            );
        }
    }
}

//! JavaScript and TypeScript: componentize-qjs, from the connector's own `node_modules`. It
//! runs the modules once and keeps what they made, so that no instance starts an engine.

use super::wit::{self, WORLD};
use super::{BuildError, run, work, write};
use serde::Deserialize;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What brings the toolchain.
const INSTALL: &str = "npm install";

#[derive(Deserialize)]
struct Package {
    name: Option<String>,
    version: Option<String>,
    dowel: Option<Dowel>,
}

#[derive(Deserialize)]
struct Dowel {
    /// The module that exports `connector`, for TypeScript the one that is compiled.
    connector: String,
}

pub(super) fn build(folder: &Path) -> Result<PathBuf, BuildError> {
    let folder = folder.canonicalize().map_err(|why| BuildError::File {
        path: folder.to_owned(),
        why,
    })?;
    let program = program(&folder, &package(&folder)?)?;
    let componentize = tool(&folder, "componentize-qjs", "cli.mjs")?;
    if folder.join("tsconfig.json").is_file() {
        let tsc = tool(&folder, "typescript", "bin/tsc")?;
        node(&folder, &folder, |node| node.arg(tsc))?;
    }
    let work = work(&folder)?;
    wit::write_to(&work.join("wit"))?;
    write(&work.join("app.js"), &program)?;
    let component = work.join("connector.wasm");
    node(&folder, &work, |node| {
        node.arg(componentize)
            // Hosts call synchronous exports.
            .args(["--sync", "--wit", "wit", "-n", WORLD, "--js", "app.js"])
            .arg("--module-root")
            .arg(&folder)
            .arg("-o")
            .arg(&component)
    })?;
    Ok(component)
}

/// Runs a program of Node.js.
fn node(
    folder: &Path,
    inside: &Path,
    arguments: impl FnOnce(&mut Command) -> &mut Command,
) -> Result<(), BuildError> {
    let mut command = Command::new("node");
    match run(arguments(command.current_dir(inside))) {
        Ok(_) => Ok(()),
        Err(BuildError::File { .. }) => {
            let install = "install Node.js 20 or later, then\nnpm install";
            Err(BuildError::missing(folder, "node", install))
        }
        Err(error) => Err(error),
    }
}

/// A script of a package that is installed beside the connector.
fn tool(folder: &Path, package: &str, script: &str) -> Result<PathBuf, BuildError> {
    let path = folder.join("node_modules").join(package).join(script);
    match path.is_file() {
        true => Ok(path),
        false => Err(BuildError::missing(folder, package, INSTALL)),
    }
}

fn package(folder: &Path) -> Result<Package, BuildError> {
    let path = folder.join("package.json");
    let text = std::fs::read(&path).map_err(|why| BuildError::File { path, why })?;
    serde_json::from_slice(&text)
        .map_err(|error| BuildError::project(folder, format!("package.json: {error}")))
}

/// The module that the engine begins with.
fn program(folder: &Path, package: &Package) -> Result<String, BuildError> {
    let lacks = |what: &str| BuildError::project(folder, format!("package.json has no {what}"));
    let name = package.name.as_deref().ok_or_else(|| lacks("`name`"))?;
    let version = package.version.as_deref();
    let version = version.ok_or_else(|| lacks("`version`"))?;
    let what = "`dowel.connector` such as \"src/connector.js\"";
    let dowel = package.dowel.as_ref().ok_or_else(|| lacks(what))?;
    let module = dowel.connector.trim_start_matches("./");
    if module.is_empty() || module.split('/').any(|part| part == "..") {
        return Err(lacks(what));
    }
    // A scope is the publisher's, and not part of the connector's name.
    let name = name.rsplit('/').next().unwrap_or(name);
    let name = name.strip_prefix("dowel-connector-").unwrap_or(name);
    // Texts of JSON are texts of JavaScript.
    let module = json!(format!("../../{module}"));
    let (name, version) = (json!(name), json!(version));
    Ok(format!(
        "import {{ exportsOf }} from \"dowel-sdk/guest\";\n\
         import {{ connector }} from {module};\n\
         export const {{ operations, sources, describe }} = exportsOf(connector, {name}, {version});\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_names_the_connector() {
        let folder = Path::new("x");
        let read = |text: &str| program(folder, &serde_json::from_str(text).unwrap());
        let text = r#"{ "name": "@acme/dowel-connector-crm", "version": "0.1.0", "dowel": { "connector": "./dist/a.js" } }"#;
        let text = read(text).unwrap();
        assert!(text.contains(r#"from "../../dist/a.js";"#), "{text}");
        assert!(
            text.contains(r#"exportsOf(connector, "crm", "0.1.0")"#),
            "{text}"
        );
        for (bad, what) in [
            (r#"{ "version": "1" }"#, "`name`"),
            (r#"{ "name": "x" }"#, "`version`"),
            (r#"{ "name": "x", "version": "1" }"#, "`dowel.connector`"),
            (
                r#"{ "name": "x", "version": "1", "dowel": { "connector": "../x.js" } }"#,
                "`dowel.connector`",
            ),
        ] {
            let error = read(bad).unwrap_err();
            assert!(error.to_string().contains(what), "{error}");
        }
    }
}

//! `docs/connectors/*.md` are made from the manifests of the built connectors.

use crate::pages::root;
use std::fs;
use std::process::Command;

/// Set to write the pages instead of comparing them.
const UPDATE: &str = "UPDATE_EXPECT";

pub(crate) fn check() {
    let built = root().join(".dowel/connectors");
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("connectors")).unwrap() {
        let path = entry.unwrap().path();
        if path.join("Cargo.toml").is_file() {
            names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
    }
    names.sort();
    for name in names {
        let component = built.join(format!("{name}-{}.wasm", env!("CARGO_PKG_VERSION")));
        assert!(
            component.is_file(),
            "the connectors are not built: run `cargo xtask guests`"
        );
        let output = Command::new(env!("CARGO_BIN_EXE_dowel"))
            .args(["connector", "docs"])
            .arg(&component)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let page = String::from_utf8(output.stdout).unwrap();
        let path = root().join(format!("docs/connectors/{name}.md"));
        if std::env::var_os(UPDATE).is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &page).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == page,
            "docs/connectors/{name}.md is not what the manifest says: run this test with {UPDATE}=1"
        );
    }
}

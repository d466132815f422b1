//! Connectors made of OpenAPI documents, and made again when the document has changed.

use crate::connector_tools::{good, run, shown};
use crate::world::repository;
use serde_json::Value;
use std::fs;

const STOCK: &str = "host/openapi/tests/documents/stock.yaml";

#[test]
fn a_changed_document_is_a_change_with_a_class() {
    let folder = tempfile::tempdir().unwrap();
    let (document, out) = (
        folder.path().join("stock.yaml"),
        folder.path().join("stock"),
    );
    let text = fs::read_to_string(repository().join(STOCK)).unwrap();
    fs::write(&document, &text).unwrap();
    let sdk = repository().join("sdk/rust");
    let command = [
        "from-openapi",
        shown(&document),
        "--out",
        shown(&out),
        "--sdk",
        shown(&sdk),
    ];
    let only = [&command[..], &["--only", "type,articles"]].concat();
    let made = good(&only);
    assert!(made.contains("9 operation(s)"), "{made}");
    let same = good(&command);
    assert!(same.contains("the files are up to date"), "{same}");

    // A new field of an answer, and one that may be left out from now on.
    let wider = text
        .replace(
            "price: { type: number }",
            "price: { type: number }\n            stock: { type: integer }",
        )
        .replace("[name, price]", "[name]");
    fs::write(&document, &wider).unwrap();
    let (said, code) = run(&command);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("the input of `create-article`: `/body/stock`"),
        "{said}"
    );
    assert!(
        said.contains("breaking: a major version is due, 0.2.0"),
        "{said}"
    );
    assert!(said.contains("nothing is written yet"), "{said}");
    assert!(
        fs::read_to_string(out.join("Cargo.toml"))
            .unwrap()
            .contains("\"0.1.0\"")
    );

    // What is changed by hand stays.
    let readme = fs::read_to_string(out.join("README.md")).unwrap();
    fs::write(out.join("README.md"), "Ours.\n").unwrap();
    let updated = good(&[&command[..], &["--update"]].concat());
    assert!(
        updated.contains("kept     README.md") && updated.contains("written"),
        "{updated}"
    );
    assert_eq!(
        fs::read_to_string(out.join("README.md")).unwrap(),
        "Ours.\n"
    );
    assert_ne!(
        fs::read_to_string(out.join("README.md.new")).unwrap(),
        readme
    );
    assert!(
        fs::read_to_string(out.join("Cargo.toml"))
            .unwrap()
            .contains("\"0.2.0\"")
    );
    assert!(
        fs::read_to_string(out.join("src/types.rs"))
            .unwrap()
            .contains("stock: Option<i64>")
    );
    let same = good(&command);
    assert!(same.contains("the files are up to date"), "{same}");

    // Files that are needed no longer go; a new operation is compatible, unless it has to be
    // granted.
    let more = wider.replace("operationId: counts", "operationId: tallies");
    fs::write(&document, &more).unwrap();
    let (said, code) = run(&[&command[..], &["--format", "json"]].concat());
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (code, said["class"].as_str()),
        (1, Some("breaking")),
        "{said}"
    );
    assert_eq!(said["files"]["cases/counts.yaml"], "removed", "{said}");
    let wider = wider.replace("  /files:", "  /articles/all:\n    delete: { tags: [type], responses: { '204': { description: Well. } } }\n  /files:");
    fs::write(&document, &wider).unwrap();
    let (said, _) = run(&command);
    assert!(
        said.contains("compatible: a minor version is due, 0.2.1"),
        "{said}"
    );
    assert!(
        said.contains("minor    `delete-articles-all` is new"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_made_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("d.yaml");
    let out = folder.path().join("out");
    fs::write(&document, "swagger: '2.0'\n").unwrap();
    let command = ["from-openapi", shown(&document), "--out", shown(&out)];
    let (said, code) = run(&command);
    assert!(
        code == 3 && said.contains("DWL-6240") && said.contains("Swagger 2.0"),
        "{said}"
    );
    fs::create_dir(&out).unwrap();
    let (said, code) = run(&command);
    assert!(code == 3 && said.contains("DWL-6243"), "{said}");
}

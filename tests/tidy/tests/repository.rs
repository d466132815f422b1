//! The house rules, applied to the repository.

// The helpers beside the tests are test code as well.
#![allow(clippy::unwrap_used)]

use cargo_metadata::{Metadata, MetadataCommand};
use dowel_tidy::repository::{self, File};
use dowel_tidy::source::Source;
use dowel_tidy::{
    Violation, arrows, dependencies, error_pages, guarantees, leftovers, machines, places, sizes,
    unwraps,
};
use std::collections::BTreeMap;
use std::fs;

/// Set to write generated files instead of comparing them.
const UPDATE: &str = "UPDATE_EXPECT";

fn none(violations: impl IntoIterator<Item = Violation>) {
    let violations: Vec<Violation> = violations.into_iter().collect();
    let count = violations.len();
    assert!(count == 0, "{count} violations:\n{}", violations.join("\n"));
}

fn metadata() -> Metadata {
    let manifest = repository::root().join("Cargo.toml");
    let mut command = MetadataCommand::new();
    command
        .manifest_path(manifest)
        .other_options(["--offline".to_owned()]);
    command.exec().unwrap()
}

fn in_sources(files: &[File], rule: fn(&Source<'_>) -> Vec<Violation>) {
    none(
        files
            .iter()
            .filter_map(Source::parse)
            .flat_map(|source| rule(&source)),
    );
}

#[test]
fn dependencies_follow_the_arrows() {
    none(arrows::check(&arrows::Graph::of(&metadata())));
}

#[test]
fn every_dependency_has_a_reason() {
    let page = repository::root().join(dependencies::PAGE);
    let page = fs::read_to_string(page).unwrap_or_default();
    none(dependencies::check(
        &dependencies::direct(&metadata()),
        &page,
    ));
}

#[test]
fn files_and_functions_are_small() {
    let files = repository::files();
    let sources: Vec<Source<'_>> = files.iter().filter_map(Source::parse).collect();
    none(sizes::check(&sources, sizes::LONG_FUNCTIONS));
}

#[test]
fn nothing_is_left_over() {
    in_sources(&repository::files(), leftovers::check);
}

#[test]
fn unwraps_are_explained() {
    in_sources(&repository::files(), unwraps::check);
}

#[test]
fn no_machine_is_named() {
    none(repository::files().iter().flat_map(machines::check));
}

#[test]
fn the_top_level_is_the_map() {
    none(places::check(&repository::files()));
}

#[test]
fn every_error_code_has_its_page() {
    let folder = repository::root().join(error_pages::FOLDER);
    let wanted = error_pages::pages();
    if std::env::var_os(UPDATE).is_some() {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in &wanted {
            fs::write(folder.join(name), text).unwrap();
        }
    }
    let entries = fs::read_dir(&folder).into_iter().flatten();
    let found: BTreeMap<String, String> = entries
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read_to_string(entry.path()).unwrap())
        })
        .collect();
    none(error_pages::check(&wanted, &found));
}

#[test]
fn every_guarantee_names_tests_that_exist() {
    none(guarantees::check(&repository::files()));
}

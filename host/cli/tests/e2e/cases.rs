//! Plays the scenarios of `tests/cases`: one folder each, no Rust needed to add one.

use crate::world::{HOOK_TOKEN, Host, World, eventually, repository};
use dowel_core::JsonText;
use dowel_testkit::flow_test::holds;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Plays one scenario alone.
const ONLY: &str = "DOWEL_CASE";

/// The shop's address in environments.
const SHOP: &str = "127.0.0.1:9100";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scenario_comes_out_as_it_says() {
    let root = repository().join("tests/cases");
    let mut folders: Vec<PathBuf> = fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    if let Ok(only) = std::env::var(ONLY) {
        folders.retain(|folder| folder.file_name().is_some_and(|name| name == only.as_str()));
    }
    assert!(!folders.is_empty(), "there is no such scenario");
    for folder in folders {
        Scenario::start(&folder).await.play().await;
    }
}

struct Scenario {
    name: String,
    script: JsonText,
    world: World,
    repository: PathBuf,
    host: Option<Host>,
    /// The runs that were begun.
    runs: Vec<String>,
    /// Everything that was shown, with where.
    shown: Vec<(String, String)>,
}

/// A field of a document; `null` if it is absent.
fn field(json: &JsonText, name: &str) -> JsonText {
    let fields = json.fields().unwrap_or_default();
    let found = fields.into_iter().find(|(other, _)| other == name);
    found.map_or_else(JsonText::null, |(_, value)| value)
}

fn text(json: &JsonText) -> String {
    json.as_string().unwrap_or_else(|| json.to_string())
}

fn json(text: &str) -> JsonText {
    JsonText::parse(text).unwrap_or_else(|_| JsonText::string(text))
}

impl Scenario {
    async fn start(folder: &Path) -> Self {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let file = folder.join("scenario.yaml");
        let script = fs::read_to_string(&file).unwrap();
        let script = dowel_flow::document::read(&file.display().to_string(), &script);
        let script = script.unwrap_or_else(|found| panic!("{name}: {found:?}"));
        let world = World::start().await;
        let target = world.folder.path().join("repository");
        let own = folder.join("flows").is_dir();
        let (from, environment) = if own {
            (folder.to_owned(), "environment.yaml")
        } else {
            (repository(), "environments/dev.yaml")
        };
        copy(&from.join("flows"), &target.join("flows"));
        let policy = from.join("policy.yaml");
        if policy.is_file() {
            fs::copy(policy, target.join("policy.yaml")).unwrap();
        }
        let environment = fs::read_to_string(from.join(environment)).unwrap();
        let environment = environment.replace(SHOP, &world.shop.addr.to_string());
        fs::write(world.folder.path().join("dev.yaml"), environment).unwrap();
        let mut scenario = Self {
            name,
            script,
            world,
            repository: target,
            host: None,
            runs: Vec::new(),
            shown: Vec::new(),
        };
        scenario.host = Some(scenario.serve());
        scenario
    }

    fn serve(&self) -> Host {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dowel"));
        self.world.arguments_in(&self.repository, &mut command);
        Host::spawn(command)
    }

    fn host(&self) -> &Host {
        self.host.as_ref().unwrap()
    }

    async fn play(mut self) {
        let steps = field(&self.script, "steps").items().unwrap();
        for (index, step) in steps.iter().enumerate() {
            let place = format!("{}: steps[{index}]", self.name);
            let (kind, value) = step.fields().unwrap().remove(0);
            match kind.as_str() {
                "post" | "run" => self.request(&kind, &text(&value), step, &place).await,
                "switches" => {
                    let switches = serde_json::from_str(value.as_str());
                    self.world.shop.set_switches(switches.unwrap());
                }
                "settled" => self.settled().await,
                "waiting" => self.waiting(&text(&value)).await,
                "host" => {
                    let host = self.host.take().unwrap();
                    match text(&value).as_str() {
                        "kill" => host.kill(),
                        "stop" => assert_eq!(host.terminate(), Some(0), "{place}"),
                        other => panic!("{place}: `{other}` is neither kill nor stop"),
                    }
                    self.host = Some(self.serve());
                }
                "dowel" => self.command(&value, step, &place),
                other => panic!("{place}: there is no step `{other}`"),
            }
        }
        self.settled().await;
        self.judge().await;
    }

    /// The text with the ids of the runs in the place of `$0`, `$1`, …
    fn filled(&self, text: &str) -> String {
        let mut filled = text.to_owned();
        for (index, run) in self.runs.iter().enumerate().rev() {
            filled = filled.replace(&format!("${index}"), run);
        }
        filled
    }

    fn check(&self, expected: &JsonText, actual: &JsonText, place: &str) {
        let expected = json(&self.filled(expected.as_str()));
        assert!(
            holds(&expected, actual),
            "{place}\n  expected {expected}\n  came     {actual}"
        );
    }

    async fn request(&mut self, kind: &str, target: &str, step: &JsonText, place: &str) {
        let host = self.host();
        let mut request = match kind {
            "post" => self
                .world
                .http
                .post(format!("{}/hooks{target}", host.public)),
            _ => {
                let url = format!("{}/api/v1/flows/{target}/runs", host.admin);
                host.api.post(url)
            }
        };
        let has_token = step
            .fields()
            .unwrap()
            .iter()
            .all(|(name, _)| name != "token");
        if has_token && kind == "post" {
            request = request.bearer_auth(HOOK_TOKEN);
        }
        for (name, value) in field(step, "headers").fields().unwrap_or_default() {
            request = request.header(name, text(&value));
        }
        let body = field(step, "body").to_string();
        let request = request
            .header("content-type", "application/json")
            .body(body);
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.text().await.unwrap();
        let location = headers.get("location").map(|value| value.to_str().unwrap());
        let begun = location.and_then(|location| location.rsplit('/').next());
        if let Some(run) = begun
            && !self.runs.iter().any(|known| known == run)
        {
            self.runs.push(run.to_owned());
        }
        let expected = field(step, "expect");
        for (name, value) in expected.fields().unwrap_or_default() {
            match name.as_str() {
                "status" => assert_eq!(text(&value), status.to_string(), "{place}: {body}"),
                "body" => self.check(&value, &json(&body), place),
                "headers" => {
                    for (name, value) in value.fields().unwrap_or_default() {
                        let came = headers.get(&name).map(|value| value.to_str().unwrap());
                        self.check(&value, &JsonText::string(came.unwrap_or("")), place);
                    }
                }
                other => panic!("{place}: a request expects no `{other}`"),
            }
        }
        if status >= 400 {
            self.shown.push((place.to_owned(), body));
        }
    }

    async fn settled(&self) {
        for run in &self.runs {
            self.world.settled(self.host(), run).await;
        }
    }

    async fn waiting(&self, status: &str) {
        let path = format!("/api/v1/runs/{}", self.runs.last().unwrap());
        let has_status = async || {
            let (_, story) = self.world.get(self.host(), &path).await;
            let story: Value = serde_json::from_str(&story).unwrap();
            (story["status"] == status).then_some(())
        };
        eventually(&format!("{}: {status}", self.name), has_status).await;
    }

    fn command(&mut self, arguments: &JsonText, step: &JsonText, place: &str) {
        let arguments = arguments.items().unwrap();
        let arguments = arguments
            .iter()
            .map(|argument| self.filled(&text(argument)));
        let output = Command::new(env!("CARGO_BIN_EXE_dowel"))
            .args(arguments)
            .args(["--host", &self.host().socket, "--format", "json"])
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        for (name, value) in field(step, "expect").fields().unwrap_or_default() {
            match name.as_str() {
                "exit" => {
                    let code = output.status.code().unwrap().to_string();
                    assert_eq!(text(&value), code, "{place}: {printed}{errors}");
                }
                "output" => self.check(&value, &json(printed.trim()), place),
                other => panic!("{place}: a command expects no `{other}`"),
            }
        }
        self.shown.push((place.to_owned(), printed + &errors));
    }

    async fn judge(mut self) {
        let expect = field(&self.script, "expect");
        let stories = field(&expect, "runs").items().unwrap_or_default();
        assert_eq!(stories.len(), self.runs.len(), "{}: runs", self.name);
        for (index, expected) in stories.iter().enumerate() {
            let run = self.runs[index].clone();
            let place = format!("{}: expect.runs[{index}]", self.name);
            let mut documents = Vec::new();
            for what in ["", "/journal"] {
                let path = format!("/api/v1/runs/{run}{what}");
                documents.push(self.world.get(self.host(), &path).await.1);
            }
            self.check(expected, &by_path(&json(&documents[0])), &place);
            let shown = documents.into_iter().map(|text| (place.clone(), text));
            self.shown.extend(shown);
        }
        let place = format!("{}: expect", self.name);
        let ledger = serde_json::to_string(&self.world.shop.ledger()).unwrap();
        self.check(&or_empty(field(&expect, "ledger")), &json(&ledger), &place);
        let calls = self.world.shop.calls();
        for (call, count) in field(&expect, "calls").fields().unwrap_or_default() {
            let made = calls
                .iter()
                .filter(|made| format!("{} {}", made.method, made.path) == call);
            assert_eq!(text(&count), made.count().to_string(), "{place}: {call}");
        }
        for hidden in field(&expect, "hidden").items().unwrap_or_default() {
            let hidden = text(&hidden);
            for (place, shown) in &self.shown {
                assert!(
                    !shown.contains(&hidden),
                    "{place} shows `{hidden}`: {shown}"
                );
            }
        }
    }
}

fn or_empty(json: JsonText) -> JsonText {
    if json.is_null() {
        JsonText::object([])
    } else {
        json
    }
}

/// The story with its steps as a map by path.
fn by_path(story: &JsonText) -> JsonText {
    let mut fields = story.fields().unwrap();
    for (name, value) in &mut fields {
        if name == "steps" {
            let steps = value.items().unwrap();
            let paths: Vec<String> = steps
                .iter()
                .map(|step| text(&field(step, "path")))
                .collect();
            let named = paths.iter().map(String::as_str).zip(&steps);
            *value = JsonText::object(named);
        }
    }
    JsonText::object(fields.iter().map(|(name, value)| (name.as_str(), value)))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

//! The files that new repositories and new flows begin with.

use dowel_core::FlowName;

/// The name in the templates that is replaced by the flow's.
const NAME: &str = "NAME";

/// The same for who answers for it.
const OWNER: &str = "OWNER";

/// A file: its path and its text.
pub(crate) type File = (String, String);

/// What a new flow begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Template {
    /// Takes payloads over HTTP.
    #[default]
    Webhook,
    /// Runs by the clock.
    Schedule,
    /// Takes events of other flows.
    Event,
}

macro_rules! template {
    ($path:literal) => {
        include_str!(concat!("../templates/", $path))
    };
}

impl Template {
    const fn files(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Webhook => &[
                ("flow.yaml", template!("webhook/flow.yaml")),
                ("flow.test.yaml", template!("webhook/flow.test.yaml")),
                (
                    "schemas/order.json",
                    template!("webhook/schemas/order.json"),
                ),
                ("runbook.md", template!("runbook.md")),
            ],
            Self::Schedule => &[
                ("flow.yaml", template!("schedule/flow.yaml")),
                ("flow.test.yaml", template!("schedule/flow.test.yaml")),
                ("runbook.md", template!("runbook.md")),
            ],
            Self::Event => &[
                ("flow.yaml", template!("event/flow.yaml")),
                ("flow.test.yaml", template!("event/flow.test.yaml")),
                ("runbook.md", template!("runbook.md")),
            ],
        }
    }
}

/// The files of a new flow.
pub(crate) fn flow(name: &FlowName, owner: &str, template: Template) -> Vec<File> {
    let files = template.files().iter();
    files
        .map(|(path, text)| {
            let text = text.replace(NAME, name.as_str()).replace(OWNER, owner);
            (format!("flows/{name}/{path}"), text)
        })
        .collect()
}

/// The files of a new repository, besides those of its first flow.
pub(crate) fn repository(first: &FlowName) -> Vec<File> {
    let files = [
        ("environments/dev.yaml", template!("init/dev.yaml")),
        ("environments/staging.yaml", template!("init/staging.yaml")),
        ("environments/prod.yaml", template!("init/prod.yaml")),
        ("policy.yaml", template!("init/policy.yaml")),
        (".github/workflows/dowel.yml", template!("init/github.yml")),
        (".gitlab-ci.yml", template!("init/gitlab.yml")),
        (".gitignore", template!("init/gitignore")),
    ];
    let files = files.into_iter();
    files
        .map(|(path, text)| (path.to_owned(), text.replace(NAME, first.as_str())))
        .collect()
}

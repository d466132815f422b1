//! Where the values of secrets come from.

use crate::diagnostic::Report;
use crate::surface::secrets::{SecretsFile, VaultFile};
use dowel_core::code::flow as code;
use dowel_core::code::reference::NO_SECRET_SOURCE;
use dowel_core::secret::{AgeSource, FolderSource, SecretSources, VariableSource, VaultSource};

/// Outer `None`: the section is there and wrong.
pub(super) fn sources(
    file: Option<&SecretsFile>,
    report: &mut Report,
) -> Option<Option<SecretSources>> {
    let Some(file) = file else {
        return Some(None);
    };
    let sources = SecretSources {
        environment: file.environment.as_ref().map(|written| VariableSource {
            prefix: written.prefix.as_ref().map(|prefix| prefix.0.clone()),
        }),
        age: file.age.as_ref().map(|written| AgeSource {
            file: written.file.0.clone(),
            identity_file: written.identity_file.0.clone(),
            recipients: written
                .recipients
                .iter()
                .flatten()
                .map(|recipient| recipient.0.clone())
                .collect(),
        }),
        files: file.files.as_ref().map(|written| FolderSource {
            folder: written.folder.0.clone(),
        }),
        vault: file.vault.as_ref().map(|written| vault(written, report)),
    };
    if sources == SecretSources::default() {
        let message = "`secrets` names no place: `environment`, `age`, `files` or `vault`";
        report.error(NO_SECRET_SOURCE, file.span, message);
        return None;
    }
    Some(Some(sources))
}

fn vault(written: &VaultFile, report: &mut Report) -> VaultSource {
    let url = &written.url;
    if url.value.is_exposed {
        let message = "everybody on the way to this server could read the secrets";
        let found = report.error(code::EXPOSED_ORIGIN, url.span, message);
        found.help("use https");
    }
    let text = |text: &Option<crate::shape::Text>| text.as_ref().map(|text| text.0.clone());
    VaultSource {
        url: url.value.text.clone(),
        mount: text(&written.mount),
        path: text(&written.path),
        token_file: written.token_file.0.clone(),
        namespace: text(&written.namespace),
    }
}

//! `dowel connector sign` and `dowel connector publish`.

use crate::args::{ConnectorPublish, ConnectorSign, Format};
use crate::lock::{Signature, SigningKey, TRUST_FILE, signature_file};
use crate::registry::{About, Reference, Registry};
use crate::{exit, fetch, output};
use anyhow::{Context as _, Result, bail};
use dowel_wasm::package::{self, Inspection};
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;

pub(crate) fn sign(sign: &ConnectorSign, format: Format) -> Result<ExitCode> {
    let (_, inspection) = read(&sign.component)?;
    let key = SigningKey::read(&sign.key)?;
    let signature = key.sign(inspection.digest);
    let path = signature_file(&sign.component);
    std::fs::write(
        &path,
        format!("{}\n", serde_json::to_string_pretty(&signature)?),
    )
    .with_context(|| format!("cannot write {}", path.display()))?;
    let human = format!(
        "{} signed\nWho trusts this key writes it into {TRUST_FILE}:\n  signers: {{ <name>: '{}' }}",
        path.display(),
        key.public()
    );
    let value = json!({ "file": path, "key": key.public(), "digest": inspection.digest });
    output::print(format, &value, &human)?;
    Ok(exit::found(false))
}

pub(crate) async fn publish(publish: &ConnectorPublish, format: Format) -> Result<ExitCode> {
    let (component, inspection) = read(&publish.component)?;
    let signature = Signature::beside(&publish.component)?;
    if signature
        .as_ref()
        .is_some_and(|one| !one.holds(inspection.digest))
    {
        let path = signature_file(&publish.component);
        bail!(
            "{} is not a signature of this component: sign it again",
            path.display()
        );
    }
    let source = if Reference::is_one(&publish.target) {
        to_registry(&publish.target, &component, &inspection, signature.as_ref()).await?
    } else {
        to_folder(
            Path::new(&publish.target),
            &component,
            &inspection,
            signature.as_ref(),
        )?
    };
    let manifest = &inspection.manifest;
    let human = format!(
        "{} {} published{}\n  dowel connector add {source}",
        manifest.name,
        manifest.version,
        if signature.is_some() { ", signed" } else { "" }
    );
    let value = json!({
        "source": source, "digest": inspection.digest, "signed": signature.is_some(),
    });
    output::print(format, &value, &human)?;
    Ok(exit::found(false))
}

fn read(path: &Path) -> Result<(Vec<u8>, Inspection)> {
    let component =
        std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    package::check(&component).with_context(|| path.display().to_string())?;
    let inspection = package::inspect(&component)?;
    Ok((component, inspection))
}

async fn to_registry(
    target: &str,
    component: &[u8],
    inspection: &Inspection,
    signature: Option<&Signature>,
) -> Result<String> {
    let reference = Reference::parse(target)?;
    if reference.digest.is_some() {
        bail!("give a tag to publish under: the digest comes of what is published");
    }
    let manifest = &inspection.manifest;
    let about = About {
        name: manifest.name.as_str(),
        version: &manifest.version.to_string(),
        summary: &manifest.summary,
        signature,
    };
    let pinned = Registry::new(&reference)?.push(component, &about).await?;
    Ok(reference.pinned(pinned).to_string())
}

fn to_folder(
    folder: &Path,
    component: &[u8],
    inspection: &Inspection,
    signature: Option<&Signature>,
) -> Result<String> {
    let manifest = &inspection.manifest;
    let path = folder.join(format!("{}-{}.wasm", manifest.name, manifest.version));
    fetch::write(&path, component)?;
    if let Some(signature) = signature {
        std::fs::write(
            signature_file(&path),
            serde_json::to_string_pretty(signature)?,
        )?;
    }
    Ok(path.display().to_string())
}

//! OCI registries (OCI Distribution Specification 1.1): connectors as artifacts of one
//! layer, as the Wasm OCI artifact layout has it.

mod auth;
mod cache;
mod reference;

pub(crate) use cache::{Artifact, Cache};
pub(crate) use reference::Reference;

use crate::lock::Signature;
use anyhow::{Context as _, Result, anyhow, bail};
use auth::Authorization;
use dowel_core::Digest;
use reqwest::{Method, Response, StatusCode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Media types of the manifest, of the configuration and of the component.
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.wasm.config.v0+json";
const COMPONENT: &str = "application/wasm";

/// Annotations that carry the signature.
const SIGNER: &str = "dev.dowel.signer";
const SIGNATURE: &str = "dev.dowel.signature";

/// The largest manifest that is read, in bytes: the limit that registries have.
const MAX_MANIFEST_BYTES: usize = 4 << 20;

/// Uploads take as long as a slow line needs for 128 MiB.
const TIMEOUT: Duration = Duration::from_secs(600);

/// A manifest, as far as it is used.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u32,
    #[serde(default)]
    media_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    config: Descriptor,
    layers: Vec<Descriptor>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: Digest,
    size: usize,
}

impl Descriptor {
    fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: Digest::of(bytes),
            size: bytes.len(),
        }
    }
}

/// A connector of a registry.
pub(crate) struct Pulled {
    pub(crate) component: Vec<u8>,
    pub(crate) signature: Option<Signature>,
    /// Digest of the artifact's manifest: what a reference is pinned by.
    pub(crate) pinned: Digest,
}

/// What is published beside the component.
pub(crate) struct About<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) summary: &'a str,
    pub(crate) signature: Option<&'a Signature>,
}

/// One repository of a registry.
pub(crate) struct Registry<'a> {
    client: reqwest::Client,
    reference: &'a Reference,
    authorization: Authorization,
}

impl<'a> Registry<'a> {
    pub(crate) fn new(reference: &'a Reference) -> Result<Self> {
        let client = reqwest::Client::builder()
            .user_agent(concat!("dowel/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT)
            .build()?;
        Ok(Self {
            client,
            reference,
            authorization: Authorization::default(),
        })
    }

    /// Publishes a component; the digest of the artifact.
    pub(crate) async fn push(&mut self, component: &[u8], about: &About<'_>) -> Result<Digest> {
        let config = br#"{"architecture":"wasm","os":"wasip2"}"#;
        self.push_blob(config).await?;
        self.push_blob(component).await?;
        let mut annotations = BTreeMap::new();
        for (name, value) in [
            ("org.opencontainers.image.title", about.name),
            ("org.opencontainers.image.version", about.version),
            ("org.opencontainers.image.description", about.summary),
        ] {
            annotations.insert(name.to_owned(), value.to_owned());
        }
        if let Some(signature) = about.signature {
            annotations.insert(SIGNER.to_owned(), signature.key.clone());
            annotations.insert(SIGNATURE.to_owned(), signature.value.clone());
        }
        let manifest = serde_json::to_vec(&Manifest {
            schema_version: 2,
            media_type: MANIFEST.to_owned(),
            artifact_type: Some(CONFIG.to_owned()),
            config: Descriptor::of(CONFIG, config),
            layers: vec![Descriptor::of(COMPONENT, component)],
            annotations,
        })?;
        let path = format!("manifests/{}", self.reference.tag());
        let answer = self
            .send(
                Method::PUT,
                &self.reference.url(&path),
                Some((MANIFEST, &manifest)),
            )
            .await?;
        expect(answer, StatusCode::CREATED, "takes the artifact").await?;
        Ok(Digest::of(&manifest))
    }

    async fn push_blob(&mut self, bytes: &[u8]) -> Result<()> {
        let digest = Digest::of(bytes);
        let there = self.reference.url(&format!("blobs/{digest}"));
        let answer = self.send(Method::HEAD, &there, None).await?;
        if answer.status() == StatusCode::OK {
            return Ok(());
        }
        let begin = self.reference.url("blobs/uploads/");
        let answer = self.send(Method::POST, &begin, None).await?;
        let answer = expect(answer, StatusCode::ACCEPTED, "takes uploads").await?;
        let location = answer.headers().get("location");
        let location = location
            .and_then(|value| value.to_str().ok())
            .context("the registry does not say where to upload to")?;
        // The location may be relative, and has its own query.
        let mut url = answer.url().join(location)?;
        url.query_pairs_mut()
            .append_pair("digest", &digest.to_string());
        let kind = "application/octet-stream";
        let answer = self
            .send(Method::PUT, url.as_str(), Some((kind, bytes)))
            .await?;
        expect(answer, StatusCode::CREATED, "takes the component").await?;
        Ok(())
    }

    /// Fetches a component, and checks every digest on the way.
    pub(crate) async fn pull(&mut self) -> Result<Pulled> {
        let path = format!("manifests/{}", self.reference.pin_or_tag());
        let answer = self
            .send(Method::GET, &self.reference.url(&path), None)
            .await?;
        let answer = expect(answer, StatusCode::OK, "has the artifact").await?;
        let text = body(answer, MAX_MANIFEST_BYTES).await?;
        let pinned = Digest::of(&text);
        if let Some(wanted) = self.reference.digest
            && wanted != pinned
        {
            bail!("the registry answered with an artifact of the digest {pinned}, not {wanted}");
        }
        let manifest: Manifest =
            serde_json::from_slice(&text).context("the registry's artifact cannot be read")?;
        let mut layers = manifest.layers.iter();
        let layer = layers.find(|layer| layer.media_type == COMPONENT);
        let layer = layer.context("the artifact is no Wasm component")?;
        if layer.size > dowel_wasm::package::MAX_COMPONENT_BYTES {
            bail!("the component has {} bytes, which is too large", layer.size);
        }
        let there = self.reference.url(&format!("blobs/{}", layer.digest));
        let answer = self.send(Method::GET, &there, None).await?;
        let answer = expect(answer, StatusCode::OK, "has the component").await?;
        let component = body(answer, layer.size).await?;
        let found = Digest::of(&component);
        if found != layer.digest {
            bail!(
                "the registry answered with a component of the digest {found}, not {}",
                layer.digest
            );
        }
        let annotation = |name: &str| manifest.annotations.get(name).cloned();
        let signature = annotation(SIGNER).zip(annotation(SIGNATURE));
        Ok(Pulled {
            component,
            signature: signature.map(|(key, value)| Signature { key, value }),
            pinned,
        })
    }

    /// Sends a request; once more with a credential if the registry asks for one.
    async fn send(
        &mut self,
        method: Method,
        url: &str,
        body: Option<(&str, &[u8])>,
    ) -> Result<Response> {
        let answer = self.send_once(method.clone(), url, body).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let challenge = answer.headers().get("www-authenticate").cloned();
        let challenge = challenge.as_ref().and_then(|value| value.to_str().ok());
        let asked = self.reference;
        self.authorization
            .answer(&self.client, asked, challenge.unwrap_or_default())
            .await?;
        self.send_once(method, url, body).await
    }

    async fn send_once(
        &self,
        method: Method,
        url: &str,
        body: Option<(&str, &[u8])>,
    ) -> Result<Response> {
        let request = self.client.request(method, url).header("accept", MANIFEST);
        let mut request = self.authorization.add(request);
        if let Some((kind, bytes)) = body {
            request = request.header("content-type", kind).body(bytes.to_vec());
        }
        request.send().await.map_err(|error| {
            anyhow!(
                "the registry {} cannot be reached: {}",
                self.reference.host,
                why(&error)
            )
        })
    }
}

/// The innermost reason: the outer ones only repeat the URL.
fn why(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => why(source),
        None => error.to_string(),
    }
}

async fn expect(answer: Response, status: StatusCode, what: &str) -> Result<Response> {
    if answer.status() == status {
        return Ok(answer);
    }
    let found = answer.status();
    let text = body(answer, 64 << 10).await.unwrap_or_default();
    let told: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    let told = told["errors"][0]["message"].as_str().unwrap_or_default();
    bail!("the registry does not say that it {what}: {found} {told}")
}

async fn body(mut answer: Response, limit: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer
        .chunk()
        .await
        .context("the registry's answer broke off")?
    {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > limit {
            bail!("the registry's answer is longer than it may be");
        }
    }
    Ok(bytes)
}

//! `dowel login` and `dowel logout`: a token for this user, confirmed in the browser.

use crate::args::{Format, Host, Login};
use crate::client::{Address, Client};
use crate::logins::{Login as Kept, Logins};
use crate::{exit, output};
use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::{Value, json};
use std::io::Read as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The longest time that this program waits for a person.
const PATIENCE: Duration = Duration::from_secs(600);

/// The longest token on standard input, in bytes.
const MAX_TOKEN: u64 = 1_000;

pub(crate) async fn login(login: &Login, format: Format) -> Result<ExitCode> {
    let Address::Url(url) = Address::of(&login.host)? else {
        bail!(
            "this program runs beside the host's data folder and needs no login: `dowel access me`"
        );
    };
    let kept = match login.with_token {
        true => with_token(&url).await?,
        false => in_browser(&login.host, &url).await?,
    };
    let value = json!({ "host": url, "user": kept.user, "expires_at": kept.expires_at });
    let line = format!("signed in at {url} as {}", kept.user);
    let mut logins = Logins::load()?;
    logins.hosts.insert(url.clone(), kept);
    logins.current = Some(url);
    logins.save()?;
    output::print(format, &value, &line)?;
    Ok(exit::found(false))
}

/// A token that a person has, if the host takes it.
async fn with_token(url: &str) -> Result<Kept> {
    let mut token = String::new();
    std::io::stdin()
        .take(MAX_TOKEN)
        .read_to_string(&mut token)?;
    let token = token.trim().to_owned();
    let me = reqwest::Client::builder().no_proxy().build()?;
    let request = me.get(format!("{url}/api/v1/me")).bearer_auth(&token);
    let response = request
        .send()
        .await
        .with_context(|| format!("no host answers at {url}"))?;
    let status = response.status();
    let answer: Value = serde_json::from_str(&response.text().await?).unwrap_or_default();
    if !status.is_success() {
        let detail = answer["detail"].as_str().unwrap_or_default();
        bail!("the host answered {status}: {detail}");
    }
    let user = answer["id"].as_str().unwrap_or_default().to_owned();
    Ok(Kept {
        user,
        token,
        expires_at: "-".to_owned(),
    })
}

/// Asks for a token and waits until a person has confirmed it.
#[allow(clippy::print_stderr)] // This is where the program talks to the person who runs it.
async fn in_browser(host: &Host, url: &str) -> Result<Kept> {
    let client = Client::anonymous(host)?;
    let begun = client.post("/api/v1/login/device", String::new()).await?;
    let begun: Value = serde_json::from_str(&begun)?;
    let field = |name: &str| {
        let text = begun[name].as_str();
        text.ok_or_else(|| anyhow!("the host's answer has no `{name}`"))
    };
    eprintln!(
        "Open {url}{} and confirm the code {}",
        field("page")?,
        field("code")?
    );
    let every = Duration::from_secs(begun["interval_s"].as_u64().unwrap_or(2).max(1));
    let body = json!({ "secret": field("secret")? }).to_string();
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        let path = "/api/v1/login/device/token";
        if let Some(given) = client.post_until_done(path, body.clone()).await? {
            let given: Value = serde_json::from_str(&given)?;
            let text = |name: &str| given[name].as_str().unwrap_or_default().to_owned();
            return Ok(Kept {
                user: text("user"),
                token: text("token"),
                expires_at: text("expires_at"),
            });
        }
        tokio::time::sleep(every).await;
    }
    bail!("nobody has confirmed the login in time")
}

/// Forgets the login, and revokes its token where the host can be reached.
pub(crate) async fn logout(host: &Host, format: Format) -> Result<ExitCode> {
    let mut logins = Logins::load()?;
    let url = match (&host.host, &logins.current) {
        (Some(named), _) => named.trim_end_matches('/').to_owned(),
        (None, Some(current)) => current.clone(),
        (None, None) => bail!("nobody is signed in"),
    };
    let Some(kept) = logins.hosts.remove(&url) else {
        bail!("nobody is signed in at {url}");
    };
    let id = kept.token.split('_').nth(1).unwrap_or_default();
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(10))
        .build()?;
    let request = client.post(format!("{url}/api/v1/tokens/{id}/revoke"));
    let answer = request.bearer_auth(&kept.token).send().await;
    let is_revoked = answer.is_ok_and(|answer| answer.status().is_success());
    if logins.current.as_ref() == Some(&url) {
        logins.current = None;
    }
    logins.save()?;
    let line = match is_revoked {
        true => format!("signed out at {url}"),
        false => format!(
            "the login at {url} is forgotten here; the host did not revoke its token {id}, which counts until {}",
            kept.expires_at
        ),
    };
    let value = json!({ "host": url, "user": kept.user, "revoked": is_revoked });
    output::print(format, &value, &line)?;
    Ok(exit::found(!is_revoked))
}

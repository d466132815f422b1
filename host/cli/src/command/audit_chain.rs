//! `dowel audit verify` and `dowel audit export`: the record as a whole.

use crate::args::{Format, Host};
use crate::client::Client;
use crate::{exit, output};
use anyhow::{Context as _, Result, anyhow, bail};
use dowel_core::Digest;
use dowel_core::code::access::AUDIT_BROKEN;
use dowel_engine::{Anchor, ChainBreak, check_entry};
use dowel_store_sled::{SledOptions, SledStore};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::ExitCode;

/// Where the record is.
pub(crate) struct Place<'a> {
    pub(crate) host: &'a Host,
    /// The data folder of a host that does not run.
    pub(crate) data: Option<&'a Path>,
    /// An export.
    pub(crate) file: Option<&'a Path>,
}

pub(crate) async fn verify(
    place: &Place<'_>,
    anchors: &[String],
    format: Format,
) -> Result<ExitCode> {
    let value = match (place.data, place.file) {
        (Some(folder), _) => stored(folder, &parsed(anchors)?).await?,
        (None, Some(file)) => exported(BufReader::new(open(file)?), &parsed(anchors)?)?,
        (None, None) => {
            parsed(anchors)?;
            let query = [("anchors", anchors.join(","))];
            let text = Client::new(place.host)?
                .get("/api/v1/audit/verify", &query)
                .await?;
            let text =
                text.context("the host cannot check its record: is it of another version?")?;
            serde_json::from_str(&text)?
        }
    };
    output::print(format, &value, &told(&value))?;
    Ok(exit::found(!value["broken"].is_null()))
}

fn open(path: &Path) -> Result<File> {
    File::open(path).with_context(|| format!("cannot read {}", path.display()))
}

fn told(value: &Value) -> String {
    let broken = &value["broken"];
    if broken.is_null() {
        let digest = value["head"]["digest"].as_str().unwrap_or_default();
        return format!(
            "{} entries, each as it was written; the last is {} {digest}",
            value["entries"], value["head"]["seq"]
        );
    }
    format!(
        "{AUDIT_BROKEN}: entry {}: {}",
        broken["seq"],
        broken["what"].as_str().unwrap_or_default()
    )
}

fn parsed(anchors: &[String]) -> Result<Vec<Anchor>> {
    let anchor = |text: &String| {
        let (seq, digest) = text.split_once(':')?;
        Some(Anchor {
            seq: seq.parse().ok()?,
            digest: digest.parse().ok()?,
        })
    };
    let bad =
        |text: &String| anyhow!("`{text}` is no anchor: write 17:sha256:… as in the host's log");
    anchors
        .iter()
        .map(|text| anchor(text).ok_or_else(|| bad(text)))
        .collect()
}

async fn stored(folder: &Path, anchors: &[Anchor]) -> Result<Value> {
    if !folder.is_dir() {
        bail!("there is no data folder {}", folder.display());
    }
    let store = SledStore::open(folder, SledOptions::default())
        .map_err(|error| anyhow!("{}: {error}", error.code()))?;
    let report = dowel_engine::verify_audit(&store, anchors).await;
    store.close();
    Ok(serde_json::to_value(report?)?)
}

/// A line of an export.
#[derive(Deserialize)]
struct Line {
    seq: u64,
    before: Digest,
    digest: Option<Digest>,
    record: Box<RawValue>,
}

/// Checks the lines of an export by themselves.
fn exported(lines: impl BufRead, anchors: &[Anchor]) -> Result<Value> {
    let (mut entries, mut last, mut broken) = (0_u64, None::<Line>, None);
    for (number, text) in lines.lines().enumerate() {
        let text = text?;
        let line: Line = serde_json::from_str(&text)
            .with_context(|| format!("line {} is none of an export", number + 1))?;
        entries += 1;
        if let Some(what) = judge(last.as_ref(), &line, anchors) {
            let what = what.to_owned();
            broken = Some(ChainBreak {
                seq: line.seq,
                what,
            });
            break;
        }
        last = Some(line);
    }
    let head = last.map(|line| json!({ "seq": line.seq, "digest": line.digest }));
    let seq = head
        .as_ref()
        .and_then(|head| head["seq"].as_u64())
        .unwrap_or_default();
    let beyond = anchors.iter().find(|anchor| anchor.seq > seq);
    if let (None, Some(anchor)) = (&broken, beyond) {
        let what = "the entry of the anchor is not in the export".to_owned();
        broken = Some(ChainBreak {
            seq: anchor.seq,
            what,
        });
    }
    Ok(json!({ "entries": entries, "head": head, "broken": broken }))
}

fn judge(last: Option<&Line>, line: &Line, anchors: &[Anchor]) -> Option<&'static str> {
    let record: Value = serde_json::from_str(line.record.get()).unwrap_or_default();
    let follows = match last {
        // An export begins with the first entry of all.
        None => line.before.bytes() == &[0; 32],
        Some(last) => last.digest == Some(line.before) && last.seq < line.seq,
    };
    let Some(digest) = line.digest else {
        return Some("the entry has no place in the chain");
    };
    let is_own = check_entry(
        &line.before,
        line.seq,
        line.record.get().as_bytes(),
        &digest,
    );
    let mut anchors = anchors.iter().filter(|anchor| anchor.seq == line.seq);
    match (is_own && record["seq"] == json!(line.seq), follows) {
        (false, _) => Some("the entry was changed"),
        (true, false) => {
            Some("the entry does not follow the one before it: lines were removed, added or moved")
        }
        (true, true) if anchors.any(|anchor| anchor.digest != digest) => {
            Some("its digest is another one than the anchor's")
        }
        (true, true) => None,
    }
}

/// Writes the whole record to standard output or into a file, the oldest entry first.
pub(crate) async fn export(host: &Host, file: Option<&Path>) -> Result<ExitCode> {
    let mut response = Client::new(host)?.stream("/api/v1/audit/export").await?;
    let mut out: Box<dyn Write> = match file {
        None => Box::new(std::io::stdout().lock()),
        Some(path) => {
            let made = File::create_new(path);
            Box::new(made.with_context(|| format!("cannot make {}", path.display()))?)
        }
    };
    while let Some(chunk) = response
        .chunk()
        .await
        .context("the host broke the export off")?
    {
        out.write_all(&chunk)?;
    }
    out.flush()?;
    Ok(exit::found(false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_engine::ChainHead;

    /// An export of three entries.
    fn lines() -> Vec<String> {
        let mut before = ChainHead::default().digest;
        let mut lines = Vec::new();
        for seq in 1..=3_u64 {
            let record = format!(r#"{{"v":1,"seq":{seq},"actor":"ana","amount":1.10}}"#);
            let bytes = [
                before.bytes().as_slice(),
                &seq.to_be_bytes(),
                record.as_bytes(),
            ];
            let digest = Digest::of(bytes.concat());
            lines.push(format!(
                r#"{{"seq":{seq},"before":"{before}","digest":"{digest}","record":{record}}}"#
            ));
            before = digest;
        }
        lines
    }

    fn check(lines: &[String], anchors: &[Anchor]) -> Value {
        exported(lines.join("\n").as_bytes(), anchors).unwrap()["broken"].clone()
    }

    #[test]
    fn an_export_is_checked_line_by_line() {
        let good = lines();
        assert_eq!(check(&good, &[]), Value::Null);
        let changed: Vec<String> = good
            .iter()
            .map(|line| line.replace("\"seq\":2,\"actor\":\"ana\"", "\"seq\":2,\"actor\":\"ben\""))
            .collect();
        assert_eq!(check(&changed, &[])["seq"], 2);
        let removed = [good[0].clone(), good[2].clone()];
        assert_eq!(check(&removed, &[])["seq"], 3);
        assert_eq!(check(&good[1..], &[])["seq"], 2, "the first is gone");
        let moved = [good[0].clone(), good[2].clone(), good[1].clone()];
        assert_eq!(check(&moved, &[])["seq"], 3);
    }

    #[test]
    fn anchors_find_what_is_gone_or_made_anew() {
        let good = lines();
        let last: Line = serde_json::from_str(&good[2]).unwrap();
        let anchor = format!("3:{}", last.digest.unwrap());
        let anchors = parsed(&[anchor]).unwrap();
        assert_eq!(check(&good, &anchors), Value::Null);
        assert_eq!(check(&good[..2], &anchors)["seq"], 3);
        let other = Anchor {
            seq: 3,
            digest: Digest::of("x"),
        };
        assert_eq!(check(&good, &[other])["seq"], 3);
        assert!(parsed(&["three".to_owned()]).is_err());
    }
}

//! Rule files of Prometheus (its documentation, "Alerting rules"), as YAML.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A file of rules.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Rules {
    pub(crate) groups: Vec<Group>,
}

/// Rules that are evaluated one after the other.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) rules: Vec<Rule>,
}

/// One alert.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Rule {
    alert: String,
    expr: String,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    lasting: Option<String>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

impl Rule {
    /// An alert that calls somebody at any time.
    pub(crate) fn page(alert: &str, expr: impl Into<String>) -> Self {
        Self::new(alert, expr.into(), "page")
    }

    /// An alert that can wait for the morning.
    pub(crate) fn ticket(alert: &str, expr: impl Into<String>) -> Self {
        Self::new(alert, expr.into(), "ticket")
    }

    fn new(alert: &str, expr: String, severity: &str) -> Self {
        Self {
            alert: alert.to_owned(),
            expr,
            lasting: None,
            labels: BTreeMap::from([("severity".to_owned(), severity.to_owned())]),
            annotations: BTreeMap::new(),
        }
    }

    /// It has to be so for this long.
    pub(crate) fn lasting(mut self, duration: &str) -> Self {
        self.lasting = Some(duration.to_owned());
        self
    }

    /// A label that tells alerts of one name apart.
    pub(crate) fn about(mut self, label: &str, value: &str) -> Self {
        self.labels.insert(label.to_owned(), literal(value));
        self
    }

    /// Who answers for what it is about.
    pub(crate) fn owned_by(self, owner: &str) -> Self {
        self.about("owner", owner)
    }

    /// What has happened; a template of Prometheus.
    pub(crate) fn summary(mut self, text: &str) -> Self {
        self.annotations
            .insert("summary".to_owned(), text.to_owned());
        self
    }

    /// Where it is written what to do.
    pub(crate) fn runbook(mut self, address: &str) -> Self {
        self.annotations
            .insert("runbook_url".to_owned(), literal(address));
        self
    }
}

/// Labels and annotations are templates; this text is not meant as one.
fn literal(text: &str) -> String {
    text.replace("{{", "{{ \"{{\" }}")
}

impl Rules {
    /// The file.
    pub(crate) fn yaml(&self) -> String {
        let mut text =
            "# Made by `dowel alerts`; make it again after each change of flows.\ngroups:\n"
                .to_owned();
        for group in &self.groups {
            let _ = writeln!(text, "  - name: {}\n    rules:", quoted(&group.name));
            for rule in &group.rules {
                rule.write(&mut text);
            }
        }
        text
    }
}

impl Rule {
    fn write(&self, text: &mut String) {
        let _ = writeln!(text, "      - alert: {}", quoted(&self.alert));
        let _ = writeln!(text, "        expr: {}", quoted(&self.expr));
        if let Some(lasting) = &self.lasting {
            let _ = writeln!(text, "        for: {}", quoted(lasting));
        }
        for (name, pairs) in [("labels", &self.labels), ("annotations", &self.annotations)] {
            let _ = writeln!(text, "        {name}:");
            for (key, value) in pairs {
                let _ = writeln!(text, "          {key}: {}", quoted(value));
            }
        }
    }
}

/// A double-quoted scalar: what JSON writes is YAML (YAML 1.2.2, section 1.3).
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_is_neither_yaml_nor_a_template() {
        let rule = Rule::page("A", "x{f=\"y\"} > 0")
            .lasting("5m")
            .owned_by("a: {{ .Labels }} \"b\"\n")
            .summary("{{ $value }} of them")
            .runbook("docs/x.md");
        let rules = Rules {
            groups: vec![Group {
                name: "g".to_owned(),
                rules: vec![rule],
            }],
        };
        expect_test::expect![[r##"
            # Made by `dowel alerts`; make it again after each change of flows.
            groups:
              - name: "g"
                rules:
                  - alert: "A"
                    expr: "x{f=\"y\"} > 0"
                    for: "5m"
                    labels:
                      owner: "a: {{ \"{{\" }} .Labels }} \"b\"\n"
                      severity: "page"
                    annotations:
                      runbook_url: "docs/x.md"
                      summary: "{{ $value }} of them"
        "##]]
        .assert_eq(&rules.yaml());
    }
}

//! What reached the shop: effects by idempotency key, and every request.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Requests that are remembered one by one; beyond it they are only counted, so that
/// a long load test does not eat the machine's memory.
pub const MAX_CALLS: usize = 1_000_000;

/// The effects, the body of `GET /ledger`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// By idempotency key.
    pub invoices: BTreeMap<String, Invoice>,
    /// Requests that repeated a key with the same body.
    pub duplicates: u64,
    /// Requests that repeated a key with another body.
    pub conflicts: u64,
}

/// One invoice of the ERP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Invoice {
    /// The ERP's id.
    pub id: String,
    /// The ERP's number.
    pub number: String,
    /// `open` or `void`.
    pub status: String,
    /// The body of the first request, byte for byte.
    pub body: String,
    /// When the first request arrived.
    #[serde(with = "crate::rfc3339")]
    pub first_at: Timestamp,
    /// When the last request arrived.
    #[serde(with = "crate::rfc3339")]
    pub last_at: Timestamp,
    /// Requests with this key and body, the first included.
    pub requests: u64,
    /// Whether any of them was answered.
    pub answered: bool,
}

/// One request, a line of `GET /ledger/calls`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// HTTP method.
    pub method: String,
    /// Path of the URL.
    pub path: String,
    /// The idempotency key, where one was sent.
    pub key: Option<String>,
    /// When it arrived.
    #[serde(with = "crate::rfc3339")]
    pub at: Timestamp,
    /// The status of the answer; `null` while there is none.
    pub status: Option<u16>,
}

/// What became of a request to create an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Created {
    First(Receipt),
    Again(Receipt),
    Conflict,
}

/// What the ERP says about an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Receipt {
    id: String,
    number: String,
    status: String,
}

impl From<&Invoice> for Receipt {
    fn from(invoice: &Invoice) -> Self {
        Self {
            id: invoice.id.clone(),
            number: invoice.number.clone(),
            status: invoice.status.clone(),
        }
    }
}

/// The books behind the ledger.
#[derive(Debug, Default)]
pub(crate) struct Books {
    invoices: HashMap<String, Invoice>,
    keys_by_id: HashMap<String, String>,
    calls: Vec<Call>,
    duplicates: u64,
    conflicts: u64,
}

/// A request in the books; `None` beyond [`MAX_CALLS`].
pub(crate) type CallIndex = Option<usize>;

impl Books {
    pub(crate) fn arrived(&mut self, call: Call) -> CallIndex {
        if self.calls.len() >= MAX_CALLS {
            return None;
        }
        self.calls.push(call);
        Some(self.calls.len() - 1)
    }

    pub(crate) fn answered(&mut self, call: CallIndex, status: u16) {
        if let Some(call) = call.and_then(|index| self.calls.get_mut(index)) {
            call.status = Some(status);
        }
    }

    pub(crate) fn create(&mut self, key: &str, body: String, at: Timestamp) -> Created {
        if let Some(invoice) = self.invoices.get_mut(key) {
            if invoice.body != body {
                self.conflicts += 1;
                return Created::Conflict;
            }
            self.duplicates += 1;
            invoice.requests += 1;
            invoice.last_at = at;
            return Created::Again(Receipt::from(&*invoice));
        }
        let ordinal = self.invoices.len() + 1;
        let invoice = Invoice {
            id: format!("INV-{ordinal:06}"),
            number: format!("{ordinal:06}"),
            status: "open".to_owned(),
            body,
            first_at: at,
            last_at: at,
            requests: 1,
            answered: false,
        };
        let receipt = Receipt::from(&invoice);
        self.keys_by_id.insert(invoice.id.clone(), key.to_owned());
        self.invoices.insert(key.to_owned(), invoice);
        Created::First(receipt)
    }

    pub(crate) fn void(&mut self, id: &str) -> Option<Receipt> {
        let key = self.keys_by_id.get(id)?;
        let invoice = self.invoices.get_mut(key)?;
        "void".clone_into(&mut invoice.status);
        Some(Receipt::from(&*invoice))
    }

    pub(crate) fn invoice_answered(&mut self, key: &str) {
        if let Some(invoice) = self.invoices.get_mut(key) {
            invoice.answered = true;
        }
    }

    pub(crate) fn ledger(&self) -> Ledger {
        let invoices = self.invoices.iter();
        Ledger {
            invoices: invoices.map(|(k, v)| (k.clone(), v.clone())).collect(),
            duplicates: self.duplicates,
            conflicts: self.conflicts,
        }
    }

    pub(crate) fn calls(&self) -> &[Call] {
        &self.calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_acts_once() {
        let mut books = Books::default();
        let now = Timestamp::UNIX_EPOCH;
        let Created::First(first) = books.create("k", "{}".to_owned(), now) else {
            panic!("the first request creates");
        };
        let again = books.create("k", "{}".to_owned(), now);
        assert_eq!(again, Created::Again(first.clone()));
        assert_eq!(
            books.create("k", "{ }".to_owned(), now),
            Created::Conflict,
            "a body is compared byte for byte"
        );
        let ledger = books.ledger();
        assert_eq!((ledger.duplicates, ledger.conflicts), (1, 1));
        assert_eq!(ledger.invoices["k"].requests, 2);
        assert_eq!(books.void(&first.id).unwrap().status, "void");
        assert_eq!(books.void("INV-x"), None);
    }
}

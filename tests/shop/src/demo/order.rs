//! The orders of the demo, as the shop's texts: nothing here passes through a float.

/// The customer whose CRM record is asked for at a busy time.
pub(crate) const BUSY_CUSTOMER: &str = "busy-9";

/// How often the CRM is busy then.
pub(crate) const BUSY_TIMES: u64 = 2;

/// The order id with more digits than a float holds.
pub(crate) const EXACT_ID: &str = "12345678901234567890";

/// What the demo shows with an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    Duplicate,
    Exact,
    Busy,
    Invalid,
}

/// One order.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) kind: Kind,
    /// The order id as text.
    pub(crate) id: &'static str,
    pub(crate) body: String,
}

impl Order {
    /// A heading for the order's story.
    pub(crate) fn title(&self) -> String {
        let about = match self.kind {
            Kind::Plain => "a plain order",
            Kind::Duplicate => "the same order once more",
            Kind::Exact => "19.99 x 3 + 0.10 x 3, and an id of 20 digits",
            Kind::Busy => "the CRM answers 429 twice",
            Kind::Invalid => "a payload that does not follow the schema",
        };
        format!("Order {}: {about}", self.id)
    }

    /// Whether the host is expected to begin a run for it.
    pub(crate) fn begins_a_run(&self) -> bool {
        !matches!(self.kind, Kind::Duplicate | Kind::Invalid)
    }

    /// The key of its invoice.
    pub(crate) fn key(&self) -> String {
        format!("inv-{}-1", self.id)
    }

    /// The text that has to arrive at the ERP, as pieces of its body.
    pub(crate) fn arrives(&self) -> Vec<String> {
        let total = match self.kind {
            Kind::Plain | Kind::Duplicate => "25.00",
            Kind::Exact => "60.27",
            Kind::Busy => "7.30",
            Kind::Invalid => return Vec::new(),
        };
        let quoted = format!("\"{}\"", self.id);
        let id = if self.kind == Kind::Exact {
            self.id
        } else {
            &quoted
        };
        vec![
            format!("\"order_id\":{id},"),
            format!("\"total\":\"{total}\""),
        ]
    }
}

/// The orders in the order in which they are posted.
pub(crate) fn all() -> Vec<Order> {
    let plain = r#"{"order_id":"A-1001","customer_id":"c-7","currency":"EUR","lines":[{"sku":"MUG","qty":2,"price":"12.50"}]}"#;
    let exact = r#"{"order_id":12345678901234567890,"customer_id":"c-8","currency":"EUR","lines":[{"sku":"LAMP","qty":3,"price":19.99},{"sku":"SCREW","qty":3,"price":0.10}]}"#;
    let busy = r#"{"order_id":"A-1002","customer_id":"busy-9","currency":"EUR","lines":[{"sku":"PEN","qty":2,"price":"3.65"}]}"#;
    let invalid = r#"{"order_id":"A-1003","customer_id":"c-9","currency":"euro","lines":[{"sku":"PEN","qty":0,"price":"3.65"}]}"#;
    let order = |kind, id, body: &str| Order {
        kind,
        id,
        body: body.to_owned(),
    };
    vec![
        order(Kind::Plain, "A-1001", plain),
        order(Kind::Duplicate, "A-1001", plain),
        order(Kind::Exact, EXACT_ID, exact),
        order(Kind::Busy, "A-1002", busy),
        order(Kind::Invalid, "A-1003", invalid),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_json_and_carry_their_ids() {
        for order in all() {
            assert!(serde_json::from_str::<serde_json::Value>(&order.body).is_ok());
            assert!(order.body.contains(order.id), "{}", order.id);
        }
        let busy = all().into_iter().find(|order| order.kind == Kind::Busy);
        assert!(busy.unwrap().body.contains(BUSY_CUSTOMER));
    }

    #[test]
    fn an_exact_id_stays_a_number() {
        let exact = &all()[2];
        assert_eq!(exact.arrives()[0], r#""order_id":12345678901234567890,"#);
        assert_eq!(all()[0].arrives()[0], r#""order_id":"A-1001","#);
    }
}

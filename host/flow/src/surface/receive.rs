//! `receive` steps.

use crate::shape::{Any, Formula, Located, Text, choice, record};
use dowel_core::id::CalendarName;
use std::time::Duration;

record! {
    /// An event that the run waits for.
    Receive {
        /// CloudEvents `type`, such as com.example.payment.received, or com.example.payment.* for all below.
        event_type = "type": Located<Text>,
        /// Which of the events it is.
        matches = "match": Match,
        /// How long the step waits; without it for as long as it takes.
        within = "within": Option<Located<Duration>>,
        /// The business calendar by which `within` is counted.
        calendar = "calendar": Option<Located<CalendarName>>,
        /// What it means that no event came `within` the time: `fail` unless given, or `continue` with `null` as the result.
        on_timeout = "on_timeout": Option<Located<OnTimeoutName>>,
    }
    not_yet []
}

record! {
    /// Which of the events it is: the one whose `event` yields what `value` yields.
    Match {
        /// The key that the event carries, which is `.` here, such as `${ .data.order_id }`; an event for which it yields `null` is not meant.
        event = "event": Formula,
        /// The key that the run waits for, such as `${ $trigger.order_id }`.
        value = "value": Any,
    }
    not_yet []
}

choice! {
    /// What it means that no event came in time.
    OnTimeoutName { Fail = "fail", Continue = "continue", }
    not_yet []
}

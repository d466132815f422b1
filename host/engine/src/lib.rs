//! The engine: takes events in, moves runs through their plans, and survives.
//!
//! Written against ports alone. Two pure functions carry the meaning:
//! [`RunState::apply`](state::RunState::apply) says what an event does to a run, and
//! [`next`](decide::next) says what a run needs. Everything else in here feeds them.

mod approvals;
pub mod backup;
mod blob_area;
mod canary;
mod children;
mod command;
mod conceal;
pub mod decide;
mod desk;
mod engine;
mod events;
mod execute;
mod format;
mod health;
mod inbox;
mod intake;
mod journal;
mod kept;
mod key_lines;
mod keys;
mod known;
pub mod kpi;
mod lately;
mod leases;
mod limits;
mod live;
mod mailbox;
pub mod mask;
pub mod metrics;
mod moves;
mod once;
mod outcome;
mod people;
mod plans;
mod poll;
mod protect;
mod queue;
mod reception;
mod recover;
mod retention;
mod retire;
mod retry;
mod rollout;
mod schedule;
pub mod scope;
mod settings;
pub mod state;
mod step;
pub mod story;
mod summary;
mod switches;
mod trace_context;

pub use approvals::{ApprovalsPage, ApprovalsQuery, DecideError, OpenApproval, PersonDecides};
pub use blob_area::{BlobArea, OpenBlob};
pub use canary::{
    Canary, CanaryEnd, CanaryError, CanaryLimits, CanaryState, CanaryStatus, CanaryTerms, Sample,
    Samples,
};
pub use command::CommandError;
pub use conceal::masked_journal;
pub use desk::{
    Action, Anchor, AuditPage, AuditQuery, AuditRecord, AuditTarget, Bulk, BulkChange, BulkFailure,
    BulkPreview, BulkState, ChainBreak, ChainHead, ChainReport, ChainedEntry, Confirmed, Decided,
    Deciding, Detail, Draft as AuditDraft, Group, GroupStatus, Item, ItemClass, ItemsPage,
    ItemsQuery, Proposal, Recommended, RejectedForm, RejectedPayload, Standing, Undoing,
    check_entry, verify_audit,
};
pub use engine::{Engine, EngineError, EngineOptions, Hosts, Ports, Schedules};
pub use events::{EventTaken, Publication, PublishError, Refusal, Undelivered, UndeliveredPage};
pub use format::{Feature, FormatError, StoreFormat, UpgradeStatus, format_of};
pub use health::{StuckRun, StuckRuns};
pub use intake::{Accepted, IntakeError, IntakeRequest, MessageKey, Violations};
pub use journal::JournalError;
pub use known::LiveRuns;
pub use lately::{Queues, Throughput};
pub use mailbox::{OpenReceive, OpenReceives};
pub use moves::{Move, Moved};
pub use once::{KeptAnswer, Once, Repeatable};
pub use outcome::Outcome;
pub use people::{
    By, DeviceLogin, DeviceState, Invitation, Invited, NewToken, Opened, PeopleError, Session,
    SignedIn, Token, TokenOwner, User,
};
pub use plans::{ActivationError, ConnectorUse, Hook, HookReader};
pub use poll::{Failing, PollStatus};
pub use protect::{BreakerState, ConnectionStatus};
pub use reception::{Received, ReceptionError, ReceptionRequest};
pub use retention::Swept;
pub use retire::{KnownVersion, RetireError, VersionState, retired_connectors};
pub use rollout::{
    Activation, Agreement, Candidate, Change, ChangeError, ChangeRule, ChangeStatus,
    EnvironmentStatus, Look, LookFailure, Verdict, active_tree,
};
pub use schedule::{FireStatus, ScheduleStatus};
pub use settings::Settings;
pub use summary::{MAX_PAGE, RunSummary, RunsPage, RunsQuery};
pub use switches::{Decision, FlowStatus, SwitchError, SwitchStatus, SwitchTarget};

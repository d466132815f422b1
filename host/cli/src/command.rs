//! The commands, one file each.

mod access;
mod alerts;
mod approvals;
mod audit;
mod audit_chain;
mod backup;
pub(crate) mod canary;
mod catalog;
mod check;
mod connection_authorize;
mod connections;
mod connector_add;
mod connector_build;
mod connector_call;
mod connector_check;
mod connector_docs;
mod connector_from_openapi;
mod connector_inspect;
mod connector_new;
mod connector_publish;
mod connector_record;
mod connector_test;
mod doctor;
mod environment;
pub(crate) mod eval;
mod eval_place;
mod exceptions;
mod exceptions_bulk;
mod exceptions_bulk_text;
mod exceptions_proposals;
mod exceptions_text;
mod explain;
mod flow_release;
mod flows;
mod fmt;
mod graph;
mod init;
mod login;
mod plan;
mod promote;
pub(crate) mod replay_check;
mod restore;
mod run;
mod runs;
mod schedules;
mod secret;
mod serve;
mod sources;
mod switches;
mod test;
mod token;
mod top;
mod trace;
mod upgrade;
mod versions;

use crate::args::{
    Arguments, Command, Connection, Connector, Flow, Format, Runs, Schedules, Switches,
};
use anyhow::Result;
use std::process::ExitCode;

/// Runs the command that was asked for.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let format = arguments.format;
    match arguments.command {
        Command::Serve(serve) => serve::run(serve).await,
        Command::Check(check) => check::run(&check, format),
        Command::Fmt(command) => fmt::run(&command, format),
        Command::Test(test) => test::run(&test, format).await,
        Command::Catalog(command) => catalog::catalog(&command, format),
        Command::Lineage(lineage) => catalog::lineage(&lineage, format),
        Command::Plan(plan) => plan::run(plan, format).await,
        Command::Graph(graph) => graph::run(&graph, format),
        Command::Run(run) => run::run(&run, format).await,
        Command::Eval(eval) => eval::run(&eval, format).await,
        Command::Runs(command) => runs_command(command, format).await,
        Command::Approvals(command) => approvals::run(command, format).await,
        Command::Audit(command) => audit::run(command, format).await,
        Command::Admin(command) => access::admin(command, format).await,
        Command::Access(command) => access::access(command, format).await,
        Command::Token(command) => token::run(command, format).await,
        Command::Login(command) => login::login(&command, format).await,
        Command::Logout(host) => login::logout(&host, format).await,
        Command::Exceptions(command) => exceptions::run(command, format).await,
        Command::Schedules(Schedules::List { host }) => schedules::list(&host, format).await,
        Command::Sources(given) => sources::run(&given, format).await,
        Command::Top(top) => top::run(&top, format).await,
        Command::Trace(trace) => trace::run(&trace, format).await,
        Command::Alerts(command) => alerts::run(command, format),
        Command::Init(command) => init::init(&command, format),
        Command::Promote(command) => blocking(move || promote::promote(&command, format)).await,
        Command::Rollback(command) => blocking(move || promote::rollback(&command, format)).await,
        Command::Environment(command) => environment::run(command, format).await,
        Command::Flow(flow) => flow_command(flow, format).await,
        Command::Connection(connection) => connection_command(connection, format).await,
        Command::Switches(Switches::List(host)) => switches::list(&host, format).await,
        Command::Connector(connector) => connector_command(connector, format).await,
        Command::Secret(command) => secret::run(command, format).await,
        Command::Explain { code } => explain::run(&code, format),
        Command::Backup(backup) => backup::run(&backup, format).await,
        Command::Restore(restore) => restore::run(&restore, format).await,
        Command::Canary(command) => canary::run(command, format).await,
        Command::ReplayCheck(command) => replay_check::run(command, format).await,
        Command::Upgrade(command) => upgrade::run(command, format).await,
        Command::Doctor(repository) => doctor::run(&repository, format).await,
    }
}

async fn runs_command(command: Runs, format: Format) -> Result<ExitCode> {
    match command {
        Runs::List {
            flow,
            status,
            limit,
            cursor,
            host,
        } => {
            let filter = runs::Filter {
                flow,
                status,
                limit,
                cursor,
            };
            runs::list(&host, filter, format).await
        }
        Runs::Show { id, host } => runs::show(&host, &id, format).await,
        Runs::Blob {
            id,
            digest,
            out,
            host,
        } => runs::blob(&host, (&id, &digest), out.as_deref()).await,
        Runs::Rerun { id, author } => exceptions::rerun(&id, &author, format).await,
        Runs::Cancel {
            id,
            compensate,
            author,
        } => exceptions::cancel(&id, &author, compensate, format).await,
    }
}

async fn connector_command(command: Connector, format: Format) -> Result<ExitCode> {
    match command {
        Connector::New(new) => connector_new::run(&new, format),
        Connector::FromOpenapi(from) => connector_from_openapi::run(&from, format),
        Connector::Build(build) => connector_build::run(&build, format),
        Connector::Inspect { component, repo } => connector_inspect::run(&component, &repo, format),
        Connector::Docs { component } => connector_docs::run(&component, format),
        Connector::Sign(sign) => connector_publish::sign(&sign, format),
        Connector::Publish(publish) => connector_publish::publish(&publish, format).await,
        Connector::Add(add) => connector_add::add(&add, format).await,
        Connector::Install(repository) => connector_add::install(&repository, format).await,
        Connector::Check(check) => connector_check::run(&check, format).await,
        Connector::Test(test) => connector_test::run(&test, format).await,
        Connector::Call(call) => connector_call::run(&call, format).await,
        Connector::Record(record) => connector_record::run(&record, format).await,
    }
}

/// Moves what blocks out of the asynchronous threads.
async fn blocking(work: impl FnOnce() -> Result<ExitCode> + Send + 'static) -> Result<ExitCode> {
    tokio::task::spawn_blocking(work).await?
}

/// What is asked about flows.
async fn flow_command(command: Flow, format: Format) -> Result<ExitCode> {
    match command {
        Flow::New(new) => init::new_flow(&new, format),
        Flow::Release(release) => flow_release::run(&release, format),
        Flow::Releases(repository) => flow_release::list(&repository, format),
        Flow::List(host) => flows::list(&host, format).await,
        Flow::Versions { flow, host } => versions::list(&flow, &host, format).await,
        Flow::Retire {
            flow_version,
            because,
        } => versions::retire(&flow_version, &because, format).await,
        Flow::Disable(switch) => flows::switch(&switch, "disable", format).await,
        Flow::Enable(switch) => flows::switch(&switch, "enable", format).await,
    }
}

/// What is asked about connections.
async fn connection_command(command: Connection, format: Format) -> Result<ExitCode> {
    match command {
        Connection::List(host) => connections::list(&host, format).await,
        Connection::Authorize(authorize) => connection_authorize::run(&authorize, format).await,
        Connection::Disable {
            connection,
            because,
        } => switches::connection(&connection, &because, "disable", format).await,
        Connection::Enable {
            connection,
            because,
        } => switches::connection(&connection, &because, "enable", format).await,
    }
}

//! The commands, one file each.

mod approvals;
mod audit;
mod backup;
mod check;
mod connections;
mod connector_build;
mod connector_inspect;
mod doctor;
mod eval;
mod eval_place;
mod exceptions;
mod exceptions_bulk;
mod exceptions_bulk_text;
mod exceptions_proposals;
mod exceptions_text;
mod explain;
mod flows;
mod restore;
mod run;
mod runs;
mod schedules;
mod serve;
mod test;
mod trace;

use crate::args::{Arguments, Command, Connection, Connector, Flow, Runs, Schedules};
use anyhow::Result;
use std::process::ExitCode;

/// Runs the command that was asked for.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let format = arguments.format;
    match arguments.command {
        Command::Serve(serve) => serve::run(serve).await,
        Command::Check(check) => check::run(&check, format),
        Command::Test(test) => test::run(&test, format).await,
        Command::Run(run) => run::run(&run, format).await,
        Command::Eval(eval) => eval::run(&eval, format).await,
        Command::Runs(Runs::List {
            flow,
            status,
            limit,
            cursor,
            host,
        }) => {
            runs::list(
                &host,
                runs::Filter {
                    flow,
                    status,
                    limit,
                    cursor,
                },
                format,
            )
            .await
        }
        Command::Runs(Runs::Show { id, host }) => runs::show(&host, &id, format).await,
        Command::Runs(Runs::Cancel {
            id,
            compensate,
            author,
        }) => exceptions::cancel(&id, &author, compensate, format).await,
        Command::Approvals(command) => approvals::run(command, format).await,
        Command::Runs(Runs::Rerun { id, author }) => exceptions::rerun(&id, &author, format).await,
        Command::Audit(command) => audit::list(command, format).await,
        Command::Exceptions(command) => exceptions::run(command, format).await,
        Command::Schedules(Schedules::List { host }) => schedules::list(&host, format).await,
        Command::Trace(trace) => trace::run(&trace, format).await,
        Command::Flow(Flow::List(host)) => flows::list(&host, format).await,
        Command::Flow(Flow::Disable(switch)) => flows::switch(&switch, "disable", format).await,
        Command::Flow(Flow::Enable(switch)) => flows::switch(&switch, "enable", format).await,
        Command::Connection(Connection::List(host)) => connections::list(&host, format).await,
        Command::Connector(Connector::Build(build)) => connector_build::run(&build, format),
        Command::Connector(Connector::Inspect { component }) => {
            connector_inspect::run(&component, format)
        }
        Command::Explain { code } => explain::run(&code, format),
        Command::Backup(backup) => backup::run(&backup, format).await,
        Command::Restore(restore) => restore::run(&restore, format).await,
        Command::Doctor(repository) => doctor::run(&repository, format),
    }
}

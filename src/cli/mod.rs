//! The edge: arguments in, exit code out. Each command loads, plans, executes and tells.

mod args;
mod backup;
mod check;
mod declared;
mod drill;
mod edge;
mod engine;
mod execute;
mod extract;
mod file_targets;
mod finding_row;
mod gather;
mod init;
mod list;
mod lock;
mod lookup;
mod one_place;
mod outcome;
mod own_project;
mod prune;
mod prune_page;
mod recover;
mod reporter;
mod request;
mod restore;
mod restore_request;
mod restore_talk;
mod run;
mod show;
mod signals;
mod spool_dir;
mod stdout;
mod stored;
mod summary;
mod talk;
mod under;
mod verify;
mod watch;
mod working_folder;

use std::ffi::OsString;

use clap::Parser;
use rustix::fs::Mode;

use args::{Cli, Command, Talk};
use edge::CommandError;

use crate::exit::Exit;

/// Runs the program with its arguments, the program's own name first.
#[must_use]
pub fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output and are no error; clap knows which is which.
            let _ = error.print();
            return if error.exit_code() == 0 {
                Exit::Done
            } else {
                Exit::Rejected
            };
        }
    };
    // Dumps hold secrets: nothing that this process makes is for others, whatever the shell says.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    talk::start_log(&cli.global.talk);
    let talk = cli.global.talk.clone();
    let json = wants_json(&cli.command);
    execute(cli).unwrap_or_else(|error| edge::tell(&error, &talk, json))
}

/// Whether a document is expected on standard output, whatever comes of the command.
fn wants_json(command: &Command) -> bool {
    match command {
        Command::Backup(args) => args.dump.json,
        Command::Run(args) => args.job.dump.json,
        Command::Plan(args) => args.job.dump.json,
        Command::Check(args) => args.json,
        Command::List(args) => args.json,
        Command::Prune(args) => args.json,
        Command::Show(args) => args.json,
        Command::Verify(args) => args.json,
        Command::Recover(args) => args.json,
        Command::Restore(args) => args.json,
        Command::Drill(args) => args.json,
        Command::Init(_) | Command::Schema(_) | Command::Watch(_) => false,
    }
}

fn execute(cli: Cli) -> Result<Exit, CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(CommandError::Start)?;
    let talk: Talk = cli.global.talk.clone();
    let outcome = runtime.block_on(async {
        match cli.command {
            Command::Backup(args) => backup::backup(&cli.global, &args, &talk).await,
            Command::Plan(args) => run::plan(&cli.global, &args).await,
            Command::Run(args) => run::run(&cli.global, &args, &talk).await,
            Command::Check(args) => check::check(&cli.global, &args),
            Command::Init(args) => init::init(&cli.global, &args),
            Command::List(args) => list::list(&cli.global, &args, &talk),
            Command::Prune(args) => prune::prune(&cli.global, &args),
            Command::Restore(args) => restore::restore(&cli.global, &args, &talk).await,
            Command::Drill(args) => drill::drill(&cli.global, &args, &talk).await,
            Command::Show(args) => show::show(&cli.global, &args),
            Command::Verify(args) => verify::verify(&cli.global, &args, &talk),
            Command::Recover(args) => recover::recover(&cli.global, &args, &talk).await,
            Command::Schema(args) => check::schema(&args),
            Command::Watch(args) => watch::watch(&cli.global, &args, &talk).await,
        }
    });
    // A thread that hangs in the system, say on a dead network file system, must not keep us here:
    // services run again, and all that could be removed is removed.
    runtime.shutdown_background();
    outcome
}

//! The command line.

use std::fmt::Display;
use std::io::{Write as _, stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use djwto_core::Algorithm;
use djwto_core::key::State;

use crate::commands;
use crate::keys::{self, Change};
use crate::problem::Problem;
use crate::serve::serve;

/// The guard of services beside a Django project: forward-auth for proxies on djwto's login.
#[derive(Debug, Parser)]
#[command(name = "djwto-server", version)]
struct Arguments {
    /// The operator's file.
    #[arg(long, global = true, default_value = "djwto.toml")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answers proxies until SIGTERM; SIGHUP reads the files again.
    Serve,
    /// Checks djwto.toml, the export, the keys and the database.
    Check,
    /// Says which rule decides about a request.
    Explain {
        /// Such as GET.
        method: String,
        /// Such as <https://models.example.org/api/x>.
        url: String,
    },
    /// The keys that sign assertions.
    Keys {
        #[command(subcommand)]
        command: Keys,
    },
}

#[derive(Debug, Subcommand)]
enum Keys {
    /// Writes the file that djwto.toml names, with a key that signs and the next one.
    Init {
        /// `EdDSA`, `ES256`, `ES384`, `ES512`, `RS256` or `PS256`.
        #[arg(long, default_value = "EdDSA")]
        algorithm: String,
    },
    /// Lets the next key sign, and retires the one that signed.
    Rotate {
        /// Do not wait until upstreams know the next key.
        #[arg(long)]
        force: bool,
        /// The file has leaked: throw all its keys away, and write two new ones.
        #[arg(long)]
        leaked: bool,
    },
}

/// Runs the program: 0 is success, 1 a problem, 2 a wrong command line.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    match run(&arguments.config, arguments.command) {
        Ok(text) => {
            let _ = stdout().lock().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(problems) => {
            for problem in &problems {
                say(problem);
            }
            ExitCode::FAILURE
        }
    }
}

/// Runs a command. Returns what goes to standard output.
fn run(config: &Path, command: Command) -> Result<String, Vec<Problem>> {
    let one = |problem| vec![problem];
    let mut text = match command {
        Command::Serve => return runtime()?.block_on(serve(config)).map(|()| String::new()),
        Command::Check => runtime()?.block_on(commands::check(config))?,
        Command::Explain { method, url } => commands::explain(config, &method, &url)?,
        Command::Keys { command } => {
            let path = commands::key_file(config).map_err(one)?;
            let changes = match command {
                Keys::Init { algorithm } => {
                    let what = "expected an algorithm such as EdDSA or ES256";
                    let algorithm = Algorithm::from_name(&algorithm)
                        .ok_or_else(|| one(Problem::new("--algorithm", what)))?;
                    keys::init(&path, algorithm, keys::now())
                }
                Keys::Rotate { leaked: true, .. } => keys::replace(&path, keys::now()),
                Keys::Rotate { force, .. } => keys::rotate(&path, keys::now(), force),
            };
            let lines = changes.map_err(one)?.into_iter().map(|Change { id, state }| {
                let state = state.map_or("removed", State::name);
                format!("{id} {state}")
            });
            lines.collect::<Vec<_>>().join("\n")
        }
    };
    text.push('\n');
    Ok(text)
}

fn runtime() -> Result<tokio::runtime::Runtime, Vec<Problem>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| vec![Problem::new("djwto-server", error)])
}

/// Writes a line to standard error.
fn say(line: impl Display) {
    // Without standard error there is no one to tell.
    let _ = writeln!(stderr().lock(), "{line}");
}

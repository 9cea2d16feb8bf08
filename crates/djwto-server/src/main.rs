//! The program `djwto-server`.

use std::process::ExitCode;

fn main() -> ExitCode {
    djwto_server::cli::main()
}

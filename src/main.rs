//! The program: arguments in, exit code out. Everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    compose_dump::cli::main(std::env::args_os()).into()
}

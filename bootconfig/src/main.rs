// SPDX-License-Identifier: Apache-2.0
//! `bootconfig`: what this machine, or a machine with these files, is told.

mod files;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use bootconfig::{Problem, RawSources, Settings, resolve, show};
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Exit code when a setting has a bad value.
const BAD_SETTINGS: u8 = 2;

/// Shows the settings of the deployment agent and where each comes from.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the resolved settings with the origin of each; exit with 2 and
    /// list all problems if a value is bad.
    Show(ShowArguments),
    /// Print the reference of all settings as a Markdown table.
    Schema,
}

#[derive(Debug, Args)]
struct ShowArguments {
    /// Kernel command line.
    #[arg(long, value_name = "FILE", default_value = "/proc/cmdline")]
    cmdline: PathBuf,
    /// Directory of config files; /etc/ironic-python-agent.d if it exists.
    #[arg(long, value_name = "DIR")]
    config_dir: Option<PathBuf>,
    /// parameters.txt of a virtual media parameters disk.
    #[arg(long, value_name = "FILE")]
    parameters: Option<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(
        &cli.command,
        &mut io::stdout().lock(),
        &mut io::stderr().lock(),
    ) {
        Ok(code) => code,
        // Whoever reads the output has seen enough of it.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Runs a command. Errors are those of writing its output.
fn run(command: &Command, out: &mut impl Write, err: &mut impl Write) -> io::Result<ExitCode> {
    match command {
        Command::Schema => {
            out.write_all(show::markdown().as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Show(arguments) => match files::read(
            &arguments.cmdline,
            arguments.config_dir.as_deref(),
            arguments.parameters.as_deref(),
        ) {
            Ok(sources) => show_sources(&sources, arguments.format, out, err),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                writeln!(err, "error: {error}: {}", cause.unwrap_or_default())?;
                Ok(ExitCode::FAILURE)
            }
        },
    }
}

fn show_sources(
    sources: &RawSources,
    format: Format,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<ExitCode> {
    let (settings, problems) = match resolve(sources) {
        Ok(settings) => (settings, Vec::new()),
        Err(bad) => (*bad.settings, bad.problems),
    };
    print(&settings, &problems, format, out)?;
    for problem in &problems {
        writeln!(err, "error: {problem}")?;
    }
    Ok(if problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(BAD_SETTINGS)
    })
}

fn print(
    settings: &Settings,
    problems: &[Problem],
    format: Format,
    out: &mut impl Write,
) -> io::Result<()> {
    match format {
        Format::Table => out.write_all(show::table(settings).as_bytes()),
        Format::Json => writeln!(out, "{:#}", show::json(settings, problems)),
    }
}

#[cfg(test)]
mod tests;

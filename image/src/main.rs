// SPDX-License-Identifier: Apache-2.0
//! The command line of the image builder. `scripts/build` is how people call it.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the terminal is this program's output"
)]

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand};
use ironseed_image::assemble::{self, Options, Report};
use ironseed_image::platform::Platform;

/// Builds the Ironseed image.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write ironseed.kernel, ironseed.initramfs and manifest.json
    Build {
        /// What to build for: x86_64 or aarch64
        #[arg(long, default_value = "x86_64", value_parser = platform)]
        arch: &'static Platform,
        /// Directory for the three files [default: target/image/ARCH of the checkout]
        #[arg(long)]
        out: Option<PathBuf>,
        /// Directory that keeps packages between builds [default: target/cache of the checkout]
        #[arg(long)]
        cache: Option<PathBuf>,
        /// The checkout to compile
        #[arg(long, default_value = ".")]
        checkout: PathBuf,
        /// Look for newer packages; otherwise those of the last build are used again
        #[arg(long)]
        update: bool,
    },
}

fn platform(name: &str) -> Result<&'static Platform, String> {
    Platform::by_name(name).ok_or_else(|| "must be x86_64 or aarch64".to_owned())
}

fn main() -> ExitCode {
    let Command::Build {
        arch,
        out,
        cache,
        checkout,
        update,
    } = Arguments::parse().command;
    let target = checkout.join("target");
    let options = Options {
        platform: arch,
        out: out.unwrap_or_else(|| target.join("image").join(arch.architecture.to_string())),
        cache: cache.unwrap_or_else(|| target.join("cache")),
        checkout,
        update,
    };
    let start = Instant::now();
    match assemble::build(&options, &mut |step| println!("{step}")) {
        Ok(report) => {
            show(&report);
            println!("built in {:.0} s", start.elapsed().as_secs_f32());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            let causes = std::iter::successors(error.source(), |&cause| cause.source());
            causes.for_each(|cause| eprintln!("  because: {cause}"));
            ExitCode::FAILURE
        }
    }
}

fn show(report: &Report) {
    let Report {
        kernel_version,
        rust_target,
        modules,
        firmware,
        budget,
        files,
    } = report;
    println!("\n{budget}\n");
    println!(
        "kernel {kernel_version}, {modules} modules, {firmware} firmware files, programs for {rust_target}"
    );
    for (path, sum) in files {
        println!("{sum}  {}", path.display());
    }
}

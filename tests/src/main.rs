// SPDX-License-Identifier: Apache-2.0
//! `ironseed-lab`: runs the lab by hand. The scenario tests, the demo and the bench run it too.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use ironseed_lab::bench::{self, Part};
use ironseed_lab::demo::{self, screen::Screen, tidy};
use ironseed_lab::error::Error;
use ironseed_lab::ironic_config::IronicOptions;
use ironseed_lab::lab::LabOptions;
use ironseed_lab::namespace::{self, Place};
use ironseed_lab::narrate::Narrator;
use ironseed_lab::scenarios;

/// A real Ironic with a Redfish BMC and virtual servers, in namespaces of its own. Needs root.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the scenarios.
    Scenarios,
    /// Play one scenario.
    Scenario(ScenarioArguments),
    /// Prepare what all scenarios share, so that none of them has to: Ironic, the Redfish emulator,
    /// the operating system to deploy. Needs no image.
    Prepare(LabArguments),
    /// Take one virtual server from power-on to a deployed, booted operating system.
    Demo(DemoArguments),
    /// Measure how fast and how small the image is.
    Bench(BenchArguments),
}

#[derive(Debug, Args)]
struct DemoArguments {
    #[command(flatten)]
    place: LabArguments,
    /// Afterwards keep the lab until Ctrl-C, whether the demo went well or not.
    #[arg(long)]
    keep: bool,
}

#[derive(Debug, Args)]
struct BenchArguments {
    /// What to measure; everything, if nothing is named.
    parts: Vec<Part>,
    #[command(flatten)]
    place: LabArguments,
}

#[derive(Debug, Args)]
struct ScenarioArguments {
    /// Its name; see `ironseed-lab scenarios`.
    name: String,
    #[command(flatten)]
    place: LabArguments,
    /// Afterwards keep the lab until Ctrl-C, whether the scenario passed or not.
    #[arg(long)]
    hold: bool,
}

#[derive(Debug, Args)]
struct LabArguments {
    /// Directory with ironseed.kernel and ironseed.initramfs.
    #[arg(long, env = "IRONSEED_IMAGE_DIR", default_value_os_t = workspace().join("target/image/x86_64"))]
    image_dir: PathBuf,
    /// Directory for what labs keep, and for one directory of each run.
    #[arg(long, env = "IRONSEED_LAB_DIR", default_value_os_t = workspace().join("target/lab"))]
    lab_dir: PathBuf,
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("/"))
        .to_owned()
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let narrator = Narrator::plain();
    match run(cli, &narrator) {
        Ok(code) => code,
        Err(error) => {
            narrator.say(format!("error: {}", error.chain()));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli, narrator: &Narrator) -> Result<ExitCode, Error> {
    match cli.command {
        Command::Scenarios => {
            for scenario in scenarios::ALL {
                narrator.say(format!("{:28} {}", scenario.name, scenario.summary));
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Scenario(arguments) => {
            let scenario = scenarios::find(&arguments.name)?;
            let mut ironic = IronicOptions::default();
            (scenario.configure)(&mut ironic);
            let options = arguments.place.options(scenario.name, ironic, narrator);
            in_lab(
                &options,
                || scenarios::prepare(scenario, &options),
                || scenarios::play(scenario, options.clone(), arguments.hold),
            )
        }
        Command::Prepare(place) => {
            let options = place.options("prepare", IronicOptions::default(), narrator);
            options.prepare_shared()?;
            options.prepare_os_images()?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Demo(arguments) => run_demo(&arguments),
        Command::Bench(arguments) => run_bench(&arguments, narrator),
    }
}

fn run_demo(arguments: &DemoArguments) -> Result<ExitCode, Error> {
    let screen = Screen::new(demo::MACHINE);
    let narrator = screen.narrator();
    let options = arguments
        .place
        .options(demo::RUN, IronicOptions::default(), &narrator);
    if namespace::place() == Place::First {
        return tidy::run_first_process(&options);
    }
    in_lab(
        &options,
        || demo::prepare(&options),
        || demo::play(options.clone(), &screen, arguments.keep),
    )
}

fn run_bench(arguments: &BenchArguments, narrator: &Narrator) -> Result<ExitCode, Error> {
    let parts = bench::chosen(&arguments.parts);
    let options = arguments
        .place
        .options(bench::RUN, IronicOptions::default(), narrator);
    if parts.contains(&Part::Write) && namespace::place() == Place::Outside {
        bench::write::run(&options)?;
    }
    if parts.contains(&Part::Network) && namespace::place() == Place::Outside {
        bench::network::run(&options)?;
    }
    let parts: Vec<Part> = parts
        .into_iter()
        .filter(|part| !part.is_without_lab())
        .collect();
    match parts.as_slice() {
        [] => return Ok(ExitCode::SUCCESS),
        [Part::Size] => return bench::size_only(&options).map(|()| ExitCode::SUCCESS),
        _ => (),
    }
    if namespace::place() == Place::First {
        return tidy::run_first_process(&options);
    }
    in_lab(
        &options,
        || bench::prepare(&options, &parts),
        || bench::run(options.clone(), &parts),
    )
}

impl LabArguments {
    fn options(&self, run: &str, ironic: IronicOptions, narrator: &Narrator) -> LabOptions {
        LabOptions {
            image_dir: absolute(&self.image_dir),
            lab_dir: absolute(&self.lab_dir),
            run: run.to_owned(),
            ironic,
            narrator: narrator.clone(),
        }
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Runs `prepare` outside, then this program again in new namespaces, where it runs `inside`.
fn in_lab(
    options: &LabOptions,
    prepare: impl FnOnce() -> Result<(), Error>,
    inside: impl FnOnce() -> Result<(), Error>,
) -> Result<ExitCode, Error> {
    match namespace::place() {
        Place::Outside => {
            prepare()?;
            namespace::load_modules();
            Err(namespace::enter())
        }
        Place::First => namespace::run_first_process(&options.lab_dir),
        Place::Inside => inside().map(|()| ExitCode::SUCCESS),
    }
}

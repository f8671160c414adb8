// SPDX-License-Identifier: Apache-2.0
//! Where log lines go: the journal if there is one, else standard error, which
//! the image's PID 1 copies to every console and into a file.

use std::io::Write as _;

use log::{LevelFilter, Log, Metadata, Record};
use systemd_journal_logger::JournalLog;

/// Target of the lines that come from the event stream.
pub(crate) const EVENTS: &str = "ironseed::events";

/// Sets the log up, before anything can be said. Lines of libraries appear
/// from warnings on.
pub(crate) fn start() {
    let journal = systemd_journal_logger::connected_to_journal();
    let installed = match JournalLog::new() {
        Ok(log) if journal => log.install(),
        _ => log::set_boxed_logger(Box::new(StandardError)),
    };
    // A second start (a test in the same process) keeps the first log.
    if installed.is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}

/// Shows debug lines or not, once the settings say so.
pub(crate) fn show_debug(debug: bool) {
    log::set_max_level(if debug {
        LevelFilter::Debug
    } else {
        LevelFilter::Info
    });
}

/// One line per record, without a time: who reads the lines adds it.
struct StandardError;

impl Log for StandardError {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("ironseed") || metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            // An event's own words say how bad it is.
            let line = match record.level() {
                _ if record.target() == EVENTS => format!("{}\n", record.args()),
                log::Level::Info => format!("{}\n", record.args()),
                level => format!("{}: {}\n", level.as_str().to_lowercase(), record.args()),
            };
            // There is nobody to tell that standard error is gone.
            let _ = std::io::stderr().lock().write_all(line.as_bytes());
        }
    }

    fn flush(&self) {}
}

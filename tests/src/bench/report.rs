// SPDX-License-Identifier: Apache-2.0
//! What the bench prints.

use std::io::Write;

use super::seconds;
use crate::demo::seen::Milestone;
use crate::demo::table;

/// Where the figures of the agent that is compared with come from.
const QUOTED: &str = "ironic-python-agent 13.0.0 on Debian: quoted from an earlier measurement in the same kind of \
                      machine, not measured in this run.";

/// One figure.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    /// What was measured.
    pub(super) name: &'static str,
    /// What came out, with its unit.
    pub(super) value: String,
    /// What belongs to it.
    pub(super) remark: String,
    /// The limit that is wanted, as `<= 34 MB`; empty if there is none.
    pub(super) target: &'static str,
    /// The figure of the ironic-python-agent; empty if there is none.
    pub(super) quoted: &'static str,
}

/// All figures, and tables that explain them.
#[derive(Debug, Default)]
pub(super) struct Report {
    notes: Vec<String>,
    figures: Vec<Figure>,
    tables: Vec<String>,
}

impl Report {
    pub(super) fn note(&mut self, note: &str) {
        self.notes.push(note.to_owned());
    }

    pub(super) fn figure(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    /// A phase timeline with the time each phase took.
    pub(super) fn timeline(&mut self, what: &str, milestones: &[Milestone]) {
        let mut rows = vec![table::row(["reached", "at s", "after s"])];
        let mut before = 0;
        for (name, at_ms) in milestones {
            let (at, took) = (seconds(*at_ms), seconds(at_ms.saturating_sub(before)));
            rows.push(table::row([
                name,
                &format!("{at:.2}"),
                &format!("{took:.2}"),
            ]));
            before = *at_ms;
        }
        self.tables.push(format!(
            "Timeline {what}:\n{}",
            table::render(&rows, &[false, true, true])
        ));
    }

    pub(super) fn commands(&mut self, commands: &[(String, String)]) {
        let mut rows = vec![table::row(["command of Ironic", "how it ended"])];
        rows.extend(commands.iter().map(|(name, how)| table::row([name, how])));
        self.tables.push(table::render(&rows, &[]));
    }

    pub(super) fn contributors(&mut self, parts: &[(String, u64)]) {
        let mut rows = vec![table::row(["largest contributors", "bytes"])];
        rows.extend(
            parts
                .iter()
                .map(|(name, bytes)| table::row([name, &bytes.to_string()])),
        );
        self.tables.push(table::render(&rows, &[false, true]));
    }

    fn text(&self) -> String {
        let quotes = self.figures.iter().any(|figure| !figure.quoted.is_empty());
        let peer = if quotes { "ironic-python-agent *" } else { "" };
        let mut rows = vec![table::row(["figure", "measured", "target", peer, ""])];
        for figure in &self.figures {
            rows.push(table::row([
                figure.name,
                &figure.value,
                figure.target,
                figure.quoted,
                &figure.remark,
            ]));
        }
        let mut parts: Vec<String> = self.notes.iter().map(|note| format!("{note}\n")).collect();
        parts.extend(self.tables.iter().cloned());
        parts.push(table::render(&rows, &[]));
        if quotes {
            parts.push(format!("* {QUOTED}"));
        }
        parts.join("\n")
    }

    /// Prints everything on the standard output.
    pub(super) fn print(&self) {
        // Nobody reads if it is closed, and that is no failure of the bench.
        drop(writeln!(std::io::stdout().lock(), "\n{}", self.text()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_every_figure_and_says_what_is_quoted() {
        let mut report = Report::default();
        report.note("Host: 2 processors");
        report.figure(Figure {
            name: "deploy",
            value: "61 s".to_owned(),
            remark: "once".to_owned(),
            target: "",
            quoted: "207 s",
        });
        report.figure(Figure {
            name: "size",
            value: "29.2 MB".to_owned(),
            remark: String::new(),
            target: "<= 34 MB",
            quoted: "329 MB",
        });
        report.timeline(
            "of a boot",
            &[("init".to_owned(), 2100), ("link".to_owned(), 3000)],
        );
        let text = report.text();
        for part in [
            "Host: 2",
            "61 s",
            "207 s",
            "<= 34 MB",
            "0.90",
            "not measured in this run",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}

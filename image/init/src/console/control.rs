// SPDX-License-Identifier: Apache-2.0
//! What PID 1 tells the console process beside lines to show. It goes through the same pipe, as a
//! line that begins with a control character, so that it stays in order. Pure.

/// A line from init's pipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromInit<'a> {
    /// To be shown.
    Line(&'a str),
    /// The agent ended: show this and its last lines, so that nobody can overlook it.
    AgentEnded(&'a str),
    /// The machine goes down: show what is queued, then end.
    Finish,
}

const AGENT_ENDED: char = '\u{1}';
const FINISH: char = '\u{2}';

impl<'a> FromInit<'a> {
    /// Reads a line.
    pub fn parse(line: &'a str) -> Self {
        if let Some(text) = line.strip_prefix(AGENT_ENDED) {
            Self::AgentEnded(text)
        } else if line.starts_with(FINISH) {
            Self::Finish
        } else {
            Self::Line(line)
        }
    }

    /// The line that [`Self::parse`] reads.
    pub fn line(&self) -> String {
        match self {
            Self::Line(text) => (*text).to_owned(),
            Self::AgentEnded(text) => format!("{AGENT_ENDED}{text}"),
            Self::Finish => FINISH.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for message in [
            FromInit::Line("a"),
            FromInit::AgentEnded("it died"),
            FromInit::Finish,
        ] {
            assert_eq!(FromInit::parse(&message.line()), message);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
//! What a machine's console has told so far, boot by boot.

use super::console_events::ConsoleEvent;

/// A milestone: its name, and milliseconds since the kernel started.
pub type Milestone = (String, u64);

/// What was seen on one console.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    boots: Vec<Vec<Milestone>>,
    commands: Vec<(String, String)>,
    system: Vec<String>,
    troubles: Vec<String>,
}

impl Seen {
    /// Takes an event in.
    pub fn add(&mut self, event: &ConsoleEvent) {
        match event {
            ConsoleEvent::Kernel(_) => self.boots.push(Vec::new()),
            ConsoleEvent::Reached { name, at_ms } => match self.boots.last_mut() {
                Some(boot) => boot.push((name.clone(), *at_ms)),
                None => self.boots.push(vec![(name.clone(), *at_ms)]),
            },
            ConsoleEvent::CommandEnded { name, how } => {
                self.commands.push((name.clone(), how.clone()));
            }
            ConsoleEvent::System(said) => self.system.push(said.clone()),
            ConsoleEvent::Trouble(text) => self.troubles.push(text.clone()),
            _ => {}
        }
    }

    /// When the agent of the last boot reached `name`, in milliseconds since the kernel started.
    #[must_use]
    pub fn reached(&self, name: &str) -> Option<u64> {
        let boot = self.boots.iter().rev().find(|boot| !boot.is_empty())?;
        boot.iter()
            .find(|(known, _)| known == name)
            .map(|(_, at_ms)| *at_ms)
    }

    /// The milestones of the last boot that has any.
    #[must_use]
    pub fn milestones(&self) -> &[Milestone] {
        let last = self.boots.iter().rev().find(|boot| !boot.is_empty());
        last.map_or(&[], Vec::as_slice)
    }

    /// The commands that ended since the last call: name and how.
    pub fn take_commands(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.commands)
    }

    /// What the deployed system has said.
    #[must_use]
    pub fn system(&self) -> &[String] {
        &self.system
    }

    /// The first thing that went wrong in the kernel.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.troubles.first().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::console_events::read;

    #[test]
    fn milestones_belong_to_their_boot() {
        let mut seen = Seen::default();
        for line in [
            "[    0.000000] Linux version 6.12 (a) #1",
            "[    5.402] reached: inspection at 5400 ms",
            "[    0.000000] Linux version 6.12 (a) #1",
            "[    6.100] reached: lookup at 6100 ms",
            "[    8.200] command standby.sync: succeeded after 1.2 s",
            "[    0.000000] Linux version 6.12 (the deployed system) #1",
        ] {
            read(line).iter().for_each(|event| seen.add(event));
        }
        assert_eq!(seen.milestones(), [("lookup".to_owned(), 6100)]);
        assert_eq!(seen.reached("lookup"), Some(6100));
        assert_eq!(seen.reached("inspection"), None, "of an earlier boot");
        assert_eq!(seen.take_commands().len(), 1);
        assert!(seen.take_commands().is_empty());
        assert_eq!(seen.trouble(), None);
    }
}

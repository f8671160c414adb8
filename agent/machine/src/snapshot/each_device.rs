// SPDX-License-Identifier: Apache-2.0
//! Asks many devices at the same time, each by a thread of its own: one that
//! hangs costs its own data and never the others'.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use super::recorder::words;

/// Enough for a command and its buffer, which lie on the heap.
const STACK: usize = 128 << 10;

/// `None` when the device has nothing more to say.
type Message<T> = (String, Option<T>);

/// Devices that were asked and may still answer.
#[derive(Debug)]
pub(super) struct Asked<T> {
    answers: Receiver<Message<T>>,
    waiting: Vec<String>,
    /// Devices for which there is no thread, and why.
    not_asked: Vec<(String, String)>,
    began: Instant,
    patience: Duration,
}

impl<T: Send + 'static> Asked<T> {
    /// Begins to ask. `ask` gets a device's name and what is known of it, and a
    /// function that takes each answer as it comes.
    pub(super) fn start<D: Send + 'static>(
        devices: Vec<(String, D)>,
        patience: Duration,
        ask: impl Fn(&str, D, &mut dyn FnMut(T)) + Clone + Send + 'static,
    ) -> Self {
        let (sender, answers) = channel();
        let mut asked = Self {
            answers,
            waiting: Vec::new(),
            not_asked: Vec::new(),
            began: Instant::now(),
            patience,
        };
        for (name, device) in devices {
            match spawn(name.clone(), device, sender.clone(), ask.clone()) {
                Ok(()) => asked.waiting.push(name),
                Err(error) => asked.not_asked.push((name, words(&error))),
            }
        }
        asked
    }

    /// Takes the answers until every device is done or patience is over; gives
    /// back the devices that are not done, with the reason.
    pub(super) fn finish(mut self, mut each: impl FnMut(&str, T)) -> Vec<(String, String)> {
        let deadline = self.began + self.patience;
        while !self.waiting.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.answers.recv_timeout(left) {
                Ok((name, Some(answer))) => each(&name, answer),
                Ok((name, None)) => self.waiting.retain(|waiting| *waiting != name),
                Err(_) => break,
            }
        }
        let seconds = self.patience.as_secs();
        let silent = self.waiting.into_iter();
        self.not_asked
            .extend(silent.map(|name| (name, format!("no answer within {seconds} s"))));
        self.not_asked
    }
}

fn spawn<T: Send + 'static, D: Send + 'static>(
    name: String,
    device: D,
    sender: Sender<Message<T>>,
    ask: impl Fn(&str, D, &mut dyn FnMut(T)) + Send + 'static,
) -> std::io::Result<()> {
    let thread = std::thread::Builder::new()
        .name(format!("probe {name}"))
        .stack_size(STACK);
    thread
        .spawn(move || {
            // Nobody listens any more if the device took too long.
            ask(&name, device, &mut |answer| {
                let _ = sender.send((name.clone(), Some(answer)));
            });
            let _ = sender.send((name, None));
        })
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_hangs_keeps_what_it_had_said_and_delays_nobody() {
        let (never, hang) = channel::<()>();
        let hang = std::sync::Arc::new(std::sync::Mutex::new(hang));
        let devices = vec![("good".to_owned(), false), ("bad".to_owned(), true)];
        let asked = Asked::start(devices, Duration::from_secs(3), move |_, hangs, tell| {
            tell(1);
            if hangs {
                let _ = hang.lock().expect("a lock").recv();
            }
            tell(2);
        });
        let mut heard = Vec::new();
        let silent = asked.finish(|name, number| heard.push((name.to_owned(), number)));
        heard.sort();
        let heard: Vec<(&str, i32)> = heard.iter().map(|(n, a)| (n.as_str(), *a)).collect();
        assert_eq!(heard, [("bad", 1), ("good", 1), ("good", 2)]);
        assert_eq!(silent.len(), 1);
        assert_eq!(silent[0].0, "bad");
        drop(never);
    }
}

// SPDX-License-Identifier: Apache-2.0
//! What the lab tells people while it works. Scenarios print plain lines; the demo listens to the
//! same calls and draws something nicer.

use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

/// Receives what happens in the lab, one short line of plain text at a time.
pub trait Narrate: Send + Sync {
    /// Something happened.
    fn say(&self, line: &str);
}

/// A shared [`Narrate`].
#[derive(Clone)]
pub struct Narrator(Arc<dyn Narrate>);

impl Narrator {
    /// Tells everything to `listener`.
    pub fn new(listener: impl Narrate + 'static) -> Self {
        Self(Arc::new(listener))
    }

    /// Prints each line with the seconds since now to the standard error.
    #[must_use]
    pub fn plain() -> Self {
        Self::new(Plain {
            start: Instant::now(),
        })
    }

    /// Something happened.
    pub fn say(&self, line: impl AsRef<str>) {
        self.0.say(line.as_ref());
    }
}

impl fmt::Debug for Narrator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Narrator")
    }
}

struct Plain {
    start: Instant,
}

impl Narrate for Plain {
    fn say(&self, line: &str) {
        let seconds = self.start.elapsed().as_secs_f64();
        // Nobody listens if the standard error is closed, and that is no failure of the lab.
        let _written = writeln!(std::io::stderr().lock(), "[{seconds:7.1}] {line}");
    }
}

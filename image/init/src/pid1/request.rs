// SPDX-License-Identifier: Apache-2.0
//! What PID 1 can be asked by signal. Pure.
//!
//! The numbers are those of systemd (systemd(1), SIGNALS), so that the agent asks in the same way
//! whether it runs in this image or as a service elsewhere. systemd is built with glibc, whose
//! SIGRTMIN is 34; musl's is 35, so the numbers are written out here and must be by the sender.

const SIGRTMIN: u32 = 34;
const SIGINT: u32 = 2;

/// A wish about the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// SIGRTMIN+4.
    PowerOff,
    /// SIGRTMIN+5, or Ctrl-Alt-Del, which the kernel turns into SIGINT.
    Reboot,
    /// SIGRTMIN+6; understood, but not carried out yet.
    Kexec,
}

impl Request {
    /// The wish that a signal stands for.
    pub fn from_signal(number: u32) -> Option<Self> {
        match number {
            SIGINT => Some(Self::Reboot),
            n if n == SIGRTMIN + 4 => Some(Self::PowerOff),
            n if n == SIGRTMIN + 5 => Some(Self::Reboot),
            n if n == SIGRTMIN + 6 => Some(Self::Kexec),
            _ => None,
        }
    }

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::PowerOff => "power off",
            Self::Reboot => "reboot",
            Self::Kexec => "kexec",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals() {
        for (number, expected) in [
            (2, Some(Request::Reboot)),
            (38, Some(Request::PowerOff)),
            (39, Some(Request::Reboot)),
            (40, Some(Request::Kexec)),
            (15, None),
            (17, None),
            (37, None),
            (41, None),
        ] {
            assert_eq!(Request::from_signal(number), expected, "{number}");
        }
    }
}

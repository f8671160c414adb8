// SPDX-License-Identifier: Apache-2.0
//! `/init`. Which of its uses this is, see the library.
//!
//! It has a C `main`, not Rust's: before Rust's `main` the standard library opens `/dev/null` for
//! each standard file descriptor that is closed, and aborts if it cannot. Both happen when the
//! kernel found no console (`console=ttyS5` on a machine without one) and nothing is mounted yet;
//! PID 1 would die without a word.
#![no_main]

use std::convert::Infallible;
use std::error::Error;
use std::ffi::{CStr, c_char, c_int};
use std::time::Duration;

use ironseed_init::say::{Priority, kernel_log, say_error};
use ironseed_init::{console, modules, pid1};

#[expect(unsafe_code, reason = "the name that the C start-up code calls")]
#[unsafe(no_mangle)]
extern "C" fn main(count: c_int, arguments: *const *const c_char) -> c_int {
    let arguments = read_arguments(count, arguments);
    if std::process::id() == 1 {
        be_pid_1(&arguments);
    }
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["console"] => report(console::program::run()),
        ["modules"] => report(modules::coldplug::run().map(unreachable)),
        ["agent"] => report(pid1::children::become_agent().map(unreachable)),
        ["-q", "--", name, ..] => {
            modules::request::answer(name);
            0
        }
        _ => 2,
    }
}

/// The arguments without the program's name.
fn read_arguments(count: c_int, arguments: *const *const c_char) -> Vec<String> {
    let count = usize::try_from(count).unwrap_or(0);
    (1..count)
        .map(|number| {
            #[expect(unsafe_code, reason = "arguments come as C strings")]
            // SAFETY: the C start-up code passes `count` pointers to strings that end with a zero
            // byte and live as long as the process.
            let argument = unsafe { CStr::from_ptr(*arguments.add(number)) };
            argument.to_string_lossy().into_owned()
        })
        .collect()
}

/// Tries for ever: the end of PID 1 is a kernel panic.
fn be_pid_1(arguments: &[String]) -> ! {
    loop {
        // It comes back only if it failed.
        let Err(error) = pid1::life::run(arguments);
        kernel_log(
            Priority::Critical,
            &format!("{error}: {:?}", error.source()),
        );
        std::thread::sleep(Duration::from_secs(1));
    }
}

fn report<E: Error>(result: Result<(), E>) -> c_int {
    match result {
        Ok(()) => 0,
        Err(error) => {
            say_error(&error);
            1
        }
    }
}

fn unreachable(never: Infallible) {
    match never {}
}

// SPDX-License-Identifier: Apache-2.0
//! The terminal a person looks at.

use std::os::fd::AsRawFd as _;

mod request {
    nix::ioctl_read_bad!(
        /// `TIOCGWINSZ` (ioctl_tty(2)).
        window_size, nix::libc::TIOCGWINSZ, nix::libc::winsize
    );
}

/// Columns of the terminal behind standard output; `None` if it is none or does
/// not say, as serial lines do.
#[must_use]
pub fn columns() -> Option<u16> {
    let mut size = nix::libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    #[expect(unsafe_code, reason = "ioctl(2) has no safe interface")]
    // SAFETY: the structure is the one the request fills in and lives until it returns.
    unsafe { request::window_size(std::io::stdout().as_raw_fd(), &raw mut size) }.ok()?;
    (size.ws_col > 0).then_some(size.ws_col)
}

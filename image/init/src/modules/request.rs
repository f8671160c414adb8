// SPDX-License-Identifier: Apache-2.0
//! The kernel's own requests for modules (`request_module()`): a file system to be mounted, a
//! cipher, a network protocol. The kernel runs the program named in `/proc/sys/kernel/modprobe`
//! as `PROGRAM -q -- NAME` and waits for it; PID 1 puts `/init` there.

use super::index::Index;
use super::load::load;
use crate::say::say_error;

/// Loads what `name` stands for. Names that the image knows nothing of are no error: the kernel
/// asks for many things that do not exist (`net-pf-5`).
pub fn answer(name: &str) {
    let index = Index::read();
    for module in index.for_request(name) {
        for wanted in index.plan(&module) {
            if let Err(error) = load(&index, wanted) {
                say_error(&error);
                break;
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
//! The smallest memory with which a server can be inspected, and deployed to.

use std::time::Duration;

use super::report::{Figure, Report};
use super::{MEMORY_MIB, deploy, inspect};
use crate::error::Error;
use crate::lab::Lab;
use crate::node::ImageSource;

/// A try that takes longer counts as one that failed.
const INSPECT_LIMIT: Duration = Duration::from_mins(2);
const DEPLOY_LIMIT: Duration = Duration::from_mins(10);
/// The indexes of the servers that are tried.
const FIRST_INSPECT: u8 = 0x10;
const FIRST_DEPLOY: u8 = 0x50;

/// Tries and reports both.
pub(super) fn measure(lab: &Lab, image: &ImageSource, report: &mut Report) -> Result<(), Error> {
    let inspects = search(lab, "inspects", |index, mib| {
        let (name, index) = (format!("inspect-{mib}"), FIRST_INSPECT + index);
        inspect::inspect(lab, &name, index, mib, INSPECT_LIMIT).map(drop)
    })?;
    report.figure(Figure {
        name: "smallest memory that inspects (BIOS)",
        value: inspects.0,
        remark: inspects.1,
        target: "<= 192 MiB",
        quoted: "",
    });
    let deploys = search(lab, "deploys", |index, mib| {
        let (name, index) = (format!("deploy-{mib}"), FIRST_DEPLOY + index);
        deploy::deploy(lab, image, &name, index, mib, DEPLOY_LIMIT).map(drop)
    })?;
    report.figure(Figure {
        name: "smallest memory that deploys (UEFI)",
        value: deploys.0,
        remark: deploys.1,
        target: "<= 256 MiB",
        quoted: "2560 MiB",
    });
    Ok(())
}

/// The smallest size that passes, and what the next smaller one failed with.
fn search(
    lab: &Lab,
    what: &str,
    mut attempt: impl FnMut(u8, u32) -> Result<(), Error>,
) -> Result<(String, String), Error> {
    let mut tries = 0_u8;
    let mut failure: Option<(u32, String)> = None;
    let found = smallest(&MEMORY_MIB, |mib| {
        let result = attempt(tries, mib);
        tries += 1;
        match result {
            Ok(()) => {
                lab.narrator().say(format!("{mib} MiB: {what}"));
                Ok(true)
            }
            Err(error) if is_the_servers(&error) => {
                let reason = first_line(&error.chain());
                lab.narrator().say(format!("{mib} MiB: fails: {reason}"));
                if failure.as_ref().is_none_or(|(largest, _)| *largest < mib) {
                    failure = Some((mib, reason));
                }
                Ok(false)
            }
            Err(error) => Err(error),
        }
    })?;
    let value = found.map_or_else(|| "none".to_owned(), |mib| format!("{mib} MiB"));
    let remark = match failure {
        Some((mib, reason)) => format!("{mib} MiB: {reason}"),
        None => "nothing smaller was tried".to_owned(),
    };
    Ok((value, remark))
}

/// The server did not do what it should. Any other error is one of the lab and no answer.
fn is_the_servers(error: &Error) -> bool {
    matches!(
        error,
        Error::Expected { .. }
            | Error::Timeout { .. }
            | Error::NodeFailed { .. }
            | Error::Disk { .. }
    )
}

fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(100).collect()
}

/// The smallest of `sizes`, which ascend, that passes, if each size above one that passes does too.
/// No size is tried twice.
///
/// # Errors
/// The first one of `passes`.
fn smallest<E>(
    sizes: &[u32],
    mut passes: impl FnMut(u32) -> Result<bool, E>,
) -> Result<Option<u32>, E> {
    let (mut low, mut high) = (0, sizes.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        if passes(sizes[middle])? {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(sizes.get(low).copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_is_found_with_few_tries() {
        let limits = MEMORY_MIB.into_iter().chain([0, 97, 129, 1000]);
        for limit in limits {
            let mut tries = Vec::new();
            let found = smallest(&MEMORY_MIB, |mib| {
                assert!(!tries.contains(&mib), "{limit}: {mib} twice");
                tries.push(mib);
                Ok::<_, ()>(mib >= limit)
            });
            let expected = MEMORY_MIB.into_iter().find(|mib| *mib >= limit);
            assert_eq!(found, Ok(expected), "{limit}");
            assert!(tries.len() <= 4, "{limit}: {tries:?}");
        }
        assert_eq!(smallest(&[], |_| Ok::<_, ()>(true)), Ok(None));
        assert_eq!(smallest(&MEMORY_MIB, |_| Err("the lab")), Err("the lab"));
    }
}

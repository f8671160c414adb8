// SPDX-License-Identifier: Apache-2.0
//! The kernel's IPv6 settings of a port (the kernel's networking/ip-sysctl.rst).

use ironseed_core::network::ra::KernelIpv6;
use ironseed_core::network::ra::kernel::DIRECTORY;

use crate::net::NetError;
use crate::root::Root;

/// Writes the settings of a port. A kernel that does not know one of them, or
/// IPv6 at all, is left as it is. Goes on after a failure.
pub(super) fn apply(root: &Root, port: &str, wanted: &KernelIpv6) -> Vec<NetError> {
    let known = |path: &String| root.exists(path);
    let write = |(name, value): (&str, u32)| {
        let path = format!("{DIRECTORY}{port}/{name}");
        let written = known(&path).then(|| root.write(&path, value.to_string().as_bytes()));
        let source = written?.err()?;
        Some(NetError::Setting {
            path,
            value,
            source,
        })
    };
    wanted.settings().into_iter().filter_map(write).collect()
}

// SPDX-License-Identifier: Apache-2.0
//! DHCP and TFTP: what a machine asks that boots from the network. UEFI firmware gets iPXE by
//! TFTP, and iPXE gets Ironic's boot script by HTTP.

use std::path::Path;
use std::process::Command;

use crate::error::Error;
use crate::files;
use crate::network::{self, BRIDGE, FILES_PORT, LEASES};
use crate::process::Service;

/// Debian's iPXE that uses the firmware's own network driver, and the one for BIOS machines.
const LOADERS: [&str; 2] = ["snponly.efi", "undionly.kpxe"];

/// The running server.
#[derive(Debug)]
pub struct Dnsmasq {
    _service: Service,
}

impl Dnsmasq {
    /// Starts dnsmasq.
    ///
    /// # Errors
    /// If it cannot start.
    pub fn start(work_dir: &Path, tftp_root: &Path, log_dir: &Path) -> Result<Self, Error> {
        for loader in LOADERS {
            files::copy(
                &Path::new("/usr/lib/ipxe").join(loader),
                &tftp_root.join(loader),
            )?;
        }
        let config = work_dir.join("dnsmasq.conf");
        files::write(&config, configuration(work_dir, tftp_root))?;
        let mut argument = std::ffi::OsString::from("--conf-file=");
        argument.push(&config);
        let mut command = Command::new("dnsmasq");
        command.arg("--keep-in-foreground").arg(argument);
        Ok(Self {
            _service: Service::start("dnsmasq", &mut command, log_dir)?,
        })
    }
}

fn configuration(work_dir: &Path, tftp_root: &Path) -> String {
    let (first, last) = LEASES;
    let work = work_dir.display();
    let tftp = tftp_root.display();
    let script = format!("{}/boot.ipxe", network::url(FILES_PORT));
    format!(
        "# No DNS: nothing in the lab has a name.\n\
         port=0\n\
         user=root\n\
         group=root\n\
         interface={BRIDGE}\n\
         bind-interfaces\n\
         dhcp-range={first},{last},255.255.255.0,1h\n\
         dhcp-authoritative\n\
         # Do not ping an address for three seconds before offering it.\n\
         no-ping\n\
         dhcp-leasefile={work}/dnsmasq.leases\n\
         pid-file={work}/dnsmasq.pid\n\
         log-dhcp\n\
         log-facility=-\n\
         enable-tftp\n\
         tftp-root={tftp}\n\
         # iPXE names itself with option 175; everything else is firmware.\n\
         dhcp-match=set:ipxe,175\n\
         dhcp-match=set:efi,option:client-arch,7\n\
         dhcp-match=set:efi,option:client-arch,9\n\
         dhcp-boot=tag:ipxe,{script}\n\
         dhcp-boot=tag:!ipxe,tag:efi,snponly.efi\n\
         dhcp-boot=tag:!ipxe,tag:!efi,undionly.kpxe\n"
    )
}

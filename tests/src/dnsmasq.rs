// SPDX-License-Identifier: Apache-2.0
//! DHCP and TFTP: what a machine asks that boots from the network. UEFI firmware gets iPXE by
//! TFTP, and iPXE gets Ironic's boot script by HTTP.

use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;

use crate::error::Error;
use crate::files;
use crate::network::{self, BRIDGE, FILES_PORT, LEASES};
use crate::process::Service;

/// Debian's iPXE that uses the firmware's own network driver, and the one for BIOS machines.
const LOADERS: [&str; 2] = ["snponly.efi", "undionly.kpxe"];
/// A file in the work directory that is read again at SIGHUP.
const HOSTS: &str = "dnsmasq.hosts";

/// The running server.
#[derive(Debug)]
pub struct Dnsmasq {
    service: Service,
    hosts: PathBuf,
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
        let hosts = work_dir.join(HOSTS);
        files::write(&hosts, "")?;
        let config = work_dir.join("dnsmasq.conf");
        files::write(&config, configuration(work_dir, tftp_root))?;
        let mut argument = std::ffi::OsString::from("--conf-file=");
        argument.push(&config);
        let mut command = Command::new("dnsmasq");
        command.arg("--keep-in-foreground").arg(argument);
        Ok(Self {
            service: Service::start("dnsmasq", &mut command, log_dir)?,
            hosts,
        })
    }

    /// Gives no answer to these hardware addresses from now on, and answers all others.
    ///
    /// # Errors
    /// [`Error::File`], or [`Error::Kernel`] if the server is not there to be told.
    pub fn ignore(&self, macs: &[&str]) -> Result<(), Error> {
        let lines: Vec<String> = macs.iter().map(|mac| format!("{mac},ignore\n")).collect();
        files::write(&self.hosts, lines.concat())?;
        self.service.signal(Signal::SIGHUP)
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
         dhcp-hostsfile={work}/{HOSTS}\n\
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

// SPDX-License-Identifier: Apache-2.0
//! Ironic's configuration file. Only what differs from Ironic's own defaults is set, so that the
//! agent meets the Ironic that operators run.

use std::fmt::Write;
use std::path::Path;

use crate::network::{self, ADDRESS, FILES_PORT, IRONIC_PORT};

/// Options of Ironic that scenarios choose.
#[derive(Clone, Debug)]
pub struct IronicOptions {
    /// `[deploy]fast_track`: one life of the agent serves several operations.
    pub fast_track: bool,
    /// `[conductor]deploy_callback_timeout`, seconds since the last heartbeat.
    pub deploy_callback_timeout: u32,
    /// `[api]ramdisk_heartbeat_timeout`, seconds; the agent beats at 0.3 to 0.6 of it.
    pub heartbeat_timeout: u32,
    /// Words that Ironic appends to the kernel command line of the agent image.
    pub kernel_params: String,
    /// Inspection hooks beside Ironic's default ones, comma separated.
    pub inspection_hooks: String,
}

/// Both consoles, so that everything is on the screen and in the serial log. `nofb vga=normal` is
/// Ironic's own default.
pub const KERNEL_PARAMS: &str = "nofb vga=normal console=tty0 console=ttyS0,115200n8";

impl Default for IronicOptions {
    fn default() -> Self {
        Self {
            fast_track: false,
            deploy_callback_timeout: 1800,
            heartbeat_timeout: 60,
            kernel_params: KERNEL_PARAMS.to_owned(),
            inspection_hooks: String::new(),
        }
    }
}

/// The directories that the configuration names.
#[derive(Debug)]
pub struct Directories<'a> {
    /// Ironic's state.
    pub state: &'a Path,
    /// Where the agent's logs go that Ironic fetches.
    pub agent_logs: &'a Path,
    /// The root of the file server.
    pub http: &'a Path,
    /// The root of the TFTP server.
    pub tftp: &'a Path,
}

/// The whole file.
#[must_use]
pub fn render(options: &IronicOptions, directories: &Directories<'_>) -> String {
    let mut text = String::new();
    for (section, entries) in sections(options, directories) {
        // Writing to a string cannot fail.
        let _written = writeln!(text, "[{section}]");
        for (key, value) in entries {
            let _written = writeln!(text, "{key} = {value}");
        }
        text.push('\n');
    }
    text
}

type Section = (&'static str, Vec<(&'static str, String)>);

fn sections(options: &IronicOptions, directories: &Directories<'_>) -> Vec<Section> {
    let mut sections = hardware();
    sections.extend(storage(directories));
    sections.extend(operations(options, directories));
    sections.extend(boot(options, directories));
    sections
}

fn hardware() -> Vec<Section> {
    let text = |value: &str| value.to_owned();
    vec![(
        "DEFAULT",
        vec![
            ("auth_strategy", text("noauth")),
            ("rpc_transport", text("none")),
            ("debug", text("true")),
            ("host", text("ironseed-lab")),
            ("my_ip", ADDRESS.to_string()),
            ("enabled_hardware_types", text("redfish,fake-hardware")),
            (
                "enabled_boot_interfaces",
                text("redfish-virtual-media,ipxe,fake"),
            ),
            ("enabled_deploy_interfaces", text("direct,fake")),
            ("enabled_inspect_interfaces", text("agent,no-inspect,fake")),
            // Auto-discovery enrolls with the default, and the fake one refuses what agents send.
            ("default_inspect_interface", text("agent")),
            ("enabled_management_interfaces", text("redfish,fake")),
            ("enabled_network_interfaces", text("noop")),
            ("enabled_power_interfaces", text("redfish,agent,fake")),
            ("enabled_raid_interfaces", text("agent,no-raid,fake")),
            ("enabled_rescue_interfaces", text("agent,no-rescue,fake")),
            ("enabled_bios_interfaces", text("no-bios,fake")),
            ("enabled_console_interfaces", text("no-console,fake")),
            ("enabled_firmware_interfaces", text("no-firmware,fake")),
            ("enabled_storage_interfaces", text("noop,fake")),
            ("enabled_vendor_interfaces", text("no-vendor,fake")),
            // Debian's signed GRUB for optical media looks here.
            ("grub_config_path", text("boot/grub/grub.cfg")),
            ("isolinux_bin", text("/usr/lib/ISOLINUX/isolinux.bin")),
            (
                "ldlinux_c32",
                text("/usr/lib/syslinux/modules/bios/ldlinux.c32"),
            ),
        ],
    )]
}

fn storage(directories: &Directories<'_>) -> Vec<Section> {
    let state = directories.state;
    let under = |name: &str| state.join(name).display().to_string();
    vec![
        (
            "database",
            vec![(
                "connection",
                format!("sqlite:///{}", under("ironic.sqlite")),
            )],
        ),
        ("oslo_concurrency", vec![("lock_path", under("lock"))]),
        ("dhcp", vec![("dhcp_provider", "none".to_owned())]),
        ("inventory", vec![("data_backend", "database".to_owned())]),
        (
            "agent",
            vec![
                ("certificates_path", under("certificates")),
                ("deploy_logs_collect", "always".to_owned()),
                (
                    "deploy_logs_local_path",
                    directories.agent_logs.display().to_string(),
                ),
                // Looks more often than on real machines, where minutes do not matter.
                ("command_wait_interval", "2".to_owned()),
                ("command_wait_attempts", "300".to_owned()),
                ("post_deploy_get_power_state_retry_interval", "2".to_owned()),
                ("post_deploy_get_power_state_retries", "30".to_owned()),
            ],
        ),
    ]
}

fn operations(options: &IronicOptions, directories: &Directories<'_>) -> Vec<Section> {
    let ironic = network::url(IRONIC_PORT);
    vec![
        (
            "api",
            vec![
                ("host_ip", ADDRESS.to_string()),
                ("port", IRONIC_PORT.to_string()),
                ("public_endpoint", ironic.clone()),
                (
                    "ramdisk_heartbeat_timeout",
                    options.heartbeat_timeout.to_string(),
                ),
            ],
        ),
        ("service_catalog", vec![("endpoint_override", ironic)]),
        (
            "conductor",
            vec![
                (
                    "bootloader",
                    format!("{}/boot/esp.img", network::url(FILES_PORT)),
                ),
                ("check_provision_state_interval", "5".to_owned()),
                ("sync_power_state_interval", "15".to_owned()),
                (
                    "deploy_callback_timeout",
                    options.deploy_callback_timeout.to_string(),
                ),
            ],
        ),
        (
            "deploy",
            vec![
                ("http_url", network::url(FILES_PORT)),
                ("http_root", directories.http.display().to_string()),
                ("default_boot_mode", "uefi".to_owned()),
                ("fast_track", options.fast_track.to_string()),
            ],
        ),
        ("inspector", inspector(options)),
        (
            "auto_discovery",
            vec![
                ("enabled", "true".to_owned()),
                ("driver", "fake-hardware".to_owned()),
            ],
        ),
    ]
}

fn inspector(options: &IronicOptions) -> Vec<(&'static str, String)> {
    if options.inspection_hooks.is_empty() {
        return Vec::new();
    }
    vec![(
        "hooks",
        format!("$default_hooks,{}", options.inspection_hooks),
    )]
}

fn boot(options: &IronicOptions, directories: &Directories<'_>) -> Vec<Section> {
    let state = directories.state;
    let under = |name: &str| state.join(name).display().to_string();
    vec![
        (
            "pxe",
            vec![
                ("kernel_append_params", options.kernel_params.clone()),
                ("images_path", under("images")),
                ("instance_master_path", under("master_images")),
                ("tftp_server", ADDRESS.to_string()),
                ("tftp_root", directories.tftp.display().to_string()),
                ("tftp_master_path", under("master_tftp")),
                ("ipxe_fallback_script", "discover.ipxe".to_owned()),
            ],
        ),
        (
            "redfish",
            vec![
                ("kernel_append_params", options.kernel_params.clone()),
                ("use_swift", "false".to_owned()),
            ],
        ),
    ]
}

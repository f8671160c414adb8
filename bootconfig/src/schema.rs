// SPDX-License-Identifier: Apache-2.0
//! The table of settings. Adding a setting is one row here and nothing else.
//!
//! A row reads: documentation, field of [`Settings`], type, default, kind, and
//! the names it has in each source. From it come the parsing, `bootconfig
//! show`, the reference (`bootconfig schema`) and the names the writing side
//! accepts. Which values mean what is contract §2.2 and §2.5.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::kind::{self, Facts};
use crate::origin::Setting;
use crate::problem::{Problem, Warning};
use crate::secret::{AgentToken, Password};
use crate::sources::Assignments;
use crate::value::{
    ApiVersion, AuthStrategy, BootInterface, ContainerRunner, Curve, FaAddresses, LldpMode,
    NetworkFallback, OsismNetwork, Protocol, TlsVersion, UrlList, Verify,
};

/// Names of a setting. No name for a source means it cannot be set there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names {
    /// Word on the kernel command line and the parameters disk.
    pub word: Option<&'static str>,
    /// Section and key in config files. Flags of the agent use the key.
    pub key: Option<(&'static str, &'static str)>,
    /// A former section and key, still accepted.
    pub former_key: Option<(&'static str, &'static str)>,
    /// Key in the `config` object of lookup (contract §7).
    pub lookup: Option<&'static str>,
}

/// Section of a key that names none.
pub(crate) const DEFAULT_SECTION: &str = "DEFAULT";

const NAMELESS: Names = Names {
    word: None,
    key: None,
    former_key: None,
    lookup: None,
};

const fn word(word: &'static str) -> Names {
    Names {
        word: Some(word),
        ..NAMELESS
    }
}

const fn key(section: &'static str, key: &'static str) -> Names {
    Names {
        key: Some((section, key)),
        ..NAMELESS
    }
}

/// A setting with no name in any file: only lookup sets it.
const fn lookup_only(key: &'static str) -> Names {
    NAMELESS.lookup(key)
}

impl Names {
    const fn key(mut self, key: &'static str) -> Self {
        self.key = Some((DEFAULT_SECTION, key));
        self
    }

    const fn section(mut self, section: &'static str, key: &'static str) -> Self {
        self.key = Some((section, key));
        self
    }

    const fn formerly(mut self, section: &'static str, key: &'static str) -> Self {
        self.former_key = Some((section, key));
        self
    }

    const fn lookup(mut self, key: &'static str) -> Self {
        self.lookup = Some(key);
        self
    }
}

/// What is known of a setting without its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Field of [`Settings`].
    pub field: &'static str,
    /// Its names in each source.
    pub names: Names,
    /// How it is written.
    pub facts: Facts,
    /// What it does.
    pub doc: &'static str,
}

/// A setting as `show` prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The value as text, secrets masked.
    pub value: String,
    /// Where it came from.
    pub origin: crate::Origin,
}

/// Turns the rows into [`Settings`], its default, its reader and [`SCHEMA`].
macro_rules! settings {
    ($( $(#[doc = $doc:literal])+ $field:ident: $type:ty = $default:expr; $kind:expr; $names:expr; )+) => {
        /// Every setting, resolved. Each value knows its origin.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Settings {
            $( $(#[doc = $doc])+ pub $field: Setting<$type>, )+
            /// Words and keys without effect, for the operator to look at.
            pub warnings: Vec<Warning>,
        }

        impl Default for Settings {
            fn default() -> Self {
                Self {
                    $( $field: Setting::default_value($default), )+
                    warnings: Vec::new(),
                }
            }
        }

        impl Settings {
            /// Reads each setting from the assignments; a setting whose value
            /// is bad keeps its default and adds a problem.
            pub(crate) fn read(found: &Assignments<'_>, problems: &mut Vec<Problem>) -> Self {
                let mut settings = Self::default();
                let mut warnings = Vec::new();
                $(
                    if let Some(read) = found.settle(&$names, &$kind, problems, &mut warnings) {
                        settings.$field = read;
                    }
                )+
                settings.warnings = warnings;
                settings
            }

            /// Every row of the schema with its value, in the order of the
            /// schema.
            #[must_use]
            pub fn shown(&self) -> Vec<(&'static Row, Shown)> {
                let values = [ $( Shown {
                    value: ($kind.render)(&self.$field.value),
                    origin: self.$field.origin.clone(),
                }, )+ ];
                SCHEMA.iter().zip(values).collect()
            }
        }

        /// All settings, in the order in which they are shown.
        pub static SCHEMA: &[Row] = &[ $( Row {
            field: stringify!($field),
            names: $names,
            facts: $kind.facts,
            doc: concat!($($doc),+),
        }, )+ ];
    };
}

settings! {
    /// Base URLs of Ironic's API, tried in order; paths such as /v1/lookup are appended.
    api_urls: UrlList = UrlList::Unset; kind::URLS; word("ipa-api-url").key("api_url");
    /// Full URLs to post inspection data to; setting it enables inspection.
    inspection_callback_urls: UrlList = UrlList::Unset; kind::URLS; word("ipa-inspection-callback-url").key("inspection_callback_url");
    /// Collectors that run at inspection, in this order; with ipa-api-url set, naming them enables inspection.
    inspection_collectors: Vec<String> = texts(&["default", "logs"]); kind::LIST; word("ipa-inspection-collectors").key("inspection_collectors");
    /// Longest wait for an IPv4 address before collecting; 0 does not wait.
    inspection_dhcp_wait_timeout: Duration = Duration::from_secs(60); kind::SECONDS; word("ipa-inspection-dhcp-wait-timeout").key("inspection_dhcp_wait_timeout");
    /// Wait for an address on all NICs, not only on the boot NIC.
    inspection_dhcp_all_interfaces: bool = false; kind::BOOL; word("ipa-inspection-dhcp-all-interfaces").key("inspection_dhcp_all_interfaces");
    /// Benchmarks of the extra-hardware collector: cpu, disk, mem.
    inspection_benchmarks: Vec<String> = Vec::new(); kind::LIST; word("ipa-inspection-benchmarks");
    /// Interfaces whose address begins with fa:, auto drops them on hardware and keeps them on virtual machines.
    fa_addresses: FaAddresses = FaAddresses::Auto; kind::FA_ADDRESSES; word("ipa-fa-addresses").key("fa_addresses");
    /// Token shared with Ironic before boot.
    agent_token: Option<AgentToken> = None; kind::TOKEN; word("ipa-agent-token").key("agent_token");
    /// Request id sent with every call to Ironic, req-<uuid>.
    global_request_id: Option<String> = None; kind::TEXT; word("ipa-global-request-id").key("global_request_id");
    /// Debug messages in the log.
    debug: bool = false; kind::DEBUG; word("ipa-debug").key("debug");
    /// Do not verify the TLS certificates of Ironic and of image servers.
    insecure: bool = false; kind::BOOL; word("ipa-insecure").key("insecure");
    /// Version of Ironic's API, instead of asking for it.
    ironic_api_version: Option<ApiVersion> = None; kind::API_VERSION; word("ipa-ironic-api-version").key("ironic_api_version");
    /// How long lookup is tried before the agent exits.
    lookup_timeout: Duration = Duration::from_secs(600); kind::SECONDS; word("ipa-lookup-timeout").key("lookup_timeout");
    /// Shortest wait between two lookups.
    lookup_interval: Duration = Duration::from_secs(1); kind::SECONDS; word("ipa-lookup-interval").key("lookup_interval");
    /// Timeout of each request to Ironic.
    http_request_timeout: Duration = Duration::from_secs(30); kind::POSITIVE_SECONDS; word("ipa-http-request-timeout").key("http_request_timeout");
    /// Address the agent's API listens on; none means all, :: or without IPv6 0.0.0.0.
    listen_host: Option<IpAddr> = None; kind::ADDRESS; word("ipa-listen-host").key("listen_host");
    /// Port the agent's API listens on.
    listen_port: u16 = 9999; kind::PORT; word("ipa-listen-port").key("listen_port");
    /// Host in the callback URL; none means the address that routes to Ironic.
    advertise_host: Option<String> = None; kind::HOST; word("ipa-advertise-host").key("advertise_host");
    /// Port in the callback URL.
    advertise_port: u16 = 9999; kind::PORT; word("ipa-advertise-port").key("advertise_port");
    /// Scheme of the callback URL; automatic TLS makes it https.
    advertise_protocol: Protocol = Protocol::Http; kind::PROTOCOL; word("ipa-advertise-protocol").key("advertise_protocol");
    /// NIC whose IPv4 address is advertised.
    network_interface: Option<String> = None; kind::TEXT; word("ipa-network-interface").key("network_interface");
    /// Tries to find the address to advertise.
    ip_lookup_attempts: u32 = 6; kind::ATTEMPTS; word("ipa-ip-lookup-attempts").key("ip_lookup_attempts");
    /// Pause between two tries to find the address to advertise.
    ip_lookup_sleep: Duration = Duration::from_secs(10); kind::SECONDS; word("ipa-ip-lookup-timeout").key("ip_lookup_sleep");
    /// Oldest TLS version, as server and as client.
    tls_min_version: TlsVersion = TlsVersion::Tls12; kind::TLS_VERSION; word("ipa-tls-min-version").key("tls_min_version").lookup("tls_min_version");
    /// Cipher suites for TLS 1.2.
    tls_cipher_suites: Vec<String> = texts(TLS12_CIPHER_SUITES); kind::CIPHER_SUITES; word("ipa-tls-cipher-suites").key("tls_cipher_suites").lookup("tls_cipher_suites");
    /// Curve of the key of the automatic certificate.
    tls_certificate_curve: Curve = Curve::P384; kind::CURVE; word("ipa-tls-certificate-curve").key("tls_certificate_curve");
    /// Sleep before anything is done with the hardware.
    hardware_initialization_delay: Duration = Duration::ZERO; kind::SECONDS; word("ipa-hardware-initialization-delay").key("hardware_initialization_delay");
    /// Looks for a usable root disk at start.
    disk_wait_attempts: u32 = 10; kind::COUNT; word("ipa-disk-wait-attempts").key("disk_wait_attempts");
    /// Pause between two looks for a root disk; 0 does not wait for one.
    disk_wait_delay: Duration = Duration::from_secs(3); kind::SECONDS; word("ipa-disk-wait-delay").key("disk_wait_delay");
    /// Put LLDP data into the records of the interfaces; the lldp collector replaces it.
    collect_lldp: bool = false; kind::BOOL; word("ipa-collect-lldp").key("collect_lldp");
    /// Listening for LLDP ends after so long without any packet.
    lldp_timeout: Duration = Duration::from_secs(30); kind::DECIMAL_SECONDS; word("ipa-lldp-timeout").key("lldp_timeout");
    /// VLAN interfaces to create: nic.vid, mac.vid, nic or all.
    enable_vlan_interfaces: Vec<String> = Vec::new(); kind::LIST; word("ipa-enable-vlan-interfaces").key("enable_vlan_interfaces");
    /// Timeout to connect to an image server, and between two reads.
    image_download_connection_timeout: Duration = Duration::from_secs(60); kind::POSITIVE_SECONDS; word("ipa-image-download-connection-timeout").key("image_download_connection_timeout");
    /// Retries of a request to an image server, and of the whole download.
    image_download_connection_retries: u32 = 9; kind::COUNT; word("ipa-image-download-connection-retries").key("image_download_connection_retries");
    /// Pause between two of these retries.
    image_download_connection_retry_interval: Duration = Duration::from_secs(10); kind::SECONDS; word("ipa-image-download-connection-retry-interval").key("image_download_connection_retry_interval");
    /// Limit for one download; 0 means none.
    image_download_max_duration: Duration = Duration::ZERO; kind::SECONDS; word("ipa-image-download-max-duration").key("image_download_max_duration");
    /// NTP server the clock is stepped by.
    ntp_server: Option<String> = None; kind::HOST; word("ipa-ntp-server").key("ntp_server");
    /// Go on when the boot loader cannot be installed.
    ignore_bootloader_failure: bool = false; kind::BOOL; word("ipa-ignore-bootloader-failure").key("ignore_bootloader_failure");
    /// Priority of the inject_files step.
    inject_files_priority: u8 = 0; kind::PRIORITY; word("ipa-inject-files-priority").key("inject_files_priority");
    /// Refuse to erase file systems that several machines share.
    guard_special_filesystems: bool = true; kind::BOOL; word("ipa-guard-special-filesystems").key("guard_special_filesystems");
    /// Ask mDNS for Ironic when no URL is given.
    use_mdns: bool = false; kind::BOOL; word("ipa-use-mdns").key("use_mdns");
    /// How the machine is on the network in an OSISM rack: BGP on every port, or OOB with a fixed address on the lowest on-board port; none while an osism-ipa word is set means BGP.
    osism_network: Option<OsismNetwork> = None; kind::OSISM_NETWORK; word("osism-ipa-network");
    /// IPv4 address of this machine's loopback device, announced as a /32.
    osism_ipv4: Option<Ipv4Addr> = None; kind::IPV4_ADDRESS; word("osism-ipa-ipv4");
    /// IPv6 address of this machine: announced as a /128 with BGP, a /64 on the port with OOB.
    osism_ipv6: Option<Ipv6Addr> = None; kind::IPV6_ADDRESS; word("osism-ipa-ipv6");
    /// Number of this machine's autonomous system; none means 42 followed by octets 2 to 4 of the IPv4 address.
    osism_as: Option<u32> = None; kind::AS_NUMBER; word("osism-ipa-as");
    /// Largest packet on the ports that speak BGP.
    osism_mtu: u32 = 9000; kind::MTU; word("osism-ipa-mtu");
    /// Address of the metalbox, which then is the host name metalbox.
    osism_metalbox: Option<IpAddr> = None; kind::ADDRESS; word("osism-ipa-metalbox");
    /// How long the metalbox is waited for before that is said to be a fault.
    osism_metalbox_timeout: Duration = Duration::from_secs(60); kind::SECONDS; word("osism-ipa-metalbox-timeout");
    /// Kind of rack OSISM prepared the machine for, such as yrzn001; only noted.
    osism_type: Option<String> = None; kind::TEXT; word("osism-ipa-type");
    /// Password of the BGP sessions (TCP-MD5, RFC 2385).
    osism_bgp_password: Option<Password> = None; kind::PASSWORD; word("osism-aa");
    /// NIC the machine booted from.
    bootif: Option<BootInterface> = None; kind::BOOT_INTERFACE; word("BOOTIF");
    /// How the machine booted; vmedia makes the agent look for virtual media.
    boot_method: Option<String> = None; kind::TEXT; word("boot_method");
    /// Publisher of the boot ISO, by which its config drive is recognised.
    ir_pub_id: Option<String> = None; kind::TEXT; word("ir_pub_id");
    /// What ports do when the description of the network (network_data.json, ip= and the like) cannot be used: dhcp asks on all of them, none keeps them silent.
    network_fallback: NetworkFallback = NetworkFallback::Dhcp; kind::NETWORK_FALLBACK; word("ironseed.network_fallback").section("ironseed", "network_fallback");
    /// Serve the API with the certificate of tls_cert_file.
    listen_tls: bool = false; kind::BOOL; key("DEFAULT", "listen_tls");
    /// Certificate file of the API server.
    tls_cert_file: Option<String> = None; kind::TEXT; key("DEFAULT", "tls_cert_file").formerly("ssl", "cert_file");
    /// Key file of the API server.
    tls_key_file: Option<String> = None; kind::TEXT; key("DEFAULT", "tls_key_file").formerly("ssl", "key_file");
    /// Make a certificate for the API unless listen_tls is on.
    enable_auto_tls: bool = true; kind::BOOL; key("DEFAULT", "enable_auto_tls");
    /// The automatic certificate is valid from so long ago.
    auto_tls_allowed_clock_skew: Duration = Duration::from_secs(3600); kind::SECONDS; key("DEFAULT", "auto_tls_allowed_clock_skew");
    /// CA file to verify servers with; none means the system's.
    cafile: Option<String> = None; kind::TEXT; key("DEFAULT", "cafile");
    /// Client certificate file.
    certfile: Option<String> = None; kind::TEXT; key("DEFAULT", "certfile");
    /// Key file of the client certificate.
    keyfile: Option<String> = None; kind::TEXT; key("DEFAULT", "keyfile");
    /// How the agent identifies to image servers.
    image_server_auth_strategy: AuthStrategy = AuthStrategy::NoAuth; kind::AUTH_STRATEGY; key("DEFAULT", "image_server_auth_strategy");
    /// User at image servers.
    image_server_user: Option<String> = None; kind::TEXT; key("DEFAULT", "image_server_user");
    /// Password at image servers.
    image_server_password: Option<Password> = None; kind::PASSWORD; key("DEFAULT", "image_server_password");
    /// Fail when the clock cannot be set.
    fail_if_clock_not_set: bool = false; kind::BOOL; key("DEFAULT", "fail_if_clock_not_set");
    /// Accept MD5 checksums of images.
    md5_enabled: bool = true; kind::BOOL; key("DEFAULT", "md5_enabled").lookup("agent_md5_checksum_enable");
    /// How much of an image is read back and compared after writing: off, sample (the first and the last part and one of sixteen in between) or full.
    verify: Verify = Verify::Off; kind::VERIFY; word("ironseed.verify").section("ironseed", "verify");
    /// LLDP on the ports of this machine: off, listen, or send, which listens too and tells the switches what hangs on their ports; an agent in a card's firmware that keeps the frames is switched off unless off. With --keep-network nothing is sent and no card is changed.
    lldp: LldpMode = LldpMode::Send; kind::LLDP_MODE; word("ironseed.lldp").section("ironseed", "lldp");
    /// Always rebuild the config drive as FAT.
    config_drive_rebuild: bool = false; kind::BOOL; key("DEFAULT", "config_drive_rebuild");
    /// Trust the declared format of an image instead of inspecting it.
    disable_deep_image_inspection: bool = false; kind::BOOL; key("DEFAULT", "disable_deep_image_inspection").lookup("disable_deep_image_inspection");
    /// Image formats that may be written.
    permitted_image_formats: Vec<String> = texts(&["raw", "gpt", "qcow2"]); kind::LIST; key("DEFAULT", "permitted_image_formats").lookup("permitted_image_formats");
    /// Refuse to deploy bootc images.
    disable_bootc_deploy: bool = false; kind::BOOL; key("DEFAULT", "disable_bootc_deploy");
    /// Allow installing a boot loader for BIOS from the image.
    enable_bios_bootloader_install: bool = false; kind::BOOL; key("DEFAULT", "enable_bios_bootloader_install").lookup("enable_bios_bootloader_install");
    /// Do not ask the BMC for its addresses.
    skip_bmc_detect: bool = false; kind::BOOL; lookup_only("agent_skip_bmc_detect");
    /// Size of the EFI system partition of partition images.
    efi_system_partition_size: u32 = 550; kind::MEBIBYTES; key("disk_utils", "efi_system_partition_size");
    /// Size of the BIOS boot partition of partition images.
    bios_boot_partition_size: u32 = 1; kind::MEBIBYTES; key("disk_utils", "bios_boot_partition_size");
    /// Block size of plain copies, as dd takes it.
    dd_block_size: Option<String> = Some("1M".to_owned()); kind::TEXT; key("disk_utils", "dd_block_size");
    /// Tries to find new partitions.
    partition_detection_attempts: u32 = 3; kind::ATTEMPTS; key("disk_utils", "partition_detection_attempts");
    /// Tries to make the kernel read a new partition table.
    partprobe_attempts: u32 = 10; kind::ATTEMPTS; key("disk_utils", "partprobe_attempts");
    /// Memory a conversion of an image may use.
    image_convert_memory_limit: u32 = 2048; kind::MEBIBYTES; key("disk_utils", "image_convert_memory_limit");
    /// Tries to convert an image.
    image_convert_attempts: u32 = 3; kind::ATTEMPTS; key("disk_utils", "image_convert_attempts");
    /// Pause between two checks whether a disk is still in use.
    check_device_interval: Duration = Duration::from_secs(1); kind::SECONDS; key("disk_partitioner", "check_device_interval");
    /// Checks whether a disk is still in use.
    check_device_max_retries: u32 = 20; kind::COUNT; key("disk_partitioner", "check_device_max_retries");
    /// Allow container images that steps name and the list does not.
    allow_arbitrary_containers: bool = false; kind::BOOL; key("container", "allow_arbitrary_containers").lookup("agent_containers.allow_arbitrary_containers");
    /// Container images that steps may name.
    allowed_containers: Vec<String> = Vec::new(); kind::LIST; key("container", "allowed_containers").lookup("agent_containers.allowed_containers");
    /// YAML file of container steps.
    container_steps_file: Option<String> = Some("/etc/ironic-python-agent.d/mysteps.yaml".to_owned()); kind::TEXT; key("container", "container_steps_file").lookup("agent_containers.container_steps_file");
    /// Program that runs containers.
    container_runner: ContainerRunner = ContainerRunner::Podman; kind::RUNNER; key("container", "runner").lookup("agent_containers.runner");
    /// Options to pull a container image with.
    container_pull_options: Vec<String> = Vec::new(); kind::LIST; key("container", "pull_options").lookup("agent_containers.pull_options");
    /// Options to run a container with.
    container_run_options: Vec<String> = texts(&["--rm", "--network=host"]); kind::LIST; key("container", "run_options").lookup("agent_containers.run_options");
    /// Questions to mDNS before giving up.
    mdns_lookup_attempts: u32 = 3; kind::ATTEMPTS; key("mdns", "lookup_attempts");
    /// Settings that mDNS may override, by their config file key.
    mdns_allowed_overrides: Vec<String> = texts(&["inspection_callback_url", "ntp_server"]); kind::LIST; key("mdns", "allowed_overrides");
}

/// The suites with forward secrecy and authenticated encryption that both
/// ring and OpenSSL have.
const TLS12_CIPHER_SUITES: &[&str] = &[
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
];

fn texts(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// The row of a kernel word.
#[must_use]
pub fn row_of_word(word: &str) -> Option<&'static Row> {
    SCHEMA.iter().find(|row| row.names.word == Some(word))
}

/// The row of a config file key, by its present or former name.
#[must_use]
pub fn row_of_key(section: &str, key: &str) -> Option<&'static Row> {
    let wanted = Some((section, key));
    SCHEMA
        .iter()
        .find(|row| row.names.key == wanted || row.names.former_key == wanted)
}

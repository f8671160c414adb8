// SPDX-License-Identifier: Apache-2.0
//! The types of settings that are more than a number or a text.

use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::secret::MASK;

/// A text that is not a value of the type it was to be parsed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a {0}")]
pub struct NotA(pub &'static str);

/// Where Ironic is: addresses in the order to try them, or "ask mDNS".
#[derive(Clone, PartialEq, Eq, Default)]
pub enum UrlList {
    /// Nobody said.
    #[default]
    Unset,
    /// The word `mdns`: discover it (contract §4).
    Mdns,
    /// One or more `http` or `https` URLs.
    Urls(Vec<Url>),
}

impl UrlList {
    /// The addresses in order; empty when unset or to be discovered.
    #[must_use]
    pub fn urls(&self) -> &[Url] {
        match self {
            Self::Urls(urls) => urls,
            Self::Unset | Self::Mdns => &[],
        }
    }

    /// Whether mDNS was asked for by name.
    #[must_use]
    pub const fn is_mdns(&self) -> bool {
        matches!(self, Self::Mdns)
    }

    /// Whether addresses or mDNS were given.
    #[must_use]
    pub const fn is_set(&self) -> bool {
        !matches!(self, Self::Unset)
    }

    /// The list as it is written into a source. A password in a URL is part
    /// of it.
    #[must_use]
    pub fn expose(&self) -> String {
        match self {
            Self::Unset => String::new(),
            Self::Mdns => "mdns".to_owned(),
            Self::Urls(urls) => urls.iter().map(Url::as_str).collect::<Vec<_>>().join(","),
        }
    }
}

impl fmt::Display for UrlList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Urls(urls) = self else {
            return f.write_str(&self.expose());
        };
        for (position, url) in urls.iter().enumerate() {
            let comma = if position == 0 { "" } else { "," };
            let mut shown = url.clone();
            if url.password().is_some() && shown.set_password(Some(MASK)).is_err() {
                // A URL that has a password can have another one; should that
                // ever fail, print nothing rather than the password.
                return f.write_str(MASK);
            }
            write!(f, "{comma}{shown}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for UrlList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UrlList({self})")
    }
}

/// An Ethernet hardware address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MacAddr(pub [u8; 6]);

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for MacAddr {
    type Err = NotA;

    /// Six pairs of hexadecimal digits, all separated by `:` or all by `-`.
    fn from_str(text: &str) -> Result<Self, NotA> {
        const WRONG: NotA = NotA("MAC address");
        let separator = if text.contains('-') { '-' } else { ':' };
        let mut octets = [0; 6];
        let mut pairs = text.split(separator);
        for octet in &mut octets {
            let pair = pairs.next().ok_or(WRONG)?;
            if pair.len() != 2 || !pair.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(WRONG);
            }
            *octet = u8::from_str_radix(pair, 16).map_err(|_| WRONG)?;
        }
        if pairs.next().is_some() {
            return Err(WRONG);
        }
        Ok(Self(octets))
    }
}

/// The NIC the machine booted from, as `BOOTIF` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootInterface {
    /// The text exactly as given: it goes into the inventory like that
    /// (`boot.pxe_interface`, contract §6.7).
    pub raw: String,
    /// The address in it.
    pub mac: MacAddr,
}

impl FromStr for BootInterface {
    type Err = NotA;

    /// `aa:bb:cc:dd:ee:ff` (iPXE, virtual media) or `01-aa-bb-cc-dd-ee-ff`
    /// (pxelinux: the ARP hardware type, then the address).
    fn from_str(text: &str) -> Result<Self, NotA> {
        let mac = match text.split_once('-') {
            Some((hardware_type, rest)) if rest.matches('-').count() == 5 => {
                u8::from_str_radix(hardware_type, 16).map_err(|_| NotA("BOOTIF value"))?;
                rest.parse()
            }
            _ => text.parse(),
        }?;
        Ok(Self {
            raw: text.to_owned(),
            mac,
        })
    }
}

/// A version of Ironic's API, `1.N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiVersion {
    /// Always 1 so far.
    pub major: u32,
    /// Counts the features.
    pub minor: u32,
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for ApiVersion {
    type Err = NotA;

    fn from_str(text: &str) -> Result<Self, NotA> {
        const WRONG: NotA = NotA("version of Ironic's API");
        let (major, minor) = text.split_once('.').ok_or(WRONG)?;
        Ok(Self {
            major: major.parse().map_err(|_| WRONG)?,
            minor: minor.parse().map_err(|_| WRONG)?,
        })
    }
}

/// Declares a closed choice: the variants and the words that select them.
macro_rules! choice {
    ($(#[$meta:meta])* $name:ident, $what:literal { $($(#[$doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$doc])* $variant),+ }

        impl $name {
            /// The word that selects this choice.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = NotA;

            fn from_str(text: &str) -> Result<Self, NotA> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(NotA($what)),
                }
            }
        }
    };
}

choice! {
    /// The oldest TLS version spoken, as server and as client.
    TlsVersion, "TLS version" {
        /// RFC 5246.
        Tls12 = "1.2",
        /// RFC 8446.
        Tls13 = "1.3",
    }
}

choice! {
    /// Curve of the key the agent makes for its own certificate.
    Curve, "curve" {
        /// NIST P-256.
        P256 = "p256",
        /// NIST P-384.
        P384 = "p384",
        /// NIST P-521.
        P521 = "p521",
    }
}

choice! {
    /// What becomes of interfaces whose address begins with `fa:` (contract §6.7).
    FaAddresses, "treatment of fa: addresses" {
        /// Dropped on hardware, kept on virtual machines.
        Auto = "auto",
        /// Left out of the inventory.
        Drop = "drop",
        /// Reported as any other.
        Keep = "keep",
    }
}

choice! {
    /// How much of an image is read back from the disk after writing it.
    Verify, "amount to read back" {
        /// Nothing.
        Off = "off",
        /// The first and the last part, and one of sixteen in between.
        Sample = "sample",
        /// Everything.
        Full = "full",
    }
}

choice! {
    /// What the agent does with LLDP on networks it manages.
    LldpMode, "way of LLDP" {
        /// Nothing.
        Off = "off",
        /// Hear the neighbours and say nothing.
        Listen = "listen",
        /// Hear the neighbours and tell them of this machine.
        Send = "send",
    }
}

choice! {
    /// How the machine is on the network in an OSISM rack.
    OsismNetwork, "kind of network" {
        /// BGP with the switch at the other end of every port.
        Bgp = "BGP",
        /// A fixed address in the out-of-band network.
        Oob = "OOB",
    }
}

choice! {
    /// Scheme of the callback URL.
    Protocol, "protocol" {
        /// Plain.
        Http = "http",
        /// With TLS.
        Https = "https",
    }
}

choice! {
    /// How the agent identifies itself to image servers.
    AuthStrategy, "authentication strategy" {
        /// Not at all.
        NoAuth = "noauth",
        /// User and password, RFC 7617.
        HttpBasic = "http_basic",
    }
}

choice! {
    /// The program that runs container steps.
    ContainerRunner, "container runner" {
        /// <https://podman.io>
        Podman = "podman",
        /// <https://www.docker.com>
        Docker = "docker",
    }
}

choice! {
    /// What the network does when nobody's description of it can be used.
    NetworkFallback, "network fallback" {
        /// Every port asks for addresses.
        Dhcp = "dhcp",
        /// Links are brought up and nobody is asked.
        Nothing = "none",
    }
}

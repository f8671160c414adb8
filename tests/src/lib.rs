// SPDX-License-Identifier: Apache-2.0
//! The lab: a real Ironic, a Redfish BMC, virtual servers and the scenarios they play, in
//! namespaces of their own. Nothing of it is part of the agent or of its image.

pub mod bench;
pub mod console;
pub mod demo;
pub mod disk;
pub mod dnsmasq;
pub mod domain_xml;
pub mod error;
pub mod esp;
pub mod faults;
pub mod file_server;
pub mod files;
pub mod gpt;
pub mod http;
pub mod ironic;
pub mod ironic_api;
pub mod ironic_config;
pub mod lab;
pub mod libvirt;
pub mod lldpd;
pub mod machine;
pub mod namespace;
pub mod narrate;
pub mod network;
pub mod node;
pub mod os_image;
pub mod packages;
pub mod process;
pub mod redfish;
pub mod relay;
pub mod scenarios;
pub mod tpm;
pub mod wait;

// SPDX-License-Identifier: Apache-2.0
//! What a step's plan is made from: values only.

use crate::block::BlockDevices;
use crate::image::read_back::Verification;
use crate::image_request::{DownloadPolicy, ImagePolicy, Secret};
use crate::node::Node;
use crate::plan::WrittenImage;

/// Everything a plan function may look at.
#[derive(Debug, Clone, Copy)]
pub struct StepContext<'a> {
    /// The node that came with the command.
    pub node: &'a Node,
    /// The block devices as they are now.
    pub blocks: &'a BlockDevices,
    /// What the operator set.
    pub settings: &'a StepSettings,
    /// The image this agent wrote before and nothing has touched since.
    pub written: Option<&'a WrittenImage>,
}

/// The settings that steps obey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepSettings {
    /// What an image's content may be.
    pub image: ImagePolicy,
    /// Whether MD5 counts as a checksum (`md5_enabled`).
    pub md5_allowed: bool,
    /// How long and how often downloads are tried.
    pub download: DownloadPolicy,
    /// Login at the image server from the configuration file (contract §14.3).
    pub image_server: Option<ImageServerLogin>,
    /// Whether config drives shall be rebuilt as FAT (`config_drive_rebuild`).
    pub config_drive_rebuild: bool,
    /// Whether disks with shared file systems are protected
    /// (`ipa-guard-special-filesystems`).
    pub guard_special_filesystems: bool,
    /// How much of an image is read back after writing (`ironseed.verify`).
    pub verify: Verification,
}

/// A login by HTTP basic authorization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageServerLogin {
    /// User name.
    pub user: String,
    /// Password.
    pub password: Secret,
}

// SPDX-License-Identifier: Apache-2.0
//! What is asked on the command line, as the node and the arguments that
//! Ironic would send.

use clap::Args;
use ironseed_core::dry_run::config_drive_argument;
use ironseed_core::node::Node;
use ironseed_machine::root::Root;
use serde_json::{Map, Value, json};

/// Stands for a digest where none is given: the plan does not depend on it.
const NO_DIGEST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// No config drive file is larger: 64 MiB as base64 with line breaks.
const LARGEST_FILE: u64 = 96 << 20;

/// The step and what it would be told.
#[derive(Debug, Args)]
pub(crate) struct Question {
    /// The step to plan: write_image, erase_devices or erase_devices_metadata.
    #[arg(long, value_name = "STEP", default_value = "write_image")]
    pub(super) step: String,
    /// Where the image is; needed for write_image.
    #[arg(long, value_name = "URL")]
    image: Option<String>,
    /// A root device hint, such as 'size=>= 100' or 'model=<in> samsung'.
    #[arg(long = "hint", value_name = "NAME=VALUE", value_parser = hint)]
    hints: Vec<(String, String)>,
    /// Digest of the image, or the URL of a checksum file.
    #[arg(long, value_name = "DIGEST|URL")]
    checksum: Option<String>,
    /// Format of the image as Ironic would declare it; found by content if not given.
    #[arg(long, value_name = "FORMAT")]
    disk_format: Option<String>,
    /// A config drive: its image, packed or not, or a URL.
    #[arg(long, value_name = "FILE|URL")]
    config_drive: Option<String>,
}

/// The operator of a hint may begin with `=`, so the first one divides.
fn hint(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

impl Question {
    /// A node that has nothing but the hints.
    pub(super) fn node(&self) -> Node {
        let hints: Map<String, Value> = self
            .hints
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        let mut node = Node::default();
        if !hints.is_empty() {
            node.instance_info
                .insert("root_device".to_owned(), Value::Object(hints));
        }
        node
    }

    /// The step's arguments, and what must be said about them.
    ///
    /// # Errors
    /// What is missing or cannot be read.
    pub(super) fn arguments(&self) -> Result<(Map<String, Value>, Vec<String>), String> {
        self.each_hint_once()?;
        let mut notes = Vec::new();
        let mut arguments = Map::new();
        if self.step != "write_image" {
            return Ok((arguments, notes));
        }
        let url = self
            .image
            .as_deref()
            .ok_or("write_image needs an image: --image URL")?;
        if self.checksum.is_none() {
            notes.push("no checksum is given; Ironic's request must have one".to_owned());
        }
        let info = json!({
            "id": url.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(url),
            "urls": [url],
            "disk_format": self.disk_format,
            "checksum": self.checksum.as_deref().unwrap_or(NO_DIGEST),
            "stream_raw_images": true,
        });
        arguments.insert("image_info".to_owned(), info);
        if let Some(drive) = &self.config_drive {
            arguments.insert("configdrive".to_owned(), json!(config_drive(drive)?));
        }
        Ok((arguments, notes))
    }

    fn each_hint_once(&self) -> Result<(), String> {
        for (index, (name, _)) in self.hints.iter().enumerate() {
            if self.hints[..index].iter().any(|(other, _)| other == name) {
                return Err(format!("the hint {name} is given twice"));
            }
        }
        Ok(())
    }
}

fn config_drive(drive: &str) -> Result<String, String> {
    if drive.starts_with("http://") || drive.starts_with("https://") {
        return Ok(drive.to_owned());
    }
    let unreadable = |error: std::io::Error| format!("the config drive {drive}: {error}");
    let path = std::path::absolute(drive).map_err(unreadable)?;
    let path = path.to_str().ok_or("the config drive's path is no text")?;
    let bytes = Root::live()
        .and_then(|root| root.read_at_most(path, LARGEST_FILE))
        .map_err(unreadable)?;
    config_drive_argument(bytes).map_err(|fault| fault.to_string())
}

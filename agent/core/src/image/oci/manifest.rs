// SPDX-License-Identifier: Apache-2.0
//! What a registry says of an image (OCI image specification 1.1, and the
//! older Docker forms that registries still hold).

use serde::Deserialize;

use super::{OciError, digest};

/// The largest manifest that registries must take, in bytes.
pub const LIMIT: usize = 4 << 20;

/// What is asked for, as an `Accept` header.
pub const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";

/// So many entries are named in an error.
const NAMED: usize = 16;

/// What a manifest leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manifest {
    /// The image is the blob with this digest.
    Layer(String),
    /// The manifest for this machine is the one with this digest.
    Other(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(default)]
    layers: Option<Vec<Entry>>,
    #[serde(default)]
    manifests: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    digest: String,
    #[serde(default)]
    media_type: String,
    #[serde(default)]
    platform: Option<Platform>,
    #[serde(default)]
    annotations: Option<Annotations>,
}

#[derive(Deserialize)]
struct Platform {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
}

/// What Podman's machine images say of themselves: one manifest per hypervisor.
#[derive(Deserialize)]
struct Annotations {
    #[serde(default)]
    disktype: Option<String>,
}

/// Reads a manifest or an index for a machine of this architecture, named as
/// the kernel does (`x86_64`, `aarch64`).
///
/// # Errors
/// [`OciError`] with what is there, if there is not exactly one image.
pub fn read(bytes: &[u8], architecture: &str) -> Result<Manifest, OciError> {
    let document: Document = serde_json::from_slice(bytes)
        .map_err(|_| OciError::Manifest("is not JSON of the expected form"))?;
    match document {
        Document {
            layers: Some(layers),
            manifests: None,
        } => the_layer(layers),
        Document {
            layers: None,
            manifests: Some(manifests),
        } => the_manifest(manifests, architecture),
        _ => Err(OciError::Manifest("has neither layers nor manifests")),
    }
}

fn the_layer(layers: Vec<Entry>) -> Result<Manifest, OciError> {
    match <[Entry; 1]>::try_from(layers) {
        Ok([layer]) => Ok(Manifest::Layer(sound(layer)?)),
        Err(layers) => Err(OciError::Layers(listed(&layers, |layer| {
            layer.media_type.clone()
        }))),
    }
}

fn the_manifest(entries: Vec<Entry>, architecture: &str) -> Result<Manifest, OciError> {
    let error = OciError::Platform {
        architecture: architecture.to_owned(),
        there: listed(&entries, Entry::platform),
    };
    let mut fitting: Vec<Entry> = entries
        .into_iter()
        .filter(|entry| entry.fits(architecture))
        .collect();
    if fitting.len() > 1 {
        fitting.retain(Entry::is_disk);
    }
    match <[Entry; 1]>::try_from(fitting) {
        Ok([entry]) => Ok(Manifest::Other(sound(entry)?)),
        Err(_) => Err(error),
    }
}

impl Entry {
    /// Registries name architectures as Go does; some publishers as the kernel does.
    fn fits(&self, architecture: &str) -> bool {
        let go = match architecture {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        self.platform.as_ref().is_some_and(|platform| {
            [go, architecture].contains(&platform.architecture.as_str())
                && ["linux", ""].contains(&platform.os.as_str())
        })
    }

    fn is_disk(&self) -> bool {
        let kind = self
            .annotations
            .as_ref()
            .and_then(|all| all.disktype.as_deref());
        matches!(kind, Some("raw" | "qemu"))
    }

    fn platform(&self) -> String {
        let platform = self.platform.as_ref();
        let name = platform.map_or_else(
            || "no platform".to_owned(),
            |platform| format!("{}/{}", platform.os, platform.architecture),
        );
        match self
            .annotations
            .as_ref()
            .and_then(|all| all.disktype.as_ref())
        {
            Some(kind) => format!("{name} for {kind}"),
            None => name,
        }
    }
}

fn sound(entry: Entry) -> Result<String, OciError> {
    match digest(&entry.digest) {
        Some(_) => Ok(entry.digest),
        None => Err(OciError::Manifest(
            "has a digest that is neither sha256 nor sha512",
        )),
    }
}

fn listed(entries: &[Entry], name: impl Fn(&Entry) -> String) -> String {
    let mut names: Vec<String> = entries.iter().take(NAMED).map(name).collect();
    if names.is_empty() {
        names.push("nothing".to_owned());
    }
    if entries.len() > NAMED {
        names.push(format!("{} more", entries.len() - NAMED));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn named(digit: &str) -> String {
        format!("sha256:{}", digit.repeat(64))
    }

    fn read_json(document: &Value) -> Result<Manifest, OciError> {
        read(document.to_string().as_bytes(), "x86_64")
    }

    fn entry(digit: &str, architecture: &str, os: &str) -> Value {
        json!({"mediaType": "m", "size": 5, "digest": named(digit),
            "platform": {"architecture": architecture, "os": os}})
    }

    #[test]
    fn the_one_layer_is_the_image() {
        let layer = json!({"mediaType": "application/zstd", "digest": named("a"), "size": 5});
        let one = json!({"schemaVersion": 2, "config": {}, "layers": [layer]});
        assert_eq!(read_json(&one), Ok(Manifest::Layer(named("a"))));
        let two = json!({"layers": [layer, layer]});
        let text = read_json(&two).expect_err("two").to_string();
        assert!(
            text.ends_with("has: application/zstd, application/zstd"),
            "{text}"
        );
        let text = read_json(&json!({"layers": []}))
            .expect_err("none")
            .to_string();
        assert!(text.ends_with("has: nothing"), "{text}");
    }

    #[test]
    fn an_index_has_one_manifest_for_this_machine() {
        let index = |entries: Vec<Value>| read_json(&json!({"manifests": entries}));
        let arm = entry("b", "arm64", "linux");
        let amd = entry("a", "amd64", "linux");
        let windows = entry("c", "amd64", "windows");
        let signature = entry("d", "unknown", "unknown");
        let nothing = json!({"digest": named("e")});
        let found = index(vec![arm.clone(), signature, windows, nothing, amd.clone()]);
        assert_eq!(found, Ok(Manifest::Other(named("a"))));
        let by_kernel = entry("f", "x86_64", "");
        assert_eq!(index(vec![by_kernel]), Ok(Manifest::Other(named("f"))));
        let text = index(vec![arm.clone()]).expect_err("arm").to_string();
        assert_eq!(
            text,
            "the index must have one image for x86_64 and has: linux/arm64"
        );
        assert!(index(vec![amd.clone(), amd]).is_err());
        let on_arm = read(
            json!({"manifests": [arm]}).to_string().as_bytes(),
            "aarch64",
        );
        assert_eq!(on_arm, Ok(Manifest::Other(named("b"))));
        let many: Vec<Value> = (0..40).map(|_| entry("a", "mips", "linux")).collect();
        let text = index(many).expect_err("mips").to_string();
        assert!(text.ends_with("linux/mips, 24 more"), "{text}");
    }

    #[test]
    fn of_several_the_one_for_a_disk_is_taken() {
        let with = |digit: &str, kind: &str| {
            let mut entry = entry(digit, "x86_64", "linux");
            entry["annotations"] = json!({"disktype": kind});
            entry
        };
        let found = read_json(&json!({"manifests": [with("a", "hyperv"), with("b", "qemu")]}));
        assert_eq!(found, Ok(Manifest::Other(named("b"))));
        let both = read_json(&json!({"manifests": [with("a", "raw"), with("b", "qemu")]}));
        let text = both.expect_err("two").to_string();
        assert!(
            text.contains("linux/x86_64 for raw, linux/x86_64 for qemu"),
            "{text}"
        );
    }

    #[test]
    fn damaged_manifests_are_refused() {
        let sound = json!({"manifests": [entry("a", "amd64", "linux")],
            "annotations": {"org": "x"}})
        .to_string();
        assert!(read(sound.as_bytes(), "x86_64").is_ok());
        for cut in 0..sound.len() {
            assert!(read(&sound.as_bytes()[..cut], "x86_64").is_err());
        }
        for at in 0..sound.len() {
            for bit in 0..8 {
                let mut bytes = sound.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                if let Ok(Manifest::Other(found) | Manifest::Layer(found)) = read(&bytes, "x86_64")
                {
                    assert!(digest(&found).is_some(), "{found}");
                }
            }
        }
        for wrong in [
            json!([]),
            json!({}),
            json!({"layers": [], "manifests": []}),
            json!({"layers": [{"digest": "sha256:../../x"}]}),
            json!({"layers": [{"digest": "md5:098f6bcd4621d373cade4e832627b4f6"}]}),
        ] {
            assert!(read_json(&wrong).is_err(), "{wrong}");
        }
    }
}

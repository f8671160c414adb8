// SPDX-License-Identifier: Apache-2.0
//! A registry for tests.

use serde_json::{Value, json};

use super::super::super::server::Act;
use super::super::*;

/// A registry with a token server; both want what real ones want.
pub(super) struct Shop {
    pub(super) registry: Server,
    pub(super) tokens: Server,
    challenge: String,
}

impl Shop {
    pub(super) fn open() -> Self {
        let (registry, tokens) = (Server::start(), Server::start());
        let realm = tokens.serve("/token", Served::default());
        let challenge =
            format!("Bearer realm=\"{realm}\",service=\"shop\",scope=\"repository:disks/os:pull\"");
        Self {
            registry,
            tokens,
            challenge,
        }
    }

    /// The token server gives these out, one after the other.
    pub(super) fn give(&self, tokens: &[&'static str]) {
        let answer = |token| {
            json!({"token": token, "expires_in": 60})
                .to_string()
                .into_bytes()
        };
        let script = tokens.iter().map(|token| Act::Change(answer(token), token));
        self.tokens.serve(
            "/token",
            Served {
                script: script.collect(),
                ..Served::default()
            },
        );
    }

    pub(super) fn guarded(&self, served: Served, token: &str) -> Served {
        Served {
            wants: Some((format!("Bearer {token}"), self.challenge.clone())),
            ..served
        }
    }

    pub(super) fn put(&self, kind: &str, name: &str, served: Served) {
        self.registry
            .serve(&format!("/v2/disks/os/{kind}/{name}"), served);
    }

    pub(super) fn put_json(&self, name: &str, document: &Value) -> String {
        let bytes = document.to_string().into_bytes();
        let digest = digest(&bytes);
        self.put("manifests", name, no_ranges(&bytes));
        self.put("manifests", &digest, no_ranges(&bytes));
        digest
    }

    /// An image behind a manifest behind an index with this tag.
    pub(super) fn stock(&self, body: &[u8]) {
        self.put("blobs", &digest(body), has_ranges(body));
        let manifest = self.put_json("one", &manifest(body));
        let other = digest(b"another architecture");
        let index = json!({"manifests": [
            {"digest": other, "platform": {"os": "linux", "architecture": "s390x"}},
            {"digest": manifest, "platform": {"os": "linux", "architecture": architecture()}},
        ]});
        self.put_json("all", &index);
    }

    pub(super) fn url(&self, reference: &str) -> String {
        format!("oci://{}/disks/os{reference}", self.registry.authority())
    }
}

pub(super) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", sha256(bytes).hex)
}

pub(super) fn manifest(body: &[u8]) -> Value {
    json!({"schemaVersion": 2, "config": {"digest": digest(b"{}")},
        "layers": [{"mediaType": "application/octet-stream", "digest": digest(body)}]})
}

/// As registries name it.
pub(super) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    }
}

// SPDX-License-Identifier: Apache-2.0
//! The published schema of the inspection data's key `ironseed` is the one the
//! types have. `UPDATE_GOLDEN=1` writes it anew.

#![expect(
    clippy::disallowed_methods,
    reason = "a golden file is compared with what was found"
)]

use std::path::Path;

#[test]
fn the_published_schema_is_that_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ironseed.schema.json");
    let schema = schemars::schema_for!(ironseed_core::inspection::Ironseed);
    let found = serde_json::to_string_pretty(&schema).expect("a schema") + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &found).expect("the schema can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == found,
        "docs/ironseed.schema.json differs from the types; UPDATE_GOLDEN=1 writes it anew"
    );
}

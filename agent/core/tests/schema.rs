// SPDX-License-Identifier: Apache-2.0
//! The published schemas, of the inspection data's key `ironseed` and of
//! `ironseed-agent network --json`, are those the types have. `UPDATE_GOLDEN=1` writes it anew.

#![expect(
    clippy::disallowed_methods,
    reason = "a golden file is compared with what was found"
)]

use std::path::Path;

fn check(name: &str, schema: &schemars::Schema) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(name);
    let found = serde_json::to_string_pretty(schema).expect("a schema") + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &found).expect("the schema can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == found,
        "docs/{name} differs from the types; UPDATE_GOLDEN=1 writes it anew"
    );
}

#[test]
fn the_published_schema_is_that_of_the_types() {
    let schema = schemars::schema_for!(ironseed_core::inspection::Ironseed);
    check("ironseed.schema.json", &schema);
}

#[test]
fn the_schema_of_the_network_is_published() {
    let schema = schemars::schema_for!(ironseed_core::network::report::Report);
    check("network.schema.json", &schema);
}

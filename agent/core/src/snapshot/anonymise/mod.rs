// SPDX-License-Identifier: Apache-2.0
//! Takes out of a snapshot what identifies the machine: serial numbers,
//! addresses, names and secrets, each replaced by something of the same shape.
//!
//! First the identifying values are collected, where the kernel, firmware or a
//! device says that they are some ([`collect`]). Then every occurrence of every
//! one of them is replaced, in every text, path, link target and byte string
//! ([`identifiers`]). The same value gets the same replacement everywhere, so
//! that discovery finds the same machine with other numbers on its parts.
//!
//! Replacements depend on a key. Whoever throws the key away cannot get the
//! values back; with a new key, two captures of a machine cannot be matched.

mod collect;
mod content;
mod fields;
mod identifiers;
mod shape;
mod tokens;

use serde_json::Value;

use super::{Bytes, Entry, Snapshot, Tree};
use identifiers::Identifiers;

/// The secret that replacements depend on. Random, used once.
#[derive(Clone)]
pub struct Key(pub [u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// A snapshot of the same machine with other numbers and names on its parts.
///
/// Of the contents of block devices only what tells their kind is kept.
///
/// # Errors
/// The snapshot cannot be written as JSON or read back.
pub fn anonymise(snapshot: &Snapshot, key: &Key) -> serde_json::Result<Snapshot> {
    let mut rest = snapshot.clone();
    let files = std::mem::take(&mut rest.files);
    let contents = std::mem::take(&mut rest.contents);
    let value = serde_json::to_value(&rest)?;

    let mut found = Identifiers::new(key);
    collect::files(&files, &mut found);
    collect::value(&value, &mut found);
    for device in contents.values() {
        content::collect(device, &mut found);
    }
    let found = found.ready();

    let mut anonymous: Snapshot = serde_json::from_value(replaced_in(value, &found))?;
    anonymous.files = replaced_in_files(&files, &found);
    anonymous.contents = contents
        .into_iter()
        .map(|(name, device)| (name, content::anonymous(&device, &found)))
        .collect();
    Ok(anonymous)
}

/// The identifying values that would be replaced, in each spelling that is
/// looked for; for tests that prove their absence.
///
/// # Errors
/// The snapshot cannot be written as JSON.
pub fn identifying_values(snapshot: &Snapshot) -> serde_json::Result<Vec<Vec<u8>>> {
    let mut rest = snapshot.clone();
    let files = std::mem::take(&mut rest.files);
    let contents = std::mem::take(&mut rest.contents);
    let mut found = Identifiers::new(&Key([0; 32]));
    collect::files(&files, &mut found);
    collect::value(&serde_json::to_value(&rest)?, &mut found);
    for device in contents.values() {
        content::collect(device, &mut found);
    }
    Ok(found.ready().spellings())
}

fn replaced_in_files(files: &Tree, found: &Identifiers) -> Tree {
    let mut anonymous = Tree::default();
    for (path, entry) in files.iter() {
        let entry = match entry {
            Entry::File(Bytes(bytes)) => {
                let name = path.rsplit('/').next().unwrap_or_default();
                let replaced = fields::addresses_replaced(name, bytes, found);
                Entry::File(Bytes(fields::sums_repaired(
                    bytes,
                    found.in_bytes(&replaced),
                )))
            }
            Entry::Link(target) => Entry::Link(found.in_path(target)),
            Entry::Directory => Entry::Directory,
            Entry::Unreadable(words) => Entry::Unreadable(words.clone()),
        };
        anonymous.insert(found.in_path(path), entry);
    }
    anonymous
}

/// Everything that is no file: strings, byte strings and the keys of maps.
fn replaced_in(value: Value, found: &Identifiers) -> Value {
    if let Some(bytes) = collect::byte_string(&value) {
        let replaced = fields::addresses_replaced("", &bytes, found);
        let replaced = fields::sums_repaired(&bytes, found.in_bytes(&replaced));
        return serde_json::to_value(Bytes(replaced)).unwrap_or_default();
    }
    if let Some(bytes) = collect::number_bytes(&value) {
        let replaced = fields::addresses_replaced("", &bytes, found);
        return fields::sums_repaired(&bytes, found.in_bytes(&replaced)).into();
    }
    match value {
        Value::String(text) => Value::String(found.in_text(&text)),
        Value::Array(items) => Value::Array(
            items
                .into_iter()
                .map(|item| replaced_in(item, found))
                .collect(),
        ),
        Value::Object(mut members) => {
            collect::lan_parameter_replaced(&mut members, found);
            let replaced = members
                .into_iter()
                .map(|(name, value)| (found.in_text(&name), replaced_in(value, found)));
            Value::Object(replaced.collect())
        }
        other => other,
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

// SPDX-License-Identifier: Apache-2.0
//! A profile written from one machine: what is there, as what is expected, with
//! comments that say what to check before it is used for others.

mod expect;
#[cfg(test)]
mod tests;

use hardware_profiles::MachineFacts;

use super::Observed;

/// The text of a profile file and the name it must have.
///
/// `extends` is the profile that fits the machine now.
#[must_use]
pub fn draft(facts: &MachineFacts, observed: &Observed, extends: &str) -> (String, String) {
    let product = [
        facts.system_manufacturer.trim(),
        facts.system_product.trim(),
    ]
    .into_iter()
    .filter(|part| !part.is_empty())
    .collect::<Vec<_>>()
    .join(" ");
    let mut name = slug(&facts.system_product);
    if name == extends {
        name.push_str("-own");
    }
    let described = if product.is_empty() {
        "a machine that does not tell its name"
    } else {
        &product
    };
    let mut text = Text::default();
    text.line(
        "# Written from one machine. Check every line: what is here by chance is expected of all.",
    );
    text.line(&format!("# The file must be called {name}.toml."));
    text.blank();
    text.key("name", &quoted(&name));
    text.key("description", &quoted(described));
    text.line(
        "# Drivers, firmware and quirks come from this profile, which fits the machine today.",
    );
    text.key("extends", &quoted(extends));
    text.blank();
    matching(facts, &mut text);
    expect::write(observed, &mut text);
    text.blank();
    text.line("# What whoever deploys such a machine shall do. Remove the marks to use it.");
    text.line("# [layout.root_device]");
    text.line("# size = \">= 100\"");
    text.line("# [[layout.network.bonds]]");
    text.line("# name = \"bond0\"");
    text.line("# mode = \"802.3ad\"");
    text.line("# ports = [{ pci = \"0000:3b:00.0\" }, { pci = \"0000:3b:00.1\" }]");
    (format!("{name}.toml"), text.0)
}

/// Lines of a file.
#[derive(Debug, Default)]
struct Text(String);

impl Text {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn blank(&mut self) {
        self.line("");
    }

    fn key(&mut self, key: &str, value: &str) {
        self.line(&format!("{key} = {value}"));
    }

    fn table(&mut self, header: &str) {
        self.blank();
        self.line(header);
    }
}

/// A basic string of TOML. The escapes of JSON are valid there; only DEL, which
/// JSON leaves as it is, is not.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text)
        .to_string()
        .replace('\u{7f}', "\\u007F")
}

/// Lower case, with dashes where other characters were.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.trim().chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "own" } else { slug }.to_owned()
}

fn matching(facts: &MachineFacts, text: &mut Text) {
    text.line("# Which machines are meant: patterns, * and ? stand for anything.");
    text.line("[match]");
    if let Some(architecture) = facts.architecture {
        text.key("architecture", &format!("[\"{architecture}\"]"));
    }
    // The architecture alone would not win against the generic profile.
    let mut written = false;
    for (key, value) in [
        ("system_manufacturer", &facts.system_manufacturer),
        ("system_product", &facts.system_product),
    ] {
        if !value.trim().is_empty() {
            text.key(key, &format!("[{}]", quoted(value.trim())));
            written = true;
        }
    }
    let cpu = facts.cpu_model.trim();
    if !written && !cpu.is_empty() {
        text.line("# The firmware tells no name; this fits every machine with the processor.");
        text.key("cpu_model", &format!("[{}]", quoted(cpu)));
    } else if !written {
        text.line("# The machine tells nothing about itself; this fits every machine.");
        text.key("system_product", "[\"*\"]");
    }
    text.line("# More that this machine says; add what tells it from machines you do not mean.");
    for (key, value) in [
        ("system_sku", &facts.system_sku),
        ("system_family", &facts.system_family),
        ("baseboard_product", &facts.baseboard_product),
        ("cpu_vendor", &facts.cpu_vendor),
        ("cpu_model", &facts.cpu_model),
    ] {
        let used = !written && key == "cpu_model";
        if !value.trim().is_empty() && !used {
            text.line(&format!("# {key} = [{}]", quoted(value.trim())));
        }
    }
}

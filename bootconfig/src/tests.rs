// SPDX-License-Identifier: Apache-2.0
//! The program against files, compared with what it printed when the
//! expectation was last reviewed. To renew one, in the folder of the crate:
//! `cargo run -- show --cmdline tests/golden/good/cmdline --parameters
//! tests/golden/good/parameters.txt --config-dir tests/golden/good/config
//! > tests/golden/good/show.txt` (and so on), then read the difference.

use super::*;

/// Exit code, standard output, standard error.
fn run_with(words: &[&str]) -> (ExitCode, String, String) {
    let cli = Cli::try_parse_from([&["bootconfig"], words].concat()).expect("good arguments");
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = run(&cli.command, &mut out, &mut err).expect("memory takes every output");
    let text = |bytes| String::from_utf8(bytes).expect("output is text");
    (code, text(out), text(err))
}

fn show_folder(folder: &str, format: &str) -> (ExitCode, String, String) {
    let path = |name: &str| format!("tests/golden/{folder}/{name}");
    run_with(&[
        "show",
        "--cmdline",
        &path("cmdline"),
        "--parameters",
        &path("parameters.txt"),
        "--config-dir",
        &path("config"),
        "--format",
        format,
    ])
}

#[test]
fn good_settings_as_a_table() {
    let (code, out, err) = show_folder("good", "table");
    assert_eq!(out, include_str!("../tests/golden/good/show.txt"));
    assert_eq!((code, err.as_str()), (ExitCode::SUCCESS, ""));
}

#[test]
fn good_settings_as_json() {
    let (code, out, err) = show_folder("good", "json");
    assert_eq!(out, include_str!("../tests/golden/good/show.json"));
    assert_eq!((code, err.as_str()), (ExitCode::SUCCESS, ""));
}

#[test]
fn bad_settings_are_all_listed_and_the_rest_is_shown() {
    let (code, out, err) = show_folder("bad", "table");
    assert_eq!(err, include_str!("../tests/golden/bad/problems.txt"));
    assert_eq!(out, include_str!("../tests/golden/bad/show.txt"));
    assert_eq!(code, ExitCode::from(BAD_SETTINGS));
}

#[test]
fn no_secret_is_printed() {
    for folder in ["good", "bad"] {
        for format in ["table", "json"] {
            let (_, out, err) = show_folder(folder, format);
            assert!(!out.contains("swordfish"), "{out}");
            assert!(!err.contains("swordfish"), "{err}");
        }
    }
}

#[test]
fn the_schema_as_markdown() {
    let (code, out, err) = run_with(&["schema"]);
    assert_eq!(out, include_str!("../tests/golden/schema.md"));
    assert_eq!((code, err.as_str()), (ExitCode::SUCCESS, ""));
}

#[test]
fn a_missing_file_is_named() {
    let (code, out, err) = run_with(&["show", "--cmdline", "tests/golden/none"]);
    assert!(
        err.starts_with("error: reading tests/golden/none: "),
        "{err}"
    );
    assert_eq!((code, out.as_str()), (ExitCode::FAILURE, ""));
}

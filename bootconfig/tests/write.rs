// SPDX-License-Identifier: Apache-2.0
//! What is written reads back as the same values, or is refused.

use bootconfig::write::{self, LONGEST_COMMAND_LINE, WriteError};
use bootconfig::{AgentToken, RawSources, resolve};

#[test]
fn words_read_back() {
    let token = AgentToken::new("t=ok=en");
    let words = [
        ("console", "ttyS0,115200"),
        ("ipa-api-url", "https://[2001:db8::1]:6385/"),
        ("ipa-agent-token", token.expose()),
        ("BOOTIF", "01-52-54-00-12-34-56"),
    ];
    let line = write::kernel_command_line(&words).unwrap();
    let lines = write::parameters_txt(&words).unwrap();
    assert_eq!(lines, line.replace(' ', "\n") + "\n");
    let cmdline = RawSources {
        cmdline: line.into(),
        ..RawSources::default()
    };
    let disk = RawSources {
        parameters_disk: Some(lines.into()),
        ..RawSources::default()
    };
    for raw in [cmdline, disk] {
        let settings = resolve(&raw).unwrap();
        assert_eq!(
            settings.api_urls.value.expose(),
            "https://[2001:db8::1]:6385/"
        );
        assert_eq!(settings.agent_token.value.as_ref(), Some(&token));
        assert_eq!(settings.bootif.value.unwrap().raw, "01-52-54-00-12-34-56");
    }
}

#[test]
fn words_that_cannot_be_expressed_are_refused() {
    let name = |name: &str| name.to_owned();
    let cases = [
        (
            ("ipa-ntp-server", "a b"),
            WriteError::WhiteSpace {
                name: name("ipa-ntp-server"),
            },
        ),
        (
            ("boot_method", "a\nipa-insecure=1"),
            WriteError::WhiteSpace {
                name: name("boot_method"),
            },
        ),
        (("a", "\u{a0}"), WriteError::WhiteSpace { name: name("a") }),
        (("a", "\0"), WriteError::WhiteSpace { name: name("a") }),
        (("", "a"), WriteError::BadName { name: name("") }),
        (("a=b", "c"), WriteError::BadName { name: name("a=b") }),
        (("a b", "c"), WriteError::BadName { name: name("a b") }),
        (
            ("ipa-api-urls", "c"),
            WriteError::UnknownSetting {
                name: name("ipa-api-urls"),
            },
        ),
    ];
    for (word, expected) in cases {
        assert_eq!(
            write::kernel_command_line(&[word]),
            Err(expected.clone()),
            "{word:?}"
        );
        assert_eq!(write::parameters_txt(&[word]), Err(expected), "{word:?}");
    }
}

#[test]
fn a_command_line_has_an_end() {
    let value = "x".repeat(LONGEST_COMMAND_LINE - 2);
    assert_eq!(
        write::kernel_command_line(&[("a", &value)]).unwrap().len(),
        2047
    );
    let value = value + "x";
    let refused = write::kernel_command_line(&[("a", &value)]);
    assert_eq!(
        refused,
        Err(WriteError::TooLong {
            length: 2048,
            longest: 2047
        })
    );
    assert!(write::parameters_txt(&[("a", &value)]).is_ok());
}

#[test]
fn a_config_file_reads_back() {
    let text = write::ini(&[
        ("DEFAULT", "cafile", "/a b/c=d:e#f"),
        ("container", "runner", "docker"),
        ("DEFAULT", "ntp_server", "192.0.2.1"),
        ("DEFAULT", "image_server_user", ""),
    ])
    .unwrap();
    assert_eq!(
        text,
        "[DEFAULT]\ncafile = /a b/c=d:e#f\nntp_server = 192.0.2.1\nimage_server_user = \n\
         [container]\nrunner = docker\n"
    );
    let raw = RawSources {
        config_files: vec![("a.conf".to_owned(), text.into())],
        ..RawSources::default()
    };
    let settings = resolve(&raw).unwrap();
    assert_eq!(settings.cafile.value.as_deref(), Some("/a b/c=d:e#f"));
    assert_eq!(settings.image_server_user.value, None);
}

#[test]
fn config_that_would_read_back_differently_is_refused() {
    let bad_values = ["a\nb", "a\r", " a", "a ", "\"a\"", "'a'", "a\tb"];
    for value in bad_values {
        let refused = write::ini(&[("DEFAULT", "cafile", value)]);
        let name = "[DEFAULT] cafile".to_owned();
        assert_eq!(
            refused,
            Err(WriteError::Inexpressible { name }),
            "{value:?}"
        );
    }
    for (section, key) in [("DEFAULT", "cafiles"), ("disk", "cafile"), ("DEFAULT", "")] {
        let refused = write::ini(&[(section, key, "a")]);
        assert!(
            matches!(refused, Err(WriteError::UnknownSetting { .. })),
            "{section} {key}"
        );
    }
}

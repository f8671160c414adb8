// SPDX-License-Identifier: Apache-2.0
//! What a registry wants before it answers, and the token it then gives
//! (distribution specification, "token authentication").

use serde::Deserialize;

use crate::image_request::Secret;

/// Where a token can be had, and for what (`WWW-Authenticate: Bearer …`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Challenge {
    /// URL of the token server.
    pub realm: String,
    /// Name of the registry, as the token server knows it.
    pub service: Option<String>,
    /// What the token must allow.
    pub scope: Option<String>,
}

impl Challenge {
    /// Reads one `WWW-Authenticate` value; `None` if it asks for no bearer token.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let (scheme, mut rest) = value.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut challenge = Self::default();
        while let Some((name, text, behind)) = parameter(rest) {
            match name.to_ascii_lowercase().as_str() {
                "realm" => challenge.realm = text,
                "service" => challenge.service = Some(text),
                "scope" => challenge.scope = Some(text),
                _ => {}
            }
            rest = behind;
        }
        (!challenge.realm.is_empty()).then_some(challenge)
    }
}

/// The next `name=token` or `name="text"`, and what is behind it.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let text = text.trim_start_matches([' ', '\t', ',']);
    let (name, rest) = text.split_once('=')?;
    let Some(quoted) = rest.strip_prefix('"') else {
        let end = rest.find([',', ' ']).unwrap_or(rest.len());
        return Some((name.trim(), rest[..end].to_owned(), &rest[end..]));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((name.trim(), value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

/// The token in a token server's answer.
#[must_use]
pub fn token(answer: &[u8]) -> Option<Secret> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        token: Option<String>,
        #[serde(default)]
        access_token: Option<String>,
    }
    let answer: Answer = serde_json::from_slice(answer).ok()?;
    let token = answer.token.or(answer.access_token)?;
    (!token.is_empty()).then(|| Secret::new(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read() {
        let full = Challenge {
            realm: "https://auth.example/token".into(),
            service: Some("registry.example".into()),
            scope: Some("repository:a/b:pull,push".into()),
        };
        let realm_only = Challenge {
            realm: "https://auth.example/token".into(),
            ..Challenge::default()
        };
        let empty_service = Challenge {
            service: Some(String::new()),
            ..realm_only.clone()
        };
        let cases = [
            (
                r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push""#,
                Some(&full),
            ),
            (
                r#"bearer  scope="repository:a/b:pull,push" , service=registry.example, realm="https://auth.example/token", error="x""#,
                Some(&full),
            ),
            (
                r#"Bearer realm="https:\/\/auth.example/token""#,
                Some(&realm_only),
            ),
            (
                r#"Bearer realm="https://auth.example/token",service="#,
                Some(&empty_service),
            ),
            (r#"Bearer realm="https://auth.example/token"#, None),
            (r#"Bearer service="x""#, None),
            (r#"Basic realm="x""#, None),
            ("Bearer", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(Challenge::parse(text).as_ref(), expected, "{text}");
        }
    }

    #[test]
    fn any_challenge_is_survived() {
        let text = r#"Bearer realm="h\"é",service="s",scope=x"#;
        for cut in (0..=text.len()).filter(|cut| text.is_char_boundary(*cut)) {
            let _ = Challenge::parse(&text[..cut]);
            let _ = Challenge::parse(&format!("Bearer {}", &text[cut..]));
        }
    }

    #[test]
    fn tokens_have_two_names() {
        let of = |text: &str| token(text.as_bytes()).map(|token| token.expose().to_owned());
        assert_eq!(
            of(r#"{"token":"a","expires_in":300}"#).as_deref(),
            Some("a")
        );
        assert_eq!(of(r#"{"access_token":"b"}"#).as_deref(), Some("b"));
        assert_eq!(
            of(r#"{"token":"a","access_token":"b"}"#).as_deref(),
            Some("a")
        );
        for wrong in ["", "{}", r#"{"token":""}"#, r#"{"token":5}"#, "[1]"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
//! Error bodies, in both directions (contract §3, §11).

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why Ironic did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ClientError {
    /// The name of the last base URL that was tried has no address, and no
    /// other URL answered.
    #[error("no answer from {url}: {problem}")]
    Unresolved {
        /// The last URL that was tried.
        url: String,
        /// The name and the resolver's words.
        problem: String,
    },
    /// No base URL answered.
    #[error("no answer from {url}: {problem}")]
    Unreachable {
        /// The last URL that was tried.
        url: String,
        /// Connection refused, time-out, TLS failure, ….
        problem: String,
    },
    /// Ironic answered, but not with success.
    #[error(transparent)]
    Refused(Refused),
    /// The answer is not what the contract says.
    #[error("the answer of {url} cannot be understood: {problem}")]
    Unexpected {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The HTTP client cannot be built.
    #[error("the HTTP client cannot be set up: {0}")]
    Setup(String),
}

/// An answer that is not success.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("HTTP {status}: {text}")]
pub struct Refused {
    /// What was asked for.
    pub url: String,
    /// The HTTP status.
    pub status: u16,
    /// Ironic's words.
    pub text: String,
    /// How long the server asks to be left alone.
    pub retry_after: Option<std::time::Duration>,
}

/// The text of an error body of Ironic: `{"error_message": X}` where X is an
/// object or a string that holds JSON, with `faultstring` or `title`.
#[must_use]
pub fn text_of(body: &[u8]) -> String {
    fn words(value: &serde_json::Value) -> Option<String> {
        match value {
            serde_json::Value::Object(fields) => ["faultstring", "title", "error_message"]
                .iter()
                .find_map(|key| fields.get(*key).and_then(words)),
            serde_json::Value::String(text) => Some(
                serde_json::from_str(text)
                    .ok()
                    .and_then(|inner: serde_json::Value| words(&inner))
                    .unwrap_or_else(|| text.clone()),
            ),
            _ => None,
        }
    }
    serde_json::from_slice(body)
        .ok()
        .and_then(|value| words(&value))
        .unwrap_or_else(|| {
            let text = String::from_utf8_lossy(body);
            text.chars().take(200).collect()
        })
}

/// The body of every answer of the agent with status 400 and above.
///
/// `faultstring` is what Ironic looks into; it must never be absent and must
/// not contain the word `agent_token` (contract §11).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultBody {
    /// `Client` or `Server`.
    pub faultcode: String,
    /// The reason, in words.
    pub faultstring: String,
}

/// A refusal of the agent's API: HTTP status and body.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ApiError {
    /// The token is missing or wrong, or this agent has none yet.
    #[error("401 Unauthorized: Token invalid.")]
    Unauthorized,
    /// The body is not what the contract says.
    #[error("400 Bad Request: {0}")]
    BadRequest(String),
    /// There is no such command.
    #[error("Invalid command: {0}")]
    InvalidCommand(String),
    /// The parameters of a command are missing or wrong.
    #[error("Invalid command parameters: {0}")]
    InvalidParameters(String),
    /// There is no such extension, command id or path.
    #[error("Not found: {0}")]
    NotFound(String),
    /// The path exists, the method does not.
    #[error("405 Method Not Allowed: {0}")]
    MethodNotAllowed(String),
    /// A command is running already.
    #[error("Agent is busy: executing command {0}")]
    Busy(String),
    /// Something broke inside the agent.
    #[error("{0}")]
    Internal(String),
}

impl ApiError {
    /// The HTTP status of the answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            ApiError::Unauthorized => 401,
            ApiError::BadRequest(_)
            | ApiError::InvalidCommand(_)
            | ApiError::InvalidParameters(_) => 400,
            ApiError::NotFound(_) => 404,
            ApiError::MethodNotAllowed(_) => 405,
            ApiError::Busy(_) => 409,
            ApiError::Internal(_) => 500,
        }
    }

    /// The body of the answer.
    #[must_use]
    pub fn body(&self) -> FaultBody {
        FaultBody {
            faultcode: if self.status() < 500 {
                "Client"
            } else {
                "Server"
            }
            .to_owned(),
            faultstring: self.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ironics_words_are_found_in_every_form() {
        let cases: [(&[u8], &str); 5] = [
            (
                br#"{"error_message": {"faultstring": "Node is locked", "faultcode": "Client"}}"#,
                "Node is locked",
            ),
            (
                br#"{"error_message": "{\"faultstring\": \"no such node\"}"}"#,
                "no such node",
            ),
            (
                br#"{"error_message": "{\"title\": \"Not Found\"}"}"#,
                "Not Found",
            ),
            (br#"{"error_message": "plain"}"#, "plain"),
            (b"Bad Gateway", "Bad Gateway"),
        ];
        for (body, text) in cases {
            assert_eq!(text_of(body), text);
        }
    }

    #[test]
    fn every_refusal_has_its_status_and_form() {
        let cases = [
            (ApiError::Unauthorized, 401, "Client", "401 Unauthorized: "),
            (
                ApiError::BadRequest("x".into()),
                400,
                "Client",
                "400 Bad Request: ",
            ),
            (
                ApiError::InvalidCommand("x".into()),
                400,
                "Client",
                "Invalid command: ",
            ),
            (
                ApiError::InvalidParameters("x".into()),
                400,
                "Client",
                "Invalid command parameters: ",
            ),
            (ApiError::NotFound("x".into()), 404, "Client", "Not found: "),
            (
                ApiError::MethodNotAllowed("x".into()),
                405,
                "Client",
                "405 ",
            ),
            (
                ApiError::Busy("x".into()),
                409,
                "Client",
                "Agent is busy: executing command x",
            ),
            (ApiError::Internal("boom".into()), 500, "Server", "boom"),
        ];
        for (error, status, code, start) in cases {
            let body = error.body();
            assert_eq!((error.status(), body.faultcode.as_str()), (status, code));
            assert!(body.faultstring.starts_with(start), "{}", body.faultstring);
            assert!(!body.faultstring.contains("agent_token"));
        }
    }
}

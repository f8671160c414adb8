// SPDX-License-Identifier: Apache-2.0
//! Reads `image_info`, the conductor's description of an image
//! (contract §14.1, §14.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::StepSettings;
use crate::fault::Fault;
use crate::image::checksum;
use crate::image_request::{
    Digest, DigestAlgorithm, ExpectedDigest, ImageRequest, Proxies, Secret,
};

fn wrong(argument: &str, problem: impl Into<String>) -> Fault {
    Fault::Argument {
        argument: format!("image_info.{argument}"),
        problem: problem.into(),
    }
}

/// The object itself.
pub(super) fn object(arguments: &Map<String, Value>) -> Result<&Map<String, Value>, Fault> {
    arguments
        .get("image_info")
        .and_then(Value::as_object)
        .ok_or_else(|| Fault::Argument {
            argument: "image_info".into(),
            problem: "is missing or not an object".into(),
        })
}

/// The request it stands for.
pub(super) fn request(
    info: &Map<String, Value>,
    settings: &StepSettings,
) -> Result<ImageRequest, Fault> {
    if text(info, "image_type")? == Some("partition") {
        return Err(wrong(
            "image_type",
            "partition images are not supported yet; use a whole-disk image",
        ));
    }
    let id = text(info, "id")?.ok_or_else(|| wrong("id", "is missing"))?;
    Ok(ImageRequest {
        id: id.to_owned(),
        urls: urls(info)?,
        declared_format: declared_format(info)?,
        stream_raw: info
            .get("stream_raw_images")
            .and_then(Value::as_bool)
            .unwrap_or(false),
        digest: digest(info, settings)?,
        authorization: authorization(info, settings)?,
        proxies: proxies(info)?,
        policy: settings.image.clone(),
        download: settings.download.clone(),
        verify: settings.verify,
    })
}

/// Text, where absent, null and empty are the same.
fn text<'a>(info: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, Fault> {
    match info.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(wrong(key, "is not text")),
    }
}

fn urls(info: &Map<String, Value>) -> Result<Vec<String>, Fault> {
    let list = info
        .get("urls")
        .and_then(Value::as_array)
        .filter(|list| !list.is_empty())
        .ok_or_else(|| wrong("urls", "is missing or empty"))?;
    list.iter()
        .map(|url| match url.as_str() {
            Some(url) if is_url(url) => Ok(url.to_owned()),
            _ => Err(wrong("urls", format!("{url} is not an http(s) URL"))),
        })
        .collect()
}

fn is_url(text: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| {
        text.get(..scheme.len())
            .is_some_and(|t| t.eq_ignore_ascii_case(scheme))
    })
}

fn declared_format(info: &Map<String, Value>) -> Result<Option<String>, Fault> {
    Ok(text(info, "disk_format")?
        .filter(|format| *format != "unknown")
        .map(str::to_owned))
}

fn digest(info: &Map<String, Value>, settings: &StepSettings) -> Result<ExpectedDigest, Fault> {
    let checksum = text(info, "checksum")?;
    if let (Some(name), Some(value)) = (text(info, "os_hash_algo")?, text(info, "os_hash_value")?)
        && let Some(algorithm) = checksum::algorithm_named(name)
    {
        if algorithm == DigestAlgorithm::Md5 && !settings.md5_allowed {
            return Err(wrong("os_hash_algo", "MD5 is not allowed"));
        }
        return Ok(expected(value, Some(algorithm), settings.md5_allowed));
    }
    let checksum =
        checksum.ok_or_else(|| wrong("checksum", "is missing, and so is a usable os_hash_algo"))?;
    if is_url(checksum) {
        return Ok(expected(checksum, None, settings.md5_allowed));
    }
    let algorithm = checksum::algorithm_of_length(checksum.len()).ok_or_else(|| {
        wrong(
            "checksum",
            format!(
                "has {} characters, which is no known digest",
                checksum.len()
            ),
        )
    })?;
    if algorithm == DigestAlgorithm::Md5 && !settings.md5_allowed {
        return Err(wrong("checksum", "is an MD5 digest, which is not allowed"));
    }
    Ok(expected(checksum, Some(algorithm), settings.md5_allowed))
}

fn expected(value: &str, algorithm: Option<DigestAlgorithm>, md5_allowed: bool) -> ExpectedDigest {
    match algorithm {
        Some(algorithm) if !is_url(value) => ExpectedDigest::Known(Digest {
            algorithm,
            hex: value.to_owned(),
        }),
        _ => ExpectedDigest::InFile {
            url: value.to_owned(),
            algorithm,
            md5_allowed,
        },
    }
}

/// The first that is there: a complete header, the request's login, the
/// operator's login (contract §14.3).
fn authorization(
    info: &Map<String, Value>,
    settings: &StepSettings,
) -> Result<Option<Secret>, Fault> {
    if let Some(encoded) = text(info, "image_request_authorization")? {
        let header = STANDARD
            .decode(encoded.trim())
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| wrong("image_request_authorization", "is not base64 of text"))?;
        return Ok(Some(Secret::new(header.trim())));
    }
    if text(info, "image_server_auth_strategy")?.is_some_and(|s| s != "noauth") {
        let part = |key| text(info, key)?.ok_or_else(|| wrong(key, "is missing"));
        return Ok(Some(basic(
            part("image_server_user")?,
            part("image_server_password")?,
        )));
    }
    Ok(settings
        .image_server
        .as_ref()
        .map(|login| basic(&login.user, login.password.expose())))
}

fn basic(user: &str, password: &str) -> Secret {
    let encoded = STANDARD.encode(format!("{user}:{password}"));
    Secret::new(format!("Basic {encoded}"))
}

fn proxies(info: &Map<String, Value>) -> Result<Proxies, Fault> {
    let no_proxy = text(info, "no_proxy")?.map(str::to_owned);
    let (http, https) = match info.get("proxies") {
        None | Some(Value::Null) => (None, None),
        Some(Value::Object(proxies)) => (text(proxies, "http")?, text(proxies, "https")?),
        Some(_) => return Err(wrong("proxies", "is not an object")),
    };
    Ok(Proxies {
        http: http.map(str::to_owned),
        https: https.map(str::to_owned),
        no_proxy,
    })
}

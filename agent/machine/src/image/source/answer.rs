// SPDX-License-Identifier: Apache-2.0
//! What the headers of an answer tell.

use std::time::Duration;

use ironseed_core::image::retry;
use reqwest::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, DATE, ETAG, HeaderMap, HeaderName,
    LAST_MODIFIED, RETRY_AFTER, TRANSFER_ENCODING,
};

/// What tells one version of a file from another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Validators {
    pub(super) length: Option<u64>,
    etag: Option<String>,
    modified: Option<String>,
}

impl Validators {
    /// Those of an answer with the whole file.
    pub(super) fn of_whole(headers: &HeaderMap) -> Self {
        let length = text(headers, &CONTENT_LENGTH).and_then(|text| text.parse().ok());
        Self::of(headers, length)
    }

    fn of(headers: &HeaderMap, length: Option<u64>) -> Self {
        Self {
            length,
            etag: text(headers, &ETAG),
            modified: text(headers, &LAST_MODIFIED),
        }
    }

    /// Of a file of which nothing else is known.
    pub(super) fn of_length(length: Option<u64>) -> Self {
        Self {
            length,
            ..Self::default()
        }
    }

    /// Whether nothing that both tell differs.
    pub(super) fn agree(&self, other: &Self) -> bool {
        fn same<T: PartialEq>(one: Option<&T>, two: Option<&T>) -> bool {
            one.is_none() || two.is_none() || one == two
        }
        same(self.length.as_ref(), other.length.as_ref())
            && same(self.etag.as_ref(), other.etag.as_ref())
            && same(self.modified.as_ref(), other.modified.as_ref())
    }

    /// Takes over what the other tells besides.
    pub(super) fn learn(&mut self, other: Self) {
        self.length = self.length.or(other.length);
        self.etag = self.etag.take().or(other.etag);
        self.modified = self.modified.take().or(other.modified);
    }

    /// What `If-Range` accepts: a strong tag, else a date (RFC 9110 §13.1.5).
    pub(super) fn for_if_range(&self) -> Option<&str> {
        let strong = self.etag.as_deref().filter(|tag| !tag.starts_with("W/"));
        strong.or(self.modified.as_deref())
    }
}

/// A part of a file.
pub(super) struct Part {
    /// Its first byte.
    pub(super) first: u64,
    /// Of the file it is a part of.
    pub(super) validators: Validators,
}

impl Part {
    /// What `Content-Range: bytes 100-199/1000` tells; `None` if it is not there.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let value = text(headers, &CONTENT_RANGE)?;
        let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
        let (first, _) = range.split_once('-')?;
        Some(Self {
            first: first.parse().ok()?,
            validators: Validators::of(headers, total.parse().ok()),
        })
    }
}

/// How the content is encoded, if not as the file is.
pub(super) fn encoding(headers: &HeaderMap) -> Option<String> {
    text(headers, &CONTENT_ENCODING).filter(|encoding| encoding != "identity")
}

/// Whether only the end of the connection is the end of the body, so that a
/// broken connection looks like the end.
pub(super) fn ends_with_connection(headers: &HeaderMap) -> bool {
    !headers.contains_key(CONTENT_LENGTH) && !headers.contains_key(TRANSFER_ENCODING)
}

/// The pause a server in trouble asks for.
pub(super) fn asked_pause(headers: &HeaderMap) -> Option<Duration> {
    let date = text(headers, &DATE);
    retry::asked(&text(headers, &RETRY_AFTER)?, date.as_deref())
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let value = |text: &str| HeaderValue::from_str(text).expect("a value");
        pairs
            .iter()
            .map(|(name, text)| (name.clone(), value(text)))
            .collect()
    }

    #[test]
    fn ranges_are_read() {
        let cases = [
            ("bytes 100-199/1000", Some((100, Some(1000)))),
            ("bytes 0-0/*", Some((0, None))),
            ("bytes */1000", None),
            ("bytes 100/1000", None),
            ("items 1-2/3", None),
            ("bytes -1-2/3", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let part = Part::of(&headers(&[(CONTENT_RANGE, text)]));
            let found = part.map(|part| (part.first, part.validators.length));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn only_strong_tags_and_dates_go_into_conditions() {
        let date = "Wed, 21 Oct 2015 07:28:00 GMT";
        let cases = [
            (vec![(ETAG, "\"a\"")], Some("\"a\"")),
            (vec![(ETAG, "W/\"a\"")], None),
            (vec![(ETAG, "W/\"a\""), (LAST_MODIFIED, date)], Some(date)),
            (vec![(ETAG, "\"a\""), (LAST_MODIFIED, date)], Some("\"a\"")),
            (vec![], None),
        ];
        for (pairs, expected) in cases {
            let validators = Validators::of_whole(&headers(&pairs));
            assert_eq!(validators.for_if_range(), expected, "{pairs:?}");
        }
    }

    #[test]
    fn versions_agree_unless_something_differs() {
        let of = |etag: &str, length| Validators::of(&headers(&[(ETAG, etag)]), length);
        let one = of("\"a\"", Some(5));
        assert!(one.agree(&of("\"a\"", None)));
        assert!(one.agree(&Validators::of_length(Some(5))));
        assert!(!one.agree(&of("\"b\"", Some(5))));
        assert!(!one.agree(&of("\"a\"", Some(6))));
        let mut learnt = Validators::of_length(Some(5));
        learnt.learn(of("\"a\"", Some(7)));
        assert_eq!(learnt, one);
    }
}

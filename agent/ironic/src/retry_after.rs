// SPDX-License-Identifier: Apache-2.0
//! `Retry-After` (RFC 9110 §10.2.3), which Ironic's own API does not send but
//! proxies and load balancers in front of it do.

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// How long the server asks to be left alone; `None` if it does not, or not
/// understandably.
///
/// A date is measured against the `Date` of the same answer, because this
/// machine's clock may be years off; without one it says nothing.
#[must_use]
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let wanted = text(RETRY_AFTER)?;
    if let Ok(seconds) = wanted.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = httpdate::parse_http_date(wanted).ok()?;
    let now = httpdate::parse_http_date(text(DATE)?).ok()?;
    Some(then.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_understood_and_nonsense_is_not() {
        let date = Some("Fri, 27 Nov 2026 04:00:00 GMT");
        let cases = [
            (Some("120"), None, Some(120)),
            (Some(" 7 "), date, Some(7)),
            (Some("Fri, 27 Nov 2026 04:01:30 GMT"), date, Some(90)),
            (Some("Fri, 27 Nov 2026 03:00:00 GMT"), date, Some(0)),
            (Some("Fri, 27 Nov 2026 04:01:30 GMT"), None, None),
            (Some("soon"), date, None),
            (Some("-5"), date, None),
            (Some("99999999999999999999999"), date, None),
            (Some(""), date, None),
            (None, date, None),
        ];
        for (wanted, date, expected) in cases {
            let mut headers = HeaderMap::new();
            for (name, value) in [(RETRY_AFTER, wanted), (DATE, date)] {
                if let Some(value) = value {
                    headers.insert(name, value.parse().expect("a header"));
                }
            }
            let found = retry_after(&headers).map(|pause| pause.as_secs());
            assert_eq!(found, expected, "{wanted:?}");
        }
    }
}

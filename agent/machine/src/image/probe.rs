// SPDX-License-Identifier: Apache-2.0
//! A look at an image without fetching it: its first bytes, unpacked where the
//! file is compressed, and what its server can do.

use ironseed_core::dry_run::Served;
use ironseed_core::fault::Fault;
use ironseed_core::image_request::ImageRequest;

use super::Trouble;
use super::decompress::Beginning;
use super::net::Net;
use super::source::Source;
use super::stopwatch::Stopwatch;
use crate::progress::Surroundings;

/// Asks the first server that answers, each once.
///
/// Must not be called from within an asynchronous task: it blocks.
///
/// # Errors
///
/// What the last server said.
pub fn probe(image: &ImageRequest, surroundings: Surroundings<'_>) -> Result<Served, Fault> {
    // Whoever waits for a plan does not wait for a server to come back.
    let mut download = image.download.clone();
    download.retries = 0;
    let net = Net::new(
        &download,
        &image.proxies,
        image.authorization.as_ref(),
        surroundings,
    )?;
    let mut last = None;
    for url in &image.urls {
        match look(&net, url) {
            Ok(served) => return Ok(served),
            Err(Trouble::Fault(fault)) => last = Some(fault),
            Err(Trouble::GaveUp(problem) | Trouble::Restart(problem)) => {
                last = Some(net.gave_up(url, problem));
            }
        }
    }
    Err(last.unwrap_or_else(|| Fault::Internal("an image without a URL".to_owned())))
}

fn look(net: &Net<'_>, url: &str) -> Result<Served, Trouble> {
    let mut source = Source::open(net, url)?;
    let beginning = Beginning::read(&mut source, &Stopwatch::new(net.surroundings.clock))?;
    let head = beginning.image().to_vec();
    let length = source.length();
    // An empty file has no first byte that could be asked for.
    let ranges = !head.is_empty() && source.range(0, 1)?.is_some();
    Ok(Served {
        url: url.to_owned(),
        head,
        compression: beginning.codec(),
        length,
        ranges,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ironseed_core::image::format;
    use ironseed_core::image::read_back::Verification;
    use ironseed_core::image_request::{
        Digest, DigestAlgorithm, DownloadPolicy, ExpectedDigest, ImagePolicy, Proxies,
    };

    use super::super::server::{Act, Served as File, Server};
    use super::*;
    use crate::clock::TestClock;

    fn probed(urls: Vec<String>) -> Result<Served, Fault> {
        let image = ImageRequest {
            id: "image".into(),
            urls,
            declared_format: None,
            stream_raw: true,
            digest: ExpectedDigest::Known(Digest {
                algorithm: DigestAlgorithm::Sha256,
                hex: String::new(),
            }),
            authorization: None,
            proxies: Proxies::default(),
            policy: ImagePolicy {
                permitted_formats: Vec::new(),
                inspect: true,
            },
            download: DownloadPolicy {
                timeout: Duration::from_secs(20),
                retries: 9,
                retry_interval: Duration::from_secs(3600),
                max_duration: None,
                verify_tls: true,
                ca_file: None,
            },
            verify: Verification::Off,
        };
        let clock = TestClock::default();
        let surroundings = Surroundings {
            clock: &clock,
            observer: &|_| (),
        };
        probe(&image, surroundings)
    }

    #[test]
    fn the_beginning_is_read_and_the_server_is_tried() {
        let server = Server::start();
        let body: Vec<u8> = (0..200_000_u32).map(|byte| byte.to_le_bytes()[0]).collect();
        for (ranges, no_length, size) in [
            (true, false, 200_000),
            (false, false, 200_000),
            (false, true, 200_000),
            (true, false, 700),
            (true, false, 0),
        ] {
            let file = File {
                body: body[..size].to_vec(),
                ranges,
                no_length,
                ..File::default()
            };
            let url = server.serve("/image", file);
            let served = probed(vec![url.clone()]).expect("it is there");
            assert_eq!(served.url, url);
            assert_eq!(served.head, body[..size.min(format::HEAD)]);
            assert_eq!(served.length, (!no_length).then_some(size as u64));
            assert_eq!(served.ranges, ranges && size > 0, "{size} bytes");
        }
    }

    #[test]
    fn a_server_in_trouble_is_not_waited_for() {
        let server = Server::start();
        let troubled = server.serve(
            "/troubled",
            File {
                script: (0..5).map(|_| Act::Status(503)).collect(),
                ..File::default()
            },
        );
        let fault = probed(vec![troubled.clone()]).expect_err("503");
        assert_eq!(fault.code(), "image-download", "{fault}");
        assert_eq!(server.seen().len(), 1);
        let good = server.serve("/good", File::default());
        let served = probed(vec![troubled, good.clone()]).expect("the second");
        assert_eq!(served.url, good);
        let gone = good.replace("good", "gone");
        let fault = probed(vec![gone]).expect_err("404");
        assert_eq!(fault.code(), "image-refused", "{fault}");
    }
}

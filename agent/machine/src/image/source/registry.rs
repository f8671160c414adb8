// SPDX-License-Identifier: Apache-2.0
//! Images in registries: from a URL to the blob that is the image, and the
//! token that the registry wants to see.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ironseed_core::fault::Fault;
use ironseed_core::image::location::shown;
use ironseed_core::image::oci::{self, Challenge, Manifest, OciError, Reference};
use ironseed_core::image_request::Digest;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};

use super::target::{Access, Target};
use super::{Source, unreadable};
use crate::image::Trouble;
use crate::image::hash::Hasher;
use crate::image::net::{Net, sensitive};

/// The largest answer of a token server, in bytes.
const TOKEN_LIMIT: usize = 64 << 10;

/// What was found out about URLs, so that a tag that moves meanwhile does not
/// change what is read.
#[derive(Default)]
pub(in crate::image) struct Registry(Mutex<BTreeMap<String, Arc<Image>>>);

/// An image in a registry.
pub(super) struct Image {
    /// What the registry knows it by.
    pub(super) digest: Digest,
    url: String,
    pass: Arc<Pass>,
}

impl Image {
    pub(super) fn target(&self) -> Result<Target, Trouble> {
        Target::new(&self.url, Access::Pass(Arc::clone(&self.pass)))
    }
}

/// The image that a URL names.
pub(super) fn image(net: &Net<'_>, url: &str) -> Result<Arc<Image>, Trouble> {
    let known = |registry: &Registry| lock(&registry.0).get(url).cloned();
    if let Some(image) = known(net.registry()) {
        return Ok(image);
    }
    let image = Arc::new(resolve(net, url)?);
    lock(&net.registry().0).insert(url.to_owned(), Arc::clone(&image));
    Ok(image)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn resolve(net: &Net<'_>, url: &str) -> Result<Image, Trouble> {
    let wrong = |error: OciError| unreadable(url, error);
    let reference = Reference::parse(url).map_err(wrong)?;
    let pass = Arc::new(Pass::new(reference.clone(), net.authorization().cloned()));
    let read = |name: &str| {
        let bytes = manifest(net, &pass, name)?;
        oci::read(&bytes, std::env::consts::ARCH).map_err(wrong)
    };
    let name = reference.manifest();
    let layer = match read(name) {
        Ok(Manifest::Layer(layer)) => layer,
        Ok(Manifest::Other(one)) => match read(&one)? {
            Manifest::Layer(layer) => layer,
            Manifest::Other(_) => return Err(unreadable(url, "the index leads to an index")),
        },
        // The digest may be that of the blob itself.
        Err(Trouble::Fault(Fault::ImageRefused { status: 404, .. }))
            if oci::digest(name).is_some() =>
        {
            name.to_owned()
        }
        Err(trouble) => return Err(trouble),
    };
    let digest = oci::digest(&layer).ok_or_else(|| unreadable(url, "the digest is unsound"))?;
    Ok(Image {
        digest,
        url: reference.blob_url(&layer),
        pass,
    })
}

/// Fetches a manifest; one that is named by its digest is compared with it.
fn manifest(net: &Net<'_>, pass: &Arc<Pass>, name: &str) -> Result<Vec<u8>, Trouble> {
    let url = pass.reference.manifest_url(name);
    let target = Target::new(&url, Access::Pass(Arc::clone(pass)))?.accepting(oci::ACCEPTED);
    let bytes = net.small_from(&url, oci::LIMIT, || Source::of_target(net, target.clone()))?;
    if let Some(expected) = oci::digest(name) {
        let mut hasher = Hasher::new(expected.algorithm);
        hasher.update(&bytes);
        if hasher.finish() != expected.hex {
            return Err(unreadable(&url, "the manifest has another digest"));
        }
    }
    Ok(bytes)
}

/// The right to read from a repository.
pub(super) struct Pass {
    reference: Reference,
    /// What the request brought.
    given: Option<HeaderValue>,
    token: Mutex<Option<HeaderValue>>,
}

impl Pass {
    fn new(reference: Reference, given: Option<HeaderValue>) -> Self {
        Self {
            reference,
            given,
            token: Mutex::default(),
        }
    }

    pub(super) fn header(&self) -> Option<HeaderValue> {
        lock(&self.token).clone().or_else(|| self.given.clone())
    }

    /// Fetches a token as the registry's refusal asks for; false if it does not.
    pub(super) fn renew(&self, net: &Net<'_>, refusal: &HeaderMap) -> Result<bool, Trouble> {
        let mut values = refusal.get_all(WWW_AUTHENTICATE).into_iter();
        let challenge = values.find_map(|value| Challenge::parse(value.to_str().ok()?));
        let Some(challenge) = challenge else {
            return Ok(false);
        };
        let target = Target::new(&self.realm(&challenge)?, Access::Given(self.login()))?;
        let url = target.shown().to_owned();
        let open = || Source::of_target(net, target.clone());
        let answer = net.small_from(&url, TOKEN_LIMIT, open)?;
        let token = oci::token(&answer)
            .and_then(|token| sensitive(&format!("Bearer {}", token.expose())))
            .ok_or_else(|| unreadable(&url, "the answer has no token"))?;
        *lock(&self.token) = Some(token);
        Ok(true)
    }

    /// A login goes to the token server; a token for something else does not.
    fn login(&self) -> Option<HeaderValue> {
        let is_login = |value: &&HeaderValue| {
            let scheme = value.as_bytes().get(..6);
            scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic "))
        };
        self.given.as_ref().filter(is_login).cloned()
    }

    /// The token server's URL. It must be as safe as the registry is.
    fn realm(&self, challenge: &Challenge) -> Result<String, Trouble> {
        let realm = &challenge.realm;
        let mut url = Url::parse(realm).map_err(|error| unreadable(realm, error))?;
        let is_safe = url.scheme() == "https" || self.reference.is_plain();
        if !is_safe {
            return Err(unreadable(
                &shown(realm),
                "the registry sends to a token server without TLS",
            ));
        }
        let scope = challenge.scope.clone();
        let scope = scope.unwrap_or_else(|| self.reference.scope());
        let mut query = url.query_pairs_mut();
        if let Some(service) = &challenge.service {
            query.append_pair("service", service);
        }
        query.append_pair("scope", &scope);
        drop(query);
        Ok(url.into())
    }
}

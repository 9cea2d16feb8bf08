//! The engine's objects, of what the export says.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use djwto_core::policy::{Audience, Subject};
use djwto_core::{Algorithm, Key, KeyRing, Mode, PolicyOptions, TransportOptions};

use super::{Audience as ExportedAudience, Export, Keys, Policy, Shared, Transport};
use crate::problem::Problem;
use crate::remote_keys::KeysUrl;

/// What the engine is made of.
#[derive(Debug)]
pub struct Built {
    /// The keys that verify; none, if they are at a URL.
    pub keys: KeyRing,
    /// Where they are.
    pub keys_url: Option<KeysUrl>,
    /// What a token must be.
    pub policy: djwto_core::Policy,
    /// How tokens are carried.
    pub transport: djwto_core::Transport,
}

/// Makes them.
///
/// # Errors
///
/// [`Problem`] names the member that the engine refuses.
pub fn build(export: &Export, path: &Path) -> Result<Built, Problem> {
    let checked = || {
        Ok(Built {
            keys: keys(&export.keys)?,
            keys_url: keys_url(&export.keys)?,
            policy: policy(&export.policy)?,
            transport: transport(&export.transport)?,
        })
    };
    checked().map_err(|problem: Problem| problem.within(path))
}

fn keys(keys: &Keys) -> Result<KeyRing, Problem> {
    let mut found = Vec::new();
    for (at, jwk) in keys.jwks.iter().flat_map(|set| &set.keys).enumerate() {
        let problem = |what: String| Problem::new(format!("keys.jwks.keys[{at}]"), what);
        let key = Key::from_jwk(jwk.to_string().as_bytes()).map_err(|e| problem(e.to_string()))?;
        if key.can_sign() {
            let what = "expected a public key, found one that signs. No such key belongs here";
            return Err(problem(what.to_owned()));
        }
        found.push(key);
    }
    for (at, shared) in keys.shared.iter().flatten().enumerate() {
        let place = format!("keys.shared[{at}]");
        found.push(secret(shared).map_err(|what| Problem::new(place, what))?);
    }
    if keys.url.is_some() {
        let is_alone = found.is_empty();
        let problem = || Problem::new("keys", "expected keys or \"url\", found both");
        return is_alone.then(KeyRing::default).ok_or_else(problem);
    }
    let mut found = found.into_iter();
    let first = found.next().ok_or_else(|| {
        Problem::new("keys", "expected at least one key that verifies, found none")
    })?;
    Ok(found.fold(KeyRing::new(first), KeyRing::with_fallback))
}

fn keys_url(keys: &Keys) -> Result<Option<KeysUrl>, Problem> {
    let url = keys.url.as_deref().map(KeysUrl::parse).transpose();
    url.map_err(|what| Problem::new("keys.url", what))
}

fn secret(shared: &Shared) -> Result<Key, String> {
    let algorithm = Algorithm::from_name(&shared.algorithm)
        .ok_or_else(|| "expected an algorithm such as \"HS256\"".to_owned())?;
    let bytes = BASE64_STANDARD.decode(&shared.secret);
    let bytes = bytes.map_err(|_| "expected \"secret\" in base64".to_owned())?;
    // Django lets in what a short secret signs, and warns. The server does not differ.
    let key = Key::weak_secret(algorithm, &bytes).map_err(|error| error.to_string())?;
    Ok(match &shared.kid {
        Some(kid) => key.with_id(kid.clone()),
        None => key,
    })
}

fn policy(policy: &Policy) -> Result<djwto_core::Policy, Problem> {
    let subject = match (&policy.subject, policy.user_as_subject) {
        (Some(_), true) => {
            let what = "expected \"subject\" or \"user_as_subject\", found both";
            return Err(Problem::new("policy.subject", what));
        }
        (Some(text), false) => Some(Subject::Text(text.clone())),
        (None, true) => Some(Subject::User),
        (None, false) => None,
    };
    let lifetime = |place: &str, seconds: Option<f64>| {
        seconds.map(|seconds| duration(place, seconds)).transpose()
    };
    let options = PolicyOptions {
        issuer: policy.issuer.clone(),
        subject,
        audience: policy.audience.as_ref().map(|audience| match audience {
            ExportedAudience::One(one) => Audience::One(one.clone()),
            ExportedAudience::Several(several) => Audience::Several(several.clone()),
        }),
        issued_at: policy.issued_at,
        id: policy.id,
        access_lifetime: lifetime("access_lifetime", policy.access_lifetime)?,
        refresh_lifetime: lifetime("refresh_lifetime", policy.refresh_lifetime)?,
        session_lifetime: lifetime("session_lifetime", policy.session_lifetime)?,
        not_before: duration("not_before", policy.not_before)?,
        leeway: duration("leeway", policy.leeway)?,
        accept_legacy: policy.accept_legacy,
        ..PolicyOptions::default()
    };
    djwto_core::Policy::new(options)
        .map_err(|error| Problem::new(format!("policy.{}", error.field()), error))
}

fn duration(place: &str, seconds: f64) -> Result<Duration, Problem> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| Problem::new(format!("policy.{place}"), "expected seconds, at least 0"))
}

fn transport(transport: &Transport) -> Result<djwto_core::Transport, Problem> {
    let modes =
        transport.modes.iter().map(|name| Mode::from_name(name)).collect::<Option<Vec<_>>>();
    let what = "expected \"JSON\", \"ONE-COOKIE\" or \"TWO-COOKIES\"";
    let options = TransportOptions {
        modes: modes.ok_or_else(|| Problem::new("transport.modes", what))?,
        refresh_path: transport.refresh_path.clone(),
        domain: transport.domain.clone(),
        cookie_prefix: transport.cookie_prefix.clone(),
        public_path: transport.public_path.clone(),
        schemes: transport.schemes.clone(),
        ..TransportOptions::default()
    };
    djwto_core::Transport::new(options)
        .map_err(|error| Problem::new(format!("transport.{}", error.field()), error))
}

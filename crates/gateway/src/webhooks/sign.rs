//! The signatures of Standard Webhooks: HMAC-SHA256 over id, time and body.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// `whsec_` and base64 of 24 to 64 random bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

const PREFIX: &str = "whsec_";
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a webhook secret: expected whsec_ and the base64 of 24 to 64 random bytes")]
pub struct BadSecret;

impl FromStr for Secret {
    type Err = BadSecret;

    fn from_str(text: &str) -> Result<Self, BadSecret> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(BadSecret)?;
        let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| BadSecret)?;
        if LENGTHS.contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(BadSecret) }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("whsec_…")
    }
}

/// What a signature covers.
pub struct Signed<'a> {
    pub id: &'a str,
    /// Since 1970, when this try was made.
    pub seconds: i64,
    pub body: &'a str,
}

/// The value of `webhook-signature`: one signature for each secret. None without a secret.
#[must_use]
pub fn signatures(secrets: &[Secret], signed: &Signed<'_>) -> Option<String> {
    let all: Vec<String> = secrets.iter().filter_map(|secret| signature(secret, signed)).collect();
    (!all.is_empty()).then(|| all.join(" "))
}

fn signature(secret: &Secret, signed: &Signed<'_>) -> Option<String> {
    // HMAC takes a key of any length, so this never is None.
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret.0).ok()?;
    mac.update(format!("{}.{}.", signed.id, signed.seconds).as_bytes());
    mac.update(signed.body.as_bytes());
    Some(format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED: Signed<'_> = Signed {
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
        seconds: 1_614_265_330,
        body: r#"{"test": 2432232314}"#,
    };

    #[test]
    fn the_example_of_the_specification_comes_out() {
        let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let signature = signatures(&[secret], &SIGNED).unwrap();
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_secret_signs_while_one_is_changed() {
        let old: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let new: Secret = format!("whsec_{}", BASE64_STANDARD.encode([7; 32])).parse().unwrap();
        let both = signatures(&[old.clone(), new], &SIGNED).unwrap();
        assert_eq!(both.split(' ').count(), 2);
        assert!(both.starts_with(&signatures(&[old], &SIGNED).unwrap()));
        assert_eq!(signatures(&[], &SIGNED), None);
    }

    #[test]
    fn what_is_no_secret_is_refused_and_none_is_shown() {
        for text in ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64!"]
        {
            assert_eq!(text.parse::<Secret>(), Err(BadSecret), "{text}");
        }
        let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        assert_eq!(format!("{secret:?}"), "whsec_…");
    }
}

//! A secret of the configuration: where it comes from, and a value that is never shown.

use std::fmt;
use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;

/// A resolved secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    #[cfg(test)]
    pub(crate) fn new(secret: &str) -> Self {
        Self(secret.to_owned())
    }

    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A secret as the file gives it: `{ env = "X" }`, `{ file = "…" }`, or as a plain string.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Secret")]
pub(super) enum SecretSource {
    /// Only for demos and tests.
    Plain(String),
    /// The name of an environment variable.
    Env(FromEnvironment),
    /// A file that holds the secret and nothing else; a line end after it is ignored.
    File(FromFile),
}

#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FromEnvironment {
    env: String,
}

#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FromFile {
    file: String,
}

impl SecretSource {
    pub(super) fn is_plain(&self) -> bool {
        match self {
            Self::Plain(_) => true,
            Self::Env(_) | Self::File(_) => false,
        }
    }

    /// The secret itself, or what is missing.
    pub(super) fn resolve(
        &self,
        folder: &Path,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Secret, String> {
        let secret = match self {
            Self::Plain(secret) => secret.clone(),
            Self::Env(FromEnvironment { env }) => {
                environment(env).ok_or_else(|| format!("the environment variable {env} is not set"))?
            }
            Self::File(FromFile { file }) => {
                let path = folder.join(file);
                let text = std::fs::read_to_string(&path).map_err(|error| {
                    format!("the secret's file {} cannot be read: {error}", path.display())
                })?;
                text.trim_end_matches(['\n', '\r']).to_owned()
            }
        };
        if secret.is_empty() { Err("the secret is empty".to_owned()) } else { Ok(Secret(secret)) }
    }
}

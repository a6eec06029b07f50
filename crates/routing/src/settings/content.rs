//! What a route makes of the texts that it sends, and which it does not carry.

use domain::{Class, Encoding};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{is_default, schema};

/// Nothing given: every text is sent as the application wrote it. What is given is done in the order of the keys.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Parts of texts that others take the place of, one after another.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rewrite: Vec<RewriteText>,
    /// Goes before every text that does not begin with it.
    #[serde(skip_serializing_if = "is_default")]
    pub prefix: Option<String>,
    /// Goes behind every text that does not end with it.
    #[serde(skip_serializing_if = "is_default")]
    pub suffix: Option<String>,
    /// Characters that an alphabet lacks become those of it that are nearest, where that brings the whole text into it.
    #[serde(skip_serializing_if = "is_default")]
    pub transliterate: Option<Alphabet>,
    /// Texts in another encoding do not take the route; absent: it carries all.
    #[serde(skip_serializing_if = "is_default")]
    pub encodings: Option<Vec<Encoding>>,
    /// A regular expression: a text without a place that fits it, as it would be sent, does not take the route.
    #[serde(skip_serializing_if = "is_default")]
    pub must_match: Option<String>,
    /// A text that takes more, as it would be sent, does not take the route; absent: 20.
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(range(min = 1, max = 20))]
    pub max_segments: Option<u8>,
}

/// Content for some of a route's messages: `countries`, `operators` and `classes` say for which. The first entry that
/// fits a message decides instead of the route's `content`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContentBy {
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::countries")]
    pub countries: Option<Vec<String>>,
    /// MCC and MNC of the recipient's network, such as 262-01.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::operators")]
    pub operators: Option<Vec<String>>,
    #[serde(skip_serializing_if = "is_default")]
    pub classes: Option<Vec<Class>>,
    /// As in `content`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rewrite: Vec<RewriteText>,
    #[serde(skip_serializing_if = "is_default")]
    pub prefix: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub suffix: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub transliterate: Option<Alphabet>,
    #[serde(skip_serializing_if = "is_default")]
    pub encodings: Option<Vec<Encoding>>,
    #[serde(skip_serializing_if = "is_default")]
    pub must_match: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(range(min = 1, max = 20))]
    pub max_segments: Option<u8>,
}

/// One text in the place of others: `from` or `pattern` says which.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RewriteText {
    /// As it is written, wherever it stands.
    #[serde(skip_serializing_if = "is_default")]
    pub from: Option<String>,
    /// A regular expression. In `to`, `$1` and `${name}` are what its groups found, and `$$` is a dollar sign.
    #[serde(skip_serializing_if = "is_default")]
    pub pattern: Option<String>,
    /// Empty: it is left out.
    pub to: String,
}

/// Into which texts are transliterated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Alphabet {
    /// GSM 03.38 with its extension.
    Gsm7,
}

impl ContentBy {
    /// What it says of content.
    #[must_use]
    pub fn content(&self) -> Content {
        let Self { rewrite, prefix, suffix, transliterate, encodings, must_match, max_segments, .. } =
            self.clone();
        Content { rewrite, prefix, suffix, transliterate, encodings, must_match, max_segments }
    }
}

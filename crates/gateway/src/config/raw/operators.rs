//! `[operators]` as it is written: lists of the buyer's, and providers that know whose a number is.

use std::collections::BTreeMap;

use domain::setting::{Rate, Span};
use schemars::JsonSchema;
use serde::Deserialize;

use super::super::secret::SecretSource;

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in super::super) struct Operators {
    /// Lists in CSV; where several know a number, the first counts.
    pub(in super::super) files: Vec<OperatorFile>,
    /// Who is asked whose a number is, one after the other until one knows.
    pub(in super::super) lookups: Vec<Lookup>,
    /// How long a message waits for the answer.
    pub(in super::super) wait: LookupWait,
    /// How many numbers are remembered, 1000 to 50000000; some 200 bytes each. Default 200000.
    pub(in super::super) remembered: Option<u32>,
    /// How long what a receipt says of a number's operator is believed. Default 30d.
    pub(in super::super) receipts_ttl: Option<Span>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct OperatorFile {
    /// A CSV file, relative to this file's folder.
    pub(in super::super) path: String,
    pub(in super::super) kind: OperatorFileKind,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in super::super) enum OperatorFileKind {
    /// Columns number and operator, or number, mcc and mnc.
    Numbers,
    /// Columns prefix and operator, or prefix, mcc and mnc; the longest prefix counts.
    Prefixes,
    /// Columns operator (or mcc and mnc), name and perhaps country.
    Networks,
}

/// 0s never waits: the answer serves the next message to the number. At most 5s.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in super::super) struct LookupWait {
    /// Default 150ms.
    pub(in super::super) otp: Option<Span>,
    /// Default 1s.
    pub(in super::super) transactional: Option<Span>,
    /// Default 0s.
    pub(in super::super) marketing: Option<Span>,
}

/// Asked by HTTP; the answer is JSON.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Lookup {
    /// Its name in metrics.
    pub(in super::super) id: String,
    pub(in super::super) kind: LookupKind,
    /// With `{number}` where the digits of the number go, without a plus. Private addresses are allowed; redirects are not
    /// followed.
    pub(in super::super) url: String,
    /// GET or POST; default GET.
    #[serde(default)]
    pub(in super::super) method: LookupMethod,
    /// Headers of the request; secrets as `{ env = "X" }` or `{ file = "…" }`.
    #[serde(default)]
    pub(in super::super) headers: BTreeMap<String, SecretSource>,
    /// Of a POST, with `{number}` where the digits go.
    pub(in super::super) body: Option<String>,
    pub(in super::super) response: LookupResponse,
    /// Of one question, 10ms to 60s; default 2s. A message does not wait that long: see `wait`.
    pub(in super::super) timeout: Option<Span>,
    /// How long an answer is believed; default 7d.
    pub(in super::super) ttl: Option<Span>,
    /// How long it is believed that a number has no network; default 1h.
    pub(in super::super) negative_ttl: Option<Span>,
    /// The most questions, such as `50/s`; without it there is no limit.
    pub(in super::super) rate: Option<Rate>,
    /// The most questions at once, 1 to 1000; default 20.
    pub(in super::super) concurrency: Option<u16>,
    /// Only for numbers of these countries; absent: all.
    pub(in super::super) countries: Option<Vec<String>>,
    /// Only for messages of these classes; absent: all.
    pub(in super::super) classes: Option<Vec<domain::Class>>,
    /// What an answered question costs; an entry without a country is for all others.
    #[serde(default)]
    pub(in super::super) costs: Vec<LookupCost>,
    /// An HTTP proxy, as `http://host:3128`. Default none.
    pub(in super::super) proxy: Option<String>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in super::super) enum LookupKind {
    Http,
}

#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
pub(in super::super) enum LookupMethod {
    #[default]
    #[serde(rename = "GET")]
    Get,
    #[serde(rename = "POST")]
    Post,
}

/// Where in the answer things are, as JSON pointers such as `/network/mccmnc`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct LookupResponse {
    /// MCC and MNC in one; else give `mcc` and `mnc`.
    pub(in super::super) mccmnc: Option<String>,
    pub(in super::super) mcc: Option<String>,
    pub(in super::super) mnc: Option<String>,
    /// Whether the number was carried to this operator.
    pub(in super::super) ported: Option<String>,
    /// A word for how it went.
    pub(in super::super) status: Option<String>,
    /// Values of `status` that say that the number has no network.
    #[serde(default)]
    pub(in super::super) absent: Vec<String>,
    /// Values of `status` that say that the provider does not know now.
    #[serde(default)]
    pub(in super::super) failed: Vec<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct LookupCost {
    pub(in super::super) country: Option<String>,
    /// A plain decimal, such as 0.0040.
    pub(in super::super) price: String,
    pub(in super::super) currency: String,
}

//! The lists of operators of a configuration, and the providers that are asked.

use std::sync::Arc;
use std::time::Duration;

use domain::money::parse_amount;
use domain::number::Country;
use domain::setting::Span;
use domain::{Price, Timestamp};
use reqwest::header::HeaderMap;
use reqwest::{Method, Url};
use store::OperatorListKind;

use super::super::raw::operators::{
    Lookup, LookupCost, LookupKind, LookupMethod, LookupResponse, LookupWait, OperatorFile, OperatorFileKind,
    Operators,
};
use super::super::report::Problem;
use super::{Builder, Steps, below, item, path};
use crate::operators::list::{self, List};
use crate::operators::provider::{self, ResponseFields};
use crate::operators::{Settings, Waits};

const REMEMBERED: usize = 200_000;
const RECEIPTS_HOLD: Duration = Duration::from_secs(30 * 86_400);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60);
/// More problems of one file than this tell nothing new.
const TOLD_OF_A_FILE: usize = 100;

impl Builder<'_> {
    pub(super) fn operators(&mut self, raw: &Operators) -> Settings {
        let at = path(&["operators"]);
        let files = raw.files.iter().enumerate();
        let files =
            files.filter_map(|(index, file)| self.operator_file(file, &item(&below(&at, "files"), index)));
        let files = files.collect();
        let providers = raw.lookups.iter().enumerate();
        let providers =
            providers.filter_map(|(index, lookup)| self.lookup(lookup, &item(&below(&at, "lookups"), index)));
        let providers = providers.collect();
        if raw.remembered.is_some_and(|many| !(1000..=50_000_000).contains(&many)) {
            self.problem(&below(&at, "remembered"), "expected 1000 to 50000000");
        }
        Settings {
            files,
            providers,
            waits: self.waits(&raw.wait, &below(&at, "wait")),
            remembered: raw.remembered.map_or(REMEMBERED, |many| many as usize),
            receipts_hold: raw.receipts_ttl.map_or(RECEIPTS_HOLD, |ttl| ttl.0),
        }
    }

    fn operator_file(&mut self, file: &OperatorFile, at: &Steps) -> Option<(Arc<List>, Timestamp)> {
        let path = self.beside(at, &file.path);
        let at_path = below(at, "path");
        let read = std::fs::read_to_string(&path)
            .map_err(|error| format!("{} cannot be read: {error}", path.display()));
        let text = self.keep(read, &at_path)?;
        let changed = std::fs::metadata(&path).and_then(|metadata| metadata.modified()).ok();
        let since = changed.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok()).unwrap_or_default();
        let changed = Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        let list = match list::read(&text) {
            Ok(list) => list,
            Err(refused) => {
                let more = refused.more + refused.lines.len().saturating_sub(TOLD_OF_A_FILE);
                for bad in refused.lines.iter().take(TOLD_OF_A_FILE) {
                    let line = usize::try_from(bad.line).unwrap_or(usize::MAX);
                    let key = super::written(&at_path);
                    self.report.problems.push(Problem {
                        file: path.clone(),
                        line,
                        key,
                        message: bad.detail.clone(),
                    });
                }
                if more > 0 {
                    self.problem(&at_path, format!("{more} more lines of {} are wrong", path.display()));
                }
                return None;
            }
        };
        let wanted = match file.kind {
            OperatorFileKind::Numbers => OperatorListKind::Numbers,
            OperatorFileKind::Prefixes => OperatorListKind::Prefixes,
            OperatorFileKind::Networks => OperatorListKind::Networks,
        };
        if list.kind() != wanted {
            let message = format!(
                "the heading is that of a list of {}, not of {}",
                list.kind().as_str(),
                wanted.as_str()
            );
            self.problem(&at_path, message);
            return None;
        }
        Some((Arc::new(list), changed))
    }

    fn waits(&mut self, raw: &LookupWait, at: &Steps) -> Waits {
        let mut wait = |name: &str, given: Option<Span>, default: Duration| {
            let wait = given.map_or(default, |wait| wait.0);
            if wait > LONGEST_WAIT {
                self.problem(&below(at, name), "expected at most 5s: an application waits as long");
            }
            wait
        };
        Waits {
            otp: wait("otp", raw.otp, Duration::from_millis(150)),
            transactional: wait("transactional", raw.transactional, Duration::from_secs(1)),
            marketing: wait("marketing", raw.marketing, Duration::ZERO),
        }
    }

    fn lookup(&mut self, lookup: &Lookup, at: &Steps) -> Option<provider::Settings> {
        match lookup.kind {
            LookupKind::Http => {}
        }
        let id = lookup.id.trim();
        if id.is_empty() || id.len() > 64 || !id.bytes().all(|b| b.is_ascii_graphic()) {
            self.problem(&below(at, "id"), "expected a name of 1 to 64 characters without blanks");
        }
        self.once("lookup", id, &below(at, "id"));
        let at_url = below(at, "url");
        self.web_address(&lookup.url.replace("{number}", "1"), &at_url);
        let method = self.method(lookup, at);
        let headers = self.headers(lookup, &below(at, "headers"));
        let timeout = lookup.timeout.map_or(Duration::from_secs(2), |timeout| timeout.0);
        if timeout < Duration::from_millis(10) || timeout > LONGEST_TIMEOUT {
            self.problem(&below(at, "timeout"), "expected 10ms to 60s");
        }
        let concurrency = lookup.concurrency.unwrap_or(20);
        if !(1..=1000).contains(&concurrency) {
            self.problem(&below(at, "concurrency"), "expected 1 to 1000");
        }
        let at_countries = below(at, "countries");
        let countries = lookup.countries.as_ref().map(|codes| {
            let each = codes.iter().enumerate();
            each.filter_map(|(index, code)| {
                self.keep(routing::country::read(code), &item(&at_countries, index))
            })
            .collect()
        });
        let at_costs = below(at, "costs");
        let costs = lookup.costs.iter().enumerate();
        let costs = costs.filter_map(|(index, cost)| self.cost(cost, &item(&at_costs, index))).collect();
        let proxy = lookup.proxy.as_deref().and_then(|proxy| self.http_proxy(proxy, &below(at, "proxy")));
        Some(provider::Settings {
            id: id.into(),
            url: lookup.url.clone(),
            method,
            headers,
            body: lookup.body.clone(),
            response: self.response(&lookup.response, &below(at, "response")),
            timeout,
            ttl: lookup.ttl.map_or(Duration::from_secs(7 * 86_400), |ttl| ttl.0),
            negative_ttl: lookup.negative_ttl.map_or(Duration::from_secs(3600), |ttl| ttl.0),
            rate: lookup.rate,
            concurrency: usize::from(concurrency),
            countries,
            classes: lookup.classes.clone(),
            costs,
            proxy,
        })
    }

    fn method(&mut self, lookup: &Lookup, at: &Steps) -> Method {
        let named = lookup.url.contains("{number}");
        let in_body = lookup.body.as_ref().is_some_and(|body| body.contains("{number}"));
        if !named && !in_body {
            self.problem(&below(at, "url"), "expected `{number}` where the digits go, here or in `body`");
        }
        match lookup.method {
            LookupMethod::Get => {
                if lookup.body.is_some() {
                    self.problem(&below(at, "body"), "only a POST has a body: give `method = \"POST\"`");
                }
                Method::GET
            }
            LookupMethod::Post => Method::POST,
        }
    }

    fn headers(&mut self, lookup: &Lookup, at: &Steps) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, source) in &lookup.headers {
            let at = below(at, name);
            // What is no secret may be written here.
            let is_public = ["accept", "content-type"].iter().any(|public| name.eq_ignore_ascii_case(public));
            let value = if is_public {
                let resolved = source.resolve(self.tree.locate(&at).folder(), self.environment);
                self.keep(resolved, &at)
            } else {
                self.secret(source, &at)
            };
            let header = value.map(|value| provider::header(name, value.reveal()));
            headers.extend(header.and_then(|header| self.keep(header, &at)));
        }
        headers
    }

    fn response(&mut self, raw: &LookupResponse, at: &Steps) -> ResponseFields {
        let pointers = [
            ("mccmnc", &raw.mccmnc),
            ("mcc", &raw.mcc),
            ("mnc", &raw.mnc),
            ("ported", &raw.ported),
            ("status", &raw.status),
        ];
        for (name, pointer) in pointers {
            if pointer.as_ref().is_some_and(|pointer| !pointer.starts_with('/')) {
                self.problem(&below(at, name), "expected a JSON pointer, such as /network/mccmnc");
            }
        }
        if raw.mccmnc.is_some() == (raw.mcc.is_some() || raw.mnc.is_some())
            || raw.mcc.is_some() != raw.mnc.is_some()
        {
            self.problem(at, "expected `mccmnc`, or both `mcc` and `mnc`");
        }
        if raw.status.is_none() && !(raw.absent.is_empty() && raw.failed.is_empty()) {
            self.problem(
                &below(at, "status"),
                "is missing: where the values of `absent` and `failed` are looked for",
            );
        }
        ResponseFields {
            operator: raw.mccmnc.clone(),
            mcc: raw.mcc.clone(),
            mnc: raw.mnc.clone(),
            ported: raw.ported.clone(),
            status: raw.status.clone(),
            absent: raw.absent.clone(),
            failed: raw.failed.clone(),
        }
    }

    fn cost(&mut self, raw: &LookupCost, at: &Steps) -> Option<(Option<Country>, Price)> {
        let country = match &raw.country {
            Some(code) => Some(self.keep(routing::country::read(code), &below(at, "country"))?),
            None => None,
        };
        let amount = self.keep(parse_amount(&raw.price), &below(at, "price"));
        let currency = self.keep(raw.currency.parse(), &below(at, "currency"));
        Some((country, Price { amount: amount?, currency: currency? }))
    }

    fn http_proxy(&mut self, text: &str, at: &Steps) -> Option<Url> {
        let url =
            Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if url.is_none() {
            self.problem(
                at,
                format!("`{text}` is not an HTTP proxy: expected one such as http://10.0.0.1:3128"),
            );
        }
        url
    }
}

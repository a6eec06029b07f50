//! `POST /v1/rate-cards/{id}/imports`: a vendor's price list as it comes, laid over the card in force. It becomes a draft
//! of the policy, or is put in force at once; either way it is first told what it changes and what that costs.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use domain::{Currency, RateCardId, Scope, Timestamp};
use rates::{Laid, List, MOST_BYTES, Mapping, Mode, Refused as Unreadable, Report, Terms};
use routing::price::{Card, PriceLine, instant};
use routing::settings::{Per, RateCard};
use serde_json::{Value as Json, json};
use store::versions::Summary;

use super::super::aside::aside;
use super::super::auth::{Admin, Caller};
use super::super::code::Code;
use super::super::comment::checked_comment;
use super::super::parameters::Parameters;
use super::super::policies;
use super::super::problem::{FieldError, Problem};
use super::super::{Api, body, respond, vendors};
use super::{Names, Version, comparison, mappings};
use crate::versions::{By, Draft, Refused, Told};

const KINDS: [&str; 4] = [
    "text/csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/octet-stream",
    "text/plain",
];
const PARAMETERS: [&str; 12] = [
    "mode",
    "effective_from",
    "vendor",
    "mapping",
    "currency",
    "per",
    "activate",
    "dry_run",
    "comment",
    "days",
    "file",
    "at",
];

/// How the list is to be taken.
struct Asked {
    mode: Mode,
    effective_from: Option<From>,
    vendor: Option<String>,
    mapping: Option<Mapping>,
    currency: Option<Currency>,
    per: Option<Per>,
    activate: bool,
    dry_run: bool,
    comment: Option<Box<str>>,
    days: i64,
    /// What the list is called, for whoever reads of it later.
    file: Option<String>,
    at: Option<Timestamp>,
}

/// From when on a price holds that has no date of its own.
#[derive(Clone, Copy)]
enum From {
    Always,
    Instant(Timestamp),
}

impl Asked {
    fn read(uri: &Uri) -> Result<Self, Problem> {
        let mut parameters = Parameters::read(uri, &PARAMETERS)?;
        let mode = parameters.parsed("mode", |text| match text {
            "full" => Ok(Mode::Full),
            "delta" => Ok(Mode::Delta),
            _ => Err("is neither full nor delta"),
        });
        let effective_from = parameters.parsed("effective_from", |text| match text {
            "always" => Ok(From::Always),
            text => instant(&text.replace(' ', "+"))
                .map(From::Instant)
                .ok_or("is no time: expected 2026-03-01, 2026-03-01T08:00:00Z or always"),
        });
        let per = parameters.parsed("per", |text| match text {
            "segment" => Ok(Per::Segment),
            "message" => Ok(Per::Message),
            _ => Err("is neither segment nor message"),
        });
        let comment = parameters.parsed("comment", checked_comment);
        let file = parameters
            .text("file")
            .map(|name| name.chars().filter(|c| !c.is_control()).take(80).collect::<String>());
        let asked = (
            parameters.text("vendor"),
            parameters.parsed("mapping", mappings::read),
            parameters.word::<Currency>("currency"),
            parameters.word::<bool>("activate").unwrap_or(false),
            parameters.word::<bool>("dry_run").unwrap_or(false),
            comparison::days(&mut parameters),
            parameters.instant("at"),
        );
        parameters.finish()?;
        let (vendor, mapping, currency, activate, dry_run, days, at) = asked;
        let mode = mode.ok_or_else(|| {
            let detail = "#/mode: is missing: full, where the list is all that the vendor carries; delta, where it \
                          is only what changes";
            Problem::new(Code::InvalidQuery, detail)
        })?;
        if activate && dry_run {
            return Err(Problem::new(Code::InvalidQuery, "#/activate: is given together with dry_run"));
        }
        Ok(Self {
            mode,
            effective_from,
            vendor,
            mapping,
            currency,
            per,
            activate,
            dry_run,
            comment,
            days,
            file,
            at,
        })
    }
}

/// A list that was laid over the card, and nothing written yet.
struct Prepared {
    list: List,
    laid: Laid,
    /// When a full list begins to be all there is; None: it always was.
    begins: Option<Timestamp>,
}

pub(crate) async fn post(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path(id): Path<String>,
    uri: Uri,
    request: Request,
) -> Result<Response, Problem> {
    let admin = caller.admin(Scope::Configure)?;
    let asked = Asked::read(&uri)?;
    let id: RateCardId = id.parse().map_err(|error| {
        Problem::new(Code::RateCardNotFound, format!("no rate card has this id: {error}"))
    })?;
    let bytes = body::read_bytes(request, &KINDS, MOST_BYTES).await?;
    let before = Version::read(&api, None).await?;
    let terms = terms(&before, &id, &asked)?;
    let (vendor, mapping, whence) = mapping(&api, &before, &id, &asked).await?;
    let now = api.pipeline.now();
    let prepared = prepare(bytes, mapping, terms, before.card(id.as_str()).cloned(), &asked, now).await?;
    let after = changed(&before, &id, &terms, &prepared).await?;
    let (old, new) = (before.card(id.as_str()), after.known(id.as_str())?);
    let is_same = old.is_some_and(|old| old.prices.lines() == prepared.laid.lines);

    let traffic = comparison::traffic(&api, &before.sources.document, &id, asked.days).await?;
    let compared = comparison::view(old.map(|card| &**card), new, &traffic, asked.at, &Names::of(&api));
    let mut told = json!({
        "card": id,
        "mode": asked.mode.as_str(),
        "effective_from": prepared.begins,
        "dry_run": asked.dry_run,
        "same": is_same,
        "version": null,
        "vendor": vendor,
        "list": report(&prepared.list.report, prepared.list.lines.len(), whence),
        "laid": laid(&prepared, now),
        "comparison": compared,
    });
    if asked.dry_run || is_same {
        return Ok(respond::ok(&told));
    }
    let about =
        json!({ "id": id, "mode": asked.mode.as_str(), "file": asked.file, "laid": told.get("laid") });
    let made = write(&api, admin, &before, &after, &id, &asked, &about).await?;
    if let Some(told) = told.as_object_mut() {
        told.insert("version".to_owned(), json!(policies::view(&made)));
    }
    Ok(respond::json(StatusCode::CREATED, &told))
}

/// What the card says, or what a new one is to say.
fn terms(before: &Version, id: &RateCardId, asked: &Asked) -> Result<Terms, Problem> {
    let Some(card) = before.card(id.as_str()) else {
        let currency = asked.currency.ok_or_else(|| {
            let detail = format!("there is no rate card `{id}` yet: say its `currency`, and it is made");
            Problem::new(Code::RateCardNotFound, detail)
        })?;
        return Ok(Terms { currency, per: asked.per.unwrap_or_default(), effective_from: None });
    };
    let differs = |name: &str, asked: String, card: String| {
        Err(Problem::new(Code::InvalidQuery, format!("#/{name}: is {asked}, and the card is {card}")))
    };
    if let Some(currency) = asked.currency.filter(|currency| *currency != card.currency) {
        return differs("currency", currency.to_string(), card.currency.to_string());
    }
    if let Some(per) = asked.per.filter(|per| *per != card.per) {
        return differs("per", super::per(per).to_owned(), super::per(card.per).to_owned());
    }
    Ok(Terms { currency: card.currency, per: card.per, effective_from: None })
}

/// Whose list it is where that is known, how it is to be read, and whence that is known.
async fn mapping(
    api: &Api,
    before: &Version,
    id: &RateCardId,
    asked: &Asked,
) -> Result<(Option<String>, Mapping, &'static str), Problem> {
    let vendor = match &asked.vendor {
        Some(vendor) => {
            vendors::find(&api.settings.load().vendors, vendor)?;
            Some(vendor.clone())
        }
        None => <[String; 1]>::try_from(super::vendors_of(api, &before.sources.document, id))
            .ok()
            .map(|[only]| only),
    };
    if let Some(mapping) = &asked.mapping {
        return Ok((vendor, mapping.clone(), "given"));
    }
    let remembered = match &vendor {
        Some(vendor) => mappings::of(api, vendor).await?,
        None => None,
    };
    Ok(match remembered {
        Some(mapping) => (vendor, mapping, "remembered"),
        None => (vendor, Mapping::default(), "automatic"),
    })
}

/// On a thread where that may take its time.
async fn prepare(
    bytes: Bytes,
    mapping: Mapping,
    terms: Terms,
    card: Option<Arc<Card>>,
    asked: &Asked,
    now: Timestamp,
) -> Result<Prepared, Problem> {
    let (mode, wanted) = (asked.mode, asked.effective_from);
    let work = move || {
        let old: Vec<PriceLine> = card.map(|card| card.prices.lines()).unwrap_or_default();
        let effective_from = match wanted {
            Some(From::Always) => None,
            Some(From::Instant(instant)) => Some(instant),
            // A card without a past needs no day on which it begins.
            None if old.is_empty() => None,
            None => Some(whole_second(now)),
        };
        let list = rates::read(&bytes, &mapping, &Terms { effective_from, ..terms })?;
        let begins = match wanted {
            Some(_) => effective_from,
            // A list that was sent ahead of its day closes nothing before that day.
            None => effective_from.max(list.lines.iter().filter_map(|line| line.effective_from).min()),
        };
        let laid = rates::lay(&old, &list.lines, mode, begins);
        Ok(Prepared { list, laid, begins })
    };
    aside("the list could not be read", work).await?.map_err(|refused| unreadable(&refused))
}

fn unreadable(refused: &Unreadable) -> Problem {
    let (count, told) = (refused.count, refused.told.len());
    let s = if count == 1 { "" } else { "s" };
    let rest = if u64::try_from(told).unwrap_or(u64::MAX) < count {
        format!(", the first {told} are told")
    } else {
        String::new()
    };
    let errors = refused.told.iter().map(|problem| {
        let row = problem.row.map(|row| format!("/rows/{row}")).unwrap_or_default();
        FieldError { pointer: format!("#{row}"), detail: problem.to_string(), code: None }
    });
    let errors = errors.collect();
    Problem::new(Code::RateCardInvalid, format!("nothing is imported: {count} problem{s} in the list{rest}"))
        .with_errors(errors)
}

/// The document in force, with the card as it would be.
async fn changed(
    before: &Version,
    id: &RateCardId,
    terms: &Terms,
    prepared: &Prepared,
) -> Result<Version, Problem> {
    let mut document = before.sources.document.clone();
    let file = Some(format!("rates/{id}.csv"));
    match document.rate_cards.iter_mut().find(|card| card.id == id.as_str()) {
        Some(card) => {
            card.file = file;
            card.prices = Vec::new();
        }
        None => document.rate_cards.push(RateCard {
            id: id.to_string(),
            currency: terms.currency.to_string(),
            per: terms.per,
            file,
            prices: Vec::new(),
            surcharges: Vec::new(),
            managed_by: None,
        }),
    }
    let mut price_files = before.sources.price_files.clone();
    price_files.insert(id.to_string(), rates::lay::text(&prepared.laid.lines).into());
    Version::of(before.number, before.state, crate::tables::Sources::new(document, price_files)).await
}

async fn write(
    api: &Api,
    admin: Admin<'_>,
    before: &Version,
    after: &Version,
    id: &RateCardId,
    asked: &Asked,
    about: &Json,
) -> Result<Summary, Problem> {
    let usual = || {
        let of = asked.file.as_ref().map(|file| format!(" of {file}")).unwrap_or_default();
        format!("rate card {id}: a {} list{of}", asked.mode.as_str())
    };
    let entry = |told: &Told<'_>| {
        let mut after = told.after.clone();
        if let Some(after) = after.as_object_mut() {
            after.insert("rate_card".to_owned(), about.clone());
        }
        policies::entry(
            admin,
            &Told { after, before: told.before.clone(), target: told.target.clone(), ..*told },
        )
    };
    let by = By { id: admin.id(), entry: &entry };
    let price_files: BTreeMap<String, Arc<str>> = after
        .sources
        .price_files
        .iter()
        .filter(|(card, _)| card.as_str() == id.as_str())
        .map(|(card, text)| (card.clone(), Arc::clone(text)))
        .collect();
    let draft = Draft {
        source: store::versions::Source::Api,
        document: after.sources.document.clone(),
        price_files,
        comment: asked.comment.clone().unwrap_or_else(|| usual().into()),
        based_on: Some(before.number),
    };
    let refused = |refused: Refused| policies::problem(&refused, "#");
    let drafted = api.versions.draft(&api.pipeline, draft, by).await.map_err(refused)?;
    if !asked.activate {
        return Ok(drafted);
    }
    let made = api.versions.activate(&api.pipeline, drafted.number, asked.comment.as_deref(), by).await;
    if made.is_err() {
        // It would only lie there; why it was not activated is told below.
        drop(api.versions.discard(&api.pipeline, drafted.number, by).await);
    }
    made.map_err(refused)
}

fn report(report: &Report, prices: usize, whence: &str) -> Json {
    let columns = report.columns.iter().map(
        |(holds, column, heading)| json!({ "holds": holds, "column": column, "heading": heading.as_deref() }),
    );
    let repaired =
        report.repaired.iter().map(|one| json!({ "row": one.row, "from": one.from, "to": one.to }));
    json!({
        "mapping": whence,
        "sheet": report.sheet.as_deref(),
        "encoding": report.encoding.map(rates::Charset::as_str),
        "delimiter": report.delimiter,
        "header_row": report.header_row,
        "columns": columns.collect::<Vec<_>>(),
        "decimal": report.decimal.map(rates::DecimalMark::as_char),
        "dates": report.dates.map(rates::DateOrder::as_str),
        "rows": report.rows,
        "prices": prices,
        "repaired": repaired.collect::<Vec<_>>(),
        "repaired_count": report.repaired_count,
    })
}

/// Milliseconds say nothing of a price, and take room in its file.
fn whole_second(instant: Timestamp) -> Timestamp {
    Timestamp::from_millis(instant.as_millis() / 1000 * 1000)
}

fn laid(prepared: &Prepared, now: Timestamp) -> Json {
    let Laid { lines, added, replaced, repeated, closed, widened, dropped } = &prepared.laid;
    let is_past = |line: &&PriceLine| line.effective_from.is_none_or(|from| from < whole_second(now));
    let past = prepared.list.lines.iter().filter(is_past);
    json!({
        "prices": lines.len(),
        "added": added,
        "replaced": replaced,
        "repeated": repeated,
        "closed": closed,
        "widened": widened,
        "dropped": dropped,
        "past": past.count(),
    })
}

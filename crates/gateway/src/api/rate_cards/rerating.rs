//! `/v1/rate-cards/{id}/rerating`: what the attempts of a period cost by a card, against what they are rated at. Asked
//! for, nothing is changed; posted, the corrected cost is kept beside what each attempt was rated at first.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::extract::{Path, Request, State};
use axum::http::Uri;
use axum::response::Response;
use domain::{RouteId, Scope, Timestamp};
use futures_util::future::join_all;
use pipeline::Stepped;
use routing::price::Card;
use serde_json::{Value as Json, json};
use store::audit::{Change, Changed};
use store::{LogQuery, versions::State as Standing};

use super::super::auth::Caller;
use super::super::code::Code;
use super::super::comment::checked_comment;
use super::super::fields::Fields;
use super::super::parameters::Parameters;
use super::super::problem::Problem;
use super::super::{Api, body, messages, refusal, respond, vendors};
use super::{Names, Version};
use crate::rating::{self, Group, MOST_RERATED, Rerated};

pub(crate) async fn get(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    caller.admin(Scope::Read)?;
    let mut parameters = Parameters::read(&uri, &["version", "since", "until"])?;
    let version = parameters.word::<u64>("version");
    let (since, until) = (parameters.instant("since"), parameters.instant("until"));
    parameters.finish()?;
    let missing = |name: &str| Problem::new(Code::InvalidQuery, format!("#/{name}: is missing: an instant"));
    let (since, until) = (since.ok_or_else(|| missing("since"))?, until.ok_or_else(|| missing("until"))?);
    if since >= until {
        return Err(Problem::new(Code::InvalidQuery, "#/until: is not after since"));
    }
    let asked = Asked::of(&api, &id, version, (since, until)).await?;
    let rerated = asked.look(&api, Code::InvalidQuery).await?;
    Ok(respond::ok(&asked.view(&api, &rerated)))
}

const MAX_BODY: usize = 64 * 1024;
/// Messages that are read at a time.
const PAGE: usize = 1000;
/// Messages whose corrections are queued for the store at once: it writes others' in between.
const BATCH: usize = 100;

/// `POST /v1/rate-cards/{id}/rerating`
pub(crate) async fn post(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let admin = caller.admin(Scope::Configure)?;
    let body = body::read(request, MAX_BODY).await?;
    let text = body::text(&body)?;
    let mut fields = Fields::of_body(text)?;
    let version = fields.raw("version").and_then(|raw| {
        raw.parse::<u64>().map_err(|_| fields.wrong("version", "expected the number of a version")).ok()
    });
    let (since, until) = (fields.word::<Timestamp>("since"), fields.word::<Timestamp>("until"));
    let reason = fields
        .text("reason")
        .and_then(|text| checked_comment(&text).map_err(|wrong| fields.wrong("reason", wrong)).ok());
    fields.refuse_others(&["version", "since", "until", "reason"]);
    match (since, until) {
        (Some(since), Some(until)) if since >= until => fields.wrong("until", "is not after since"),
        (None, _) if !fields.has_errors() => fields.wrong("since", "is missing: an instant"),
        (_, None) if !fields.has_errors() => fields.wrong("until", "is missing: an instant"),
        (_, _) => {}
    }
    let (Some(since), Some(until), false) = (since, until, fields.has_errors()) else {
        return Err(fields.into_problem(text));
    };
    let asked = Asked::of(&api, &id, version, (since, until)).await?;
    asked.has_been_in_force()?;
    let rerated = asked.look(&api, Code::InvalidRequest).await?;
    let total = total(&rerated);
    let mut view = asked.view(&api, &rerated);
    let mut written = WrittenBack::default();
    if total.changed + total.unrated > 0 {
        let mut what = json!({ "version": asked.whole.number, "since": since, "until": until });
        what = with(what, total);
        let note = async |action, what| {
            let entry = admin.entry(api.pipeline.now(), action, &id, reason.as_deref(), None, Some(what));
            let change = Change { what: Changed::Noted, entry };
            api.pipeline.change(change, || ()).await.map_err(refusal::not_written)
        };
        // What is about to be done, before any of it is: whatever ends this, what it began is known.
        note("rate_card.rerate", what).await?;
        written = asked.write_back(&api).await?;
        note("rate_card.rerated", written.view()).await?;
    }
    if let Some(view) = view.as_object_mut() {
        view.insert("applied".to_owned(), written.view());
    }
    Ok(respond::ok(&view))
}

/// Which rerating.
struct Asked {
    whole: Version,
    card: Arc<Card>,
    /// Those that the card holds for now, or would hold for: what a route was priced by then may be another one.
    routes: HashSet<RouteId>,
    since: Timestamp,
    until: Timestamp,
}

#[derive(Default)]
struct WrittenBack {
    messages: u64,
    attempts: u64,
    /// Messages that were gone by then: too old to be kept.
    gone: u64,
}

impl WrittenBack {
    fn view(&self) -> Json {
        json!({ "messages": self.messages, "attempts": self.attempts, "gone": self.gone })
    }
}

impl Asked {
    async fn of(
        api: &Api,
        id: &str,
        version: Option<u64>,
        (since, until): (Timestamp, Timestamp),
    ) -> Result<Self, Problem> {
        let whole = Version::read(api, version).await?;
        let card = Arc::clone(whole.known(id)?);
        let routes = rating::routes_of(&whole.sources.document, &card.id);
        Ok(Self { whole, card, routes, since, until })
    }

    /// What is written back names the version, so it is one that stays.
    fn has_been_in_force(&self) -> Result<(), Problem> {
        match self.whole.state {
            Standing::Active | Standing::RollingOut | Standing::Superseded => Ok(()),
            Standing::Draft | Standing::Discarded => {
                let (number, state) = (self.whole.number, self.whole.state.as_str());
                let detail = format!(
                    "version {number} is {state}: costs are corrected by a card that is or was in force, so activate it first"
                );
                Err(Problem::new(Code::PolicyConflict, detail))
            }
        }
    }

    async fn look(&self, api: &Api, too_many: Code) -> Result<Rerated, Problem> {
        let (reader, card, routes) = (api.pipeline.reader(), Arc::clone(&self.card), self.routes.clone());
        let (since, until) = (self.since, self.until);
        let rerate =
            move |is_stopped: &AtomicBool| rating::rerate(&*reader, &card, &routes, since, until, is_stopped);
        let rerated = api.scans.run(rerate).await?;
        if !rerated.is_whole {
            let detail = format!("the period has more than {MOST_RERATED} messages: ask for a shorter one");
            return Err(Problem::new(too_many, detail));
        }
        Ok(rerated)
    }

    /// Each batch is durable before the next one is looked at. Ended at any point, the same again does the rest: what
    /// is corrected has no other cost by the card any more.
    async fn write_back(&self, api: &Api) -> Result<WrittenBack, Problem> {
        let _turn = api.scans.turn().await;
        let at = api.pipeline.now();
        let (mut written, mut after) = (WrittenBack::default(), None);
        let (routes, version) = (Arc::new(self.routes.clone()), self.whole.number);
        loop {
            let reader = api.pipeline.reader();
            let query = LogQuery { since: self.since, until: self.until, after, limit: PAGE };
            let (card, routes) = (Arc::clone(&self.card), Arc::clone(&routes));
            let read = move || {
                let page = reader.log(&query)?;
                let corrections = page.records.iter().map(|record| {
                    let found = rating::corrections(record, &card, &routes, version, at);
                    (record.message.id, found)
                });
                let corrections: Vec<_> = corrections.filter(|(_, found)| !found.is_empty()).collect();
                Ok((corrections, page.next))
            };
            let (corrections, next) = messages::read(read).await?;
            for batch in corrections.chunks(BATCH) {
                let steps = batch.iter().map(|(id, found)| api.pipeline.rerate(*id, found.clone()));
                for (stepped, (_, found)) in join_all(steps).await.into_iter().zip(batch) {
                    match stepped.map_err(refusal::not_written)? {
                        Stepped::Done(_) => {
                            written.messages += 1;
                            written.attempts += found.len() as u64;
                        }
                        Stepped::TooLate(_) | Stepped::NoSuchMessage => written.gone += 1,
                    }
                }
            }
            match next {
                None => return Ok(written),
                next @ Some(_) => after = next,
            }
        }
    }

    fn view(&self, api: &Api, rerated: &Rerated) -> Json {
        let currency = self.card.currency.as_str();
        view(api, &self.whole, self.card.id.as_str(), currency, (self.since, self.until), rerated)
    }
}

fn total(rerated: &Rerated) -> Group {
    rerated.groups.values().fold(Group::default(), |sum, group| sum.and(*group))
}

fn view(
    api: &Api,
    whole: &Version,
    id: &str,
    currency: &str,
    (since, until): (Timestamp, Timestamp),
    rerated: &Rerated,
) -> Json {
    let names = Names::of(api);
    let owners = owners(api, whole);
    let owner = |route: &str| owners.get(route).cloned();
    let mut by_vendor: BTreeMap<Option<String>, Group> = BTreeMap::new();
    for ((route, _), group) in &rerated.groups {
        let sum = by_vendor.entry(owner(route.as_str())).or_default();
        *sum = sum.and(*group);
    }
    let total = total(rerated);
    let groups = rerated.groups.iter().map(|((route, (operator, country)), group)| {
        let name = operator.and_then(|operator| names.of_operator(operator));
        let place = json!({
            "vendor": owner(route.as_str()),
            "route": route.as_str(),
            "operator": operator.map(routing::operator::Operator::code),
            "name": name,
            "country": country.map(|country| country.to_string()),
        });
        with(place, *group)
    });
    let groups: Vec<Json> = groups.collect();
    let vendors: Vec<Json> =
        by_vendor.iter().map(|(vendor, group)| with(json!({ "vendor": vendor }), *group)).collect();
    json!({
        "card": id,
        "version": whole.number,
        "currency": currency,
        "since": since,
        "until": until,
        "damaged": rerated.damaged,
        "days_left_out": rerated.days_left_out,
        "total": with(json!({}), total),
        "vendors": vendors,
        "groups": groups,
    })
}

/// Whose route it is.
fn owners(api: &Api, whole: &Version) -> BTreeMap<String, String> {
    let settings = api.settings.load();
    let routes = whole.sources.document.routes.iter().filter_map(|route| {
        let owner = vendors::owner(&settings.vendors, &route.connection)?;
        Some((route.id.clone(), owner.to_string()))
    });
    routes.collect()
}

fn with(mut place: Json, group: Group) -> Json {
    let Group {
        attempts,
        segments,
        before,
        after,
        changed,
        unrated,
        unrated_after,
        other_currency,
        unpriced,
    } = group;
    let sums = json!({
        "attempts": attempts,
        "segments": segments,
        "before": before.to_string(),
        "after": after.to_string(),
        "difference": after.saturating_sub(before).to_string(),
        "changed": changed,
        "unrated": unrated,
        "unrated_after": unrated_after.to_string(),
        "other_currency": other_currency,
        "unpriced": unpriced,
    });
    if let (Some(place), Json::Object(sums)) = (place.as_object_mut(), sums) {
        place.extend(sums);
    }
    place
}

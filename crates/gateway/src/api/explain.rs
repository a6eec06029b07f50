//! `POST /v1/estimate` and `POST /v1/routing/explain`: what a message would cost and which way it would go. Neither
//! sends anything nor keeps anything.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use domain::content::Features;
use domain::number::{self, Number};
use domain::plan::Probing;
use domain::{AppId, Channel, Class, Price, Recipient, Sender, Tariff, Timestamp, segment};
use pipeline::App;
use routing::Facts;
use routing::table::Quote;
use serde::Serialize;

use super::auth::{Caller, View};
use super::code::Code;
use super::fields::Fields;
use super::problem::Problem;
use super::{Api, Settings, body, draft, render, respond, trace};

const MAX_BODY: usize = 1024 * 1024;
const FIELDS: [&str; 9] =
    ["to", "text", "from", "channel", "channels", "class", "max_price", "no_probe", "app"];

#[derive(Serialize)]
struct Estimate<'a> {
    to: &'a str,
    /// Of a length that its country has: what is not possible is not sent to.
    possible: bool,
    /// In a range that its country's numbering plan assigns.
    valid: bool,
    /// What is wrong with the number.
    detail: Option<String>,
    country: Option<&'a str>,
    number_type: Option<&'static str>,
    operator: Option<&'a str>,
    operator_source: Option<&'static str>,
    operator_known_at: Option<Timestamp>,
    encoding: &'static str,
    segments: usize,
    /// Septets or 16-bit units of the whole text.
    units: usize,
    routes: Vec<RouteEstimate<'a>>,
}

#[derive(Serialize)]
struct RouteEstimate<'a> {
    route: &'a str,
    /// Of the text that the route would send.
    segments: u8,
    /// What the route would change in it; absent when nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    text_changes: Option<render::TextChanges<'a>>,
    /// For the whole message.
    price: Option<Price>,
    price_per_segment: Option<Price>,
    /// What the message costs whatever its length; absent when that is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    price_per_message: Option<Price>,
    /// What the message would come from; null where that is left to the vendor.
    from: Option<&'a str>,
    /// Why the route would not carry it.
    excluded: Option<&'static str>,
}

pub(crate) async fn estimate(
    State(api): State<Arc<Api>>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let body = body::read(request, MAX_BODY).await?;
    let text = body::text(&body)?;
    let mut fields = Fields::of_body(text)?;
    let settings = api.settings.load();
    let Some(question) = Question::read(&mut fields, &caller, &settings)? else {
        return Err(fields.into_problem(text));
    };
    let cut = segment::segment(&question.text);
    let number = number::parse(&question.to, question.settings.default_country);
    let known = number.as_ref().ok().and_then(|number| api.pipeline.operator_of(&number.recipient));
    let operator = known.map(|known| known.operator.code());
    let quotes = match &number {
        Ok(number) => api.pipeline.table_for(&number.recipient).quotes(&question.facts(
            &api,
            number,
            operator.as_deref(),
        )),
        Err(_) => Vec::new(),
    };
    let possible = number.as_ref().ok();
    Ok(respond::ok(&Estimate {
        to: possible.map_or(&question.to, |number| number.recipient.as_str()),
        possible: possible.is_some(),
        valid: possible.is_some_and(|number| number.valid),
        detail: number.as_ref().err().map(ToString::to_string),
        country: possible.and_then(|number| number.country.as_ref()).map(|country| country.as_str()),
        number_type: possible.map(|number| number.kind.as_str()),
        operator: operator.as_deref(),
        operator_source: known.map(|known| known.source.as_str()),
        operator_known_at: known.and_then(|known| known.at),
        encoding: cut.encoding.as_str(),
        segments: cut.segments.len(),
        units: cut.units,
        routes: quotes.iter().map(route_estimate).collect(),
    }))
}

fn route_estimate(quote: &Quote) -> RouteEstimate<'_> {
    RouteEstimate {
        route: quote.route.as_str(),
        segments: quote.segments,
        text_changes: quote.rewritten.as_deref().map(render::changed_text),
        price: quote.price.map(|price| price.times(quote.segments.into())),
        price_per_segment: quote.price.map(Tariff::for_segment),
        price_per_message: quote.price.and_then(Tariff::for_message),
        from: quote.sender.as_ref().map(|sender| sender.as_str()),
        excluded: quote.excluded.map(|because| because.as_str()),
    }
}

#[derive(Serialize)]
struct Explained<'a> {
    to: &'a str,
    app: &'a str,
    class: &'static str,
    channel: &'static str,
    country: Option<&'a str>,
    operator: Option<&'a str>,
    operator_source: Option<&'static str>,
    operator_known_at: Option<Timestamp>,
    table: String,
    rule: Option<&'a str>,
    plan: Vec<trace::PlannedRoute<'a>>,
    /// What keeps the message from being a probe, or makes it one.
    #[serde(skip_serializing_if = "Option::is_none")]
    probing: Option<&'static str>,
    summary: &'a str,
}

pub(crate) async fn explain(
    State(api): State<Arc<Api>>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let body = body::read(request, MAX_BODY).await?;
    let text = body::text(&body)?;
    let mut fields = Fields::of_body(text)?;
    let settings = api.settings.load();
    let Some(question) = Question::read(&mut fields, &caller, &settings)? else {
        return Err(fields.into_problem(text));
    };
    let number = number::parse(&question.to, question.settings.default_country)
        .map_err(|bad| Problem::field(Code::InvalidRecipient, "#/to", bad.to_string()))?;
    let known = api.pipeline.operator_of(&number.recipient);
    let operator = known.map(|known| known.operator.code());
    let facts = question.facts(&api, &number, operator.as_deref());
    let explanation = api.pipeline.explain(&facts);
    Ok(respond::ok(&Explained {
        to: number.recipient.as_str(),
        app: question.app.as_str(),
        class: facts.class.as_str(),
        channel: facts.channel.as_str(),
        country: number.country.as_ref().map(|country| country.as_str()),
        operator: facts.operator,
        operator_source: known.map(|known| known.source.as_str()),
        operator_known_at: known.and_then(|known| known.at),
        table: api.pipeline.table_for(&number.recipient).version().to_string(),
        rule: explanation.rule.as_ref().map(|rule| rule.as_str()),
        plan: explanation.routes.iter().map(trace::planned).collect(),
        probing: explanation.choice.as_ref().and_then(|choice| choice.plan.probing).map(Probing::as_str),
        summary: &explanation.summary,
    }))
}

/// A message that is only asked about.
struct Question<'a> {
    app: AppId,
    settings: &'a App,
    to: Cow<'a, str>,
    text: Cow<'a, str>,
    from: Option<Sender>,
    class: Option<Class>,
    max_price: Option<Price>,
    no_probe: bool,
}

impl<'a> Question<'a> {
    /// None when something is wrong, which the fields then tell.
    fn read(
        fields: &mut Fields<'a>,
        caller: &Caller,
        settings: &'a Settings,
    ) -> Result<Option<Self>, Problem> {
        let app = whose(fields, caller, settings)?;
        let to = draft::recipient(fields);
        // A text that is not given takes one segment.
        let text = fields.text("text").unwrap_or_default();
        let from = fields.word("from");
        let class = fields.word("class");
        let max_price = draft::max_price(fields);
        let no_probe = fields.boolean("no_probe").unwrap_or_default();
        draft::channel(fields);
        fields.refuse_others(&FIELDS);
        if fields.has_errors() {
            return Ok(None);
        }
        Ok(app.zip(to).map(|((app, settings), to)| Self {
            app,
            settings,
            to,
            text,
            from,
            class,
            max_price,
            no_probe,
        }))
    }

    fn facts<'f>(&'f self, api: &Api, number: &'f Number, operator: Option<&'f str>) -> Facts<'f> {
        let segments = segment::segment(&self.text).segments.len();
        let to: &Recipient = &number.recipient;
        Facts {
            app: &self.app,
            channel: Channel::Sms,
            class: self
                .class
                .or(self.settings.default_class)
                .unwrap_or_else(|| api.pipeline.table().default_class()),
            to,
            from: self.from.as_ref().or(self.settings.default_sender.as_ref()),
            country: number.country,
            operator,
            segments: u8::try_from(segments).unwrap_or(u8::MAX),
            text: if self.text.is_empty() {
                routing::Text::Unknown(&[])
            } else {
                routing::Text::Whole(&self.text)
            },
            features: Features::of(&self.text),
            max_price: self.max_price,
            now: api.pipeline.now(),
            used_just_now: None,
            no_probe: self.no_probe,
            probed_just_now: false,
            chance: 0,
        }
    }
}

/// An app asks for itself; whoever sees every app says for which, unless there is only one.
fn whose<'a>(
    fields: &mut Fields<'_>,
    caller: &Caller,
    settings: &'a Settings,
) -> Result<Option<(AppId, &'a App)>, Problem> {
    let named = fields.word::<AppId>("app");
    let view = caller.view()?;
    let own = match &view {
        View::Of(app) => Some(app),
        View::All => None,
    };
    let only = settings.apps.keys().next().filter(|_| settings.apps.len() == 1);
    let Some(app) = named.as_ref().or(own).or(only) else {
        fields.wrong("app", "is missing: an admin key says for which app it asks");
        return Ok(None);
    };
    let found = settings.apps.get(app).filter(|_| own.is_none_or(|own| own == app));
    if found.is_none() {
        fields.wrong("app", format!("no app `{app}` is within reach of this key"));
    }
    Ok(found.map(|found| (app.clone(), found)))
}

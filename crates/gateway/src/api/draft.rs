//! A message as the body of a request describes it, on its way to a `pipeline::Request`.

use std::borrow::Cow;
use std::time::Duration;

use domain::number::{self, Country};
use domain::time::parse_duration;
use domain::{AppId, Channel, Class, Price, Sender, Timestamp, money, segment};

use super::code::Code;
use super::fields::{self, Fields, expected};
use crate::webhooks::address;

/// What of the app and of the configuration decides how a body is read.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) app: &'a AppId,
    pub(crate) default_country: Option<Country>,
    /// Callbacks may lead to private addresses.
    pub(crate) private: address::Private,
}

const FIELDS: [&str; 14] = [
    "to",
    "text",
    "from",
    "channel",
    "channels",
    "class",
    "content",
    "validity",
    "send_at",
    "metadata",
    "reference",
    "max_price",
    "callback_url",
    "no_probe",
];
const MAX_REFERENCE: usize = 128;
const MAX_METADATA_BYTES: usize = 4096;
const MAX_METADATA_KEYS: usize = 50;
const MAX_CHANNELS: usize = 5;

/// None when something is wrong, which the fields then tell.
pub(crate) fn request(fields: &mut Fields<'_>, terms: Terms<'_>) -> Option<pipeline::Request> {
    let (to, text) = (recipient(fields), text(fields));
    let given = (to.is_some(), text.is_some());
    let request = pipeline::Request {
        app: terms.app.clone(),
        to: to.map(Cow::into_owned).unwrap_or_default(),
        from: fields.word::<Sender>("from"),
        channel: channel(fields),
        class: fields.word::<Class>("class"),
        text: text.map(Cow::into_owned).unwrap_or_default(),
        validity: validity(fields),
        send_at: fields.word::<Timestamp>("send_at"),
        max_price: max_price(fields),
        reference: reference(fields),
        metadata: metadata(fields),
        callback_url: callback_url(fields, terms.private),
        no_probe: fields.boolean("no_probe").unwrap_or_default(),
        by_smpp: None,
        id: None,
        idempotency: None,
    };
    fields.refuse_others(&FIELDS);
    if !fields.has_errors() {
        return Some(request);
    }
    // The pipeline would find these next; whoever is told of one mistake is told of all.
    if let (true, Err(bad)) = (given.0, number::parse(&request.to, terms.default_country)) {
        fields.wrong_as(Code::InvalidRecipient, "to", bad.to_string());
    }
    if given.1 {
        check_text(fields, &request.text);
    }
    None
}

pub(crate) fn recipient<'a>(fields: &mut Fields<'a>) -> Option<Cow<'a, str>> {
    let to = fields.raw("to").map(|_| ());
    match to {
        Some(()) => fields.text("to"),
        None => {
            fields.wrong("to", "is missing: the recipient's number, such as +4915112345678");
            None
        }
    }
}

/// The text, or word of what else was given in its place.
fn text<'a>(fields: &mut Fields<'a>) -> Option<Cow<'a, str>> {
    let content = fields.raw("content");
    if let Some(content) = content {
        fields.wrong_as(Code::ChannelNotServed, "content", content_refusal(content));
    }
    match fields.raw("text") {
        Some(_) => fields.text("text"),
        None if content.is_some() => None,
        None => {
            fields.wrong("text", "is missing: the text of the message");
            None
        }
    }
}

/// Says which channel the content waits for.
fn content_refusal(raw: &str) -> String {
    let Ok(mut content) = Fields::nested(raw, String::new()) else { return expected("an object", raw) };
    let waits_for = [
        ("template", "templates come with the channels whatsapp and rcs"),
        ("media", "media come with the channels whatsapp, rcs and email"),
        ("subject", "subjects come with the channel email"),
        ("html", "HTML comes with the channel email"),
    ];
    let found = waits_for.into_iter().find(|(name, _)| content.raw(name).is_some());
    let reason = found.map_or("it comes with the other channels", |(_, reason)| reason);
    format!("is not served yet, {reason}: an SMS takes `text`")
}

fn check_text(fields: &mut Fields<'_>, text: &str) {
    let segments = segment::segment(text).segments.len();
    if text.is_empty() {
        fields.wrong_as(Code::EmptyText, "text", "is empty");
    } else if segments > pipeline::MAX_SEGMENTS {
        let limit = pipeline::MAX_SEGMENTS;
        fields.wrong_as(
            Code::TextTooLong,
            "text",
            format!("takes {segments} segments, and at most {limit} are sent"),
        );
    }
}

/// SMS, until the other channels are served: a fallback that would not be followed is refused and not ignored.
pub(crate) fn channel(fields: &mut Fields<'_>) -> Channel {
    if let Some(channel) = fields.word::<Channel>("channel") {
        refuse_unserved(fields, "channel", channel);
    }
    let Some(raw) = fields.raw("channels") else { return Channel::Sms };
    if fields.raw("channel").is_some() {
        fields.wrong("channels", "is given beside `channel`: give one of them");
    }
    let Some(list) = fields::elements(raw, MAX_CHANNELS) else {
        fields.wrong("channels", expected("a list of channels", raw));
        return Channel::Sms;
    };
    if list.is_empty() || list.len() > MAX_CHANNELS {
        fields.wrong("channels", format!("holds {} channels: expected 1 to {MAX_CHANNELS}", list.len()));
    }
    for item in list {
        match fields::string(item).map(|name| name.parse::<Channel>()) {
            Ok(Ok(channel)) => refuse_unserved(fields, "channels", channel),
            Ok(Err(unknown)) => fields.wrong("channels", unknown.to_string()),
            Err(detail) => fields.wrong("channels", detail),
        }
    }
    Channel::Sms
}

fn refuse_unserved(fields: &mut Fields<'_>, name: &str, channel: Channel) {
    if channel != Channel::Sms {
        let detail = format!("the channel {channel} is not served yet: only sms is");
        fields.wrong_as(Code::ChannelNotServed, name, detail);
    }
}

fn validity(fields: &mut Fields<'_>) -> Option<Duration> {
    let raw = fields.raw("validity")?;
    let read = if raw.starts_with('"') { fields.text("validity")? } else { Cow::Borrowed(raw) };
    match parse_duration(&read) {
        Ok(validity) => Some(validity),
        Err(bad) => {
            fields.wrong("validity", bad.to_string());
            None
        }
    }
}

/// `{"amount":"0.10","currency":"EUR"}` or `"0.10 EUR"`, for the whole message.
pub(crate) fn max_price(fields: &mut Fields<'_>) -> Option<Price> {
    let raw = fields.raw("max_price")?;
    let read = if raw.starts_with('"') { written_price(&fields.text("max_price")?) } else { price(raw) };
    match read {
        Ok(price) => Some(price),
        Err(detail) => {
            fields.wrong("max_price", detail);
            None
        }
    }
}

const PRICE_FORMS: &str =
    "expected {\"amount\":\"0.10\",\"currency\":\"EUR\"} or \"0.10 EUR\", the amount as a string";

fn price(raw: &str) -> Result<Price, String> {
    if !raw.starts_with('{') {
        return Err(PRICE_FORMS.to_owned());
    }
    serde_json::from_str(raw).map_err(|error| format!("{error}: {PRICE_FORMS}"))
}

fn written_price(text: &str) -> Result<Price, String> {
    let (amount, currency) = text.split_once(' ').ok_or(PRICE_FORMS)?;
    let amount = money::parse_amount(amount).map_err(|bad| bad.to_string())?;
    let currency = currency.trim().parse().map_err(|bad: money::BadCurrency| bad.to_string())?;
    Ok(Price { amount, currency })
}

fn reference(fields: &mut Fields<'_>) -> Option<Box<str>> {
    let reference = fields.text("reference")?;
    let length = reference.chars().count();
    if (1..=MAX_REFERENCE).contains(&length) && !reference.chars().any(char::is_control) {
        return Some(reference.into());
    }
    fields.wrong(
        "reference",
        format!("is not usable: expected 1 to {MAX_REFERENCE} characters, none of them a control character"),
    );
    None
}

fn metadata(fields: &mut Fields<'_>) -> Option<Box<str>> {
    let raw = fields.raw("metadata")?;
    match metadata_refusal(raw) {
        None => Some(raw.into()),
        Some(detail) => {
            fields.wrong("metadata", detail);
            None
        }
    }
}

fn metadata_refusal(raw: &str) -> Option<String> {
    if !raw.starts_with('{') {
        return Some(expected("an object", raw));
    }
    if raw.len() > MAX_METADATA_BYTES {
        return Some(format!("takes {} bytes, and at most {MAX_METADATA_BYTES} are kept", raw.len()));
    }
    match fields::check_object(raw) {
        Ok(keys) if keys > MAX_METADATA_KEYS => {
            Some(format!("has {keys} keys, and at most {MAX_METADATA_KEYS} are kept"))
        }
        Ok(_) => None,
        Err(error) => Some(format!("cannot be kept: {error}")),
    }
}

fn callback_url(fields: &mut Fields<'_>, private: address::Private) -> Option<Box<str>> {
    let url = fields.text("callback_url")?;
    match address::check_url(&url, private) {
        Ok(url) => Some(url.as_str().into()),
        Err(bad) => {
            fields.wrong("callback_url", bad.to_string());
            None
        }
    }
}

#[cfg(test)]
mod tests;

//! The applications of a configuration.

use domain::status::StatusSet;
use pipeline::App;

use super::super::Application;
use super::super::raw::{App as RawApp, Raw, Webhook};
use super::{Builder, Steps, below, item, path};
use crate::webhooks::{self, Endpoint, address};

impl Builder<'_> {
    pub(super) fn apps(&mut self, raw: &Raw) -> Vec<Application> {
        let mut apps = Vec::new();
        for (index, app) in raw.apps.iter().enumerate() {
            let at = item(&path(&["apps"]), index);
            apps.extend(self.app(app, raw, &at));
        }
        apps
    }

    fn app(&mut self, app: &RawApp, raw: &Raw, at: &Steps) -> Option<Application> {
        let id = self.id::<domain::AppId>("app", &app.id, &below(at, "id"));
        let mut api_keys = Vec::new();
        for (index, key) in app.api_keys.iter().enumerate() {
            api_keys.extend(self.api_key(key, &item(&below(at, "api_keys"), index)));
        }
        if app.api_keys.is_empty() {
            self.warn(at, "the app has no key, so it cannot send");
        }
        let default_sender = self.optional(app.default_sender.as_deref(), &below(at, "default_sender"));
        let default_country = self.optional(app.default_country.as_deref(), &below(at, "default_country"));
        let (endpoint, notify) = match &app.webhook {
            Some(webhook) => self.webhook(webhook, raw.webhooks.allow_private, &below(at, "webhook")),
            None => (Endpoint { url: None, secrets: Vec::new() }, StatusSet::all()),
        };
        self.later_doors(app, at);
        let mut settings = App::new(notify);
        settings.default_sender.clone_from(&default_sender);
        settings.default_country = default_country;
        settings.default_class = app.default_class;
        settings.has_webhook = app.webhook.is_some();
        settings.strict_numbers = raw.numbers.strict;
        Some(Application {
            id: id?,
            api_keys,
            default_sender,
            default_country,
            default_class: app.default_class,
            settings,
            endpoint,
        })
    }

    fn webhook(&mut self, webhook: &Webhook, allow_private: bool, at: &Steps) -> (Endpoint, StatusSet) {
        let private = if allow_private { address::Private::Allowed } else { address::Private::Refused };
        let url = match address::check_url(&webhook.url, private) {
            Ok(url) => Some(url),
            Err(bad) => {
                self.problem(&below(at, "url"), bad.to_string());
                None
            }
        };
        let at_secret = below(at, "secret");
        let mut secrets = Vec::new();
        if let Some(secret) = self.secret(&webhook.secret, &at_secret) {
            match secret.reveal().parse::<webhooks::Secret>() {
                Ok(secret) => secrets.push(secret),
                Err(bad) => self.problem(&at_secret, bad.to_string()),
            }
        }
        let notify = match webhooks::events(webhook.events.iter().map(String::as_str)) {
            Ok(notify) => notify,
            Err(bad) => {
                self.problem(&below(at, "events"), bad.to_string());
                StatusSet::NONE
            }
        };
        (Endpoint { url, secrets }, notify)
    }

    /// Doors that a later version opens: their settings are checked as far as that can be done now.
    fn later_doors(&mut self, app: &RawApp, at: &Steps) {
        if let Some(smpp) = &app.smpp {
            let inner = below(at, "smpp");
            if smpp.system_id.is_empty() || smpp.system_id.len() > 15 {
                self.problem(&below(&inner, "system_id"), "expected 1 to 15 characters");
            }
            if smpp.max_binds == Some(0) {
                self.problem(&below(&inner, "max_binds"), "expected 1 or more");
            }
            self.secret(&smpp.password, &below(&inner, "password"));
            let limit = smpp.throughput.map_or(String::new(), |rate| format!(" at {}/s", rate.per_second));
            self.not_served_here(format!("the SMPP account of the app {}{limit}", app.id));
        }
        if let Some(compat) = &app.compat {
            let inner = below(at, "compat");
            if let Some(token) = &compat.twilio_auth_token {
                self.secret(token, &below(&inner, "twilio_auth_token"));
            }
            if compat.twilio_account_sid.as_ref().is_some_and(|sid| !sid.starts_with("AC")) {
                self.problem(
                    &below(&inner, "twilio_account_sid"),
                    "expected an account sid, which begins with AC",
                );
            }
            self.not_served_here(format!("the compatible doors of the app {}", app.id));
        }
    }

    fn optional<T>(&mut self, text: Option<&str>, at: &Steps) -> Option<T>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        match text?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(at, format!("{error}"));
                None
            }
        }
    }
}

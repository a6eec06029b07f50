//! The applications of a configuration.

use domain::status::StatusSet;
use pipeline::App;

use super::super::Application;
use super::super::raw::{App as RawApp, Raw, Webhook};
use super::{Builder, Steps, below, item, path, smpp};
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
            self.warn(
                &below(at, "api_keys"),
                "the app has no key here: until `strowger key create` has made it one, it cannot use the API",
            );
        }
        let default_sender = self.optional(app.default_sender.as_deref(), &below(at, "default_sender"));
        let default_country = self.optional(app.default_country.as_deref(), &below(at, "default_country"));
        let (endpoint, notify) = match &app.webhook {
            Some(webhook) => self.webhook(webhook, raw.webhooks.allow_private, &below(at, "webhook")),
            None => {
                self.warn(
                    &below(at, "webhook"),
                    "the app has no webhook, so it is told nothing unless a message has a callback_url",
                );
                (Endpoint { url: None, secrets: Vec::new() }, StatusSet::all())
            }
        };
        let credentials =
            app.smpp.as_ref().and_then(|smpp| self.smpp_credentials(smpp, raw, &below(at, "smpp")));
        self.later_doors(app, at);
        let mut settings = App::new(notify);
        settings.default_sender.clone_from(&default_sender);
        settings.default_country = default_country;
        settings.default_class = app.default_class;
        settings.has_webhook = app.webhook.is_some();
        settings.strict_numbers = raw.numbers.strict;
        let id = id?;
        let account = app.smpp.as_ref().zip(credentials);
        let smpp = account.map(|(smpp, credentials)| smpp::account(&id, smpp, credentials, default_country));
        Some(Application {
            id,
            api_keys,
            default_sender,
            default_country,
            default_class: app.default_class,
            settings,
            endpoint,
            smpp,
        })
    }

    fn webhook(&mut self, webhook: &Webhook, allow_private: bool, at: &Steps) -> (Endpoint, StatusSet) {
        let url = self.keep(address::check_url(&webhook.url, address::Private::Allowed), &below(at, "url"));
        // The rest of the file can be right and useful, so this keeps nobody from starting; nothing is sent there.
        if let (Some(Err(bad)), false) =
            (url.as_ref().map(|url| address::check_host(url, address::Private::Refused)), allow_private)
        {
            self.warn(&below(at, "url"), format!("{bad}; until then no webhook is sent"));
        }
        let at_secret = below(at, "secret");
        let secret = self.secret(&webhook.secret, &at_secret);
        let secret =
            secret.and_then(|secret| self.keep(secret.reveal().parse::<webhooks::Secret>(), &at_secret));
        let notify = webhooks::events(webhook.events.iter().map(String::as_str));
        let notify = self.keep(notify, &below(at, "events")).unwrap_or(StatusSet::NONE);
        let secrets = secret.into_iter().collect();
        (Endpoint { url, secrets }, notify)
    }

    /// Doors that a later version opens: their settings are checked as far as that can be done now.
    fn later_doors(&mut self, app: &RawApp, at: &Steps) {
        if let Some(compat) = &app.compat {
            let inner = below(at, "compat");
            if let Some(token) = &compat.twilio_auth_token {
                self.secret(token, &below(&inner, "twilio_auth_token"));
            }
            if let Some(sid) = &compat.twilio_account_sid {
                let at = below(&inner, "twilio_account_sid");
                if !sid.starts_with("AC") {
                    self.problem(&at, "expected an account sid, which begins with AC");
                }
                self.once("account", sid, &at);
            }
            self.not_served.push(format!("the compatible doors of the app {}", app.id));
        }
    }

    fn optional<T>(&mut self, text: Option<&str>, at: &Steps) -> Option<T>
    where
        T: std::str::FromStr<Err: std::fmt::Display>,
    {
        self.keep(text?.parse(), at)
    }
}

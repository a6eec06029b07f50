//! Settings, facts and health for tests.

use std::collections::HashMap;

use domain::content::Features;
use domain::{AppId, Channel, Class, ConnectionId, Recipient, RouteId, Sender, Timestamp};

use crate::choose::{Choice, Facts, HealthView, NoRule, Text, choose};
use crate::problem::Problem;
use crate::settings::Settings;
use crate::table::{Known, Table};

/// Three vendors, three routes; the third goes to Germany only.
pub(crate) const ROUTES: &str = r#"
    [[routes]]
    id = "acme-eu"
    connection = "acme"
    rate_card = "acme"

    [[routes]]
    id = "borealis-eu"
    connection = "borealis"
    rate_card = "borealis"

    [[routes]]
    id = "cirrus-de"
    connection = "cirrus"
    countries = ["DE"]

    [[rate_cards]]
    id = "acme"
    currency = "EUR"
    prices = [{ country = "DE", price = "0.05" }, { country = "AT", price = "0.02" }]

    [[rate_cards]]
    id = "borealis"
    currency = "EUR"
    prices = [{ country = "DE", price = "0.04" }, { country = "AT", price = "0.03" }]
"#;

pub(crate) fn compile(toml: &str) -> Result<Table, Vec<Problem>> {
    compile_in_domains(toml, &[])
}

/// Connections and their failure domains.
pub(crate) fn compile_in_domains(toml: &str, domains: &[(&str, &str)]) -> Result<Table, Vec<Problem>> {
    let settings: Settings = toml::from_str(toml).unwrap();
    let connections = ["acme", "borealis", "cirrus"].map(|name| ConnectionId::new(name).unwrap());
    let apps = ["shop", "bank"].map(|name| AppId::new(name).unwrap());
    let domains =
        domains.iter().map(|(name, domain)| (ConnectionId::new(name).unwrap(), (*domain).to_owned()));
    let failure_domains = domains.collect();
    let price_files = HashMap::new();
    let known = Known {
        connections: &connections,
        apps: &apps,
        failure_domains: &failure_domains,
        price_files: &price_files,
    };
    Table::compile(&settings, &known, 7)
}

/// The table of `ROUTES` and these rules.
pub(crate) fn table(rules: &str) -> Table {
    compile(&format!("{ROUTES}{rules}")).unwrap()
}

/// A message whose facts are easily changed: `Ask { class: Class::Otp, ..Ask::to("+49…") }`.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) app: &'static str,
    pub(crate) channel: Channel,
    pub(crate) class: Class,
    pub(crate) to: String,
    pub(crate) from: Option<&'static str>,
    pub(crate) country: Option<&'static str>,
    pub(crate) operator: Option<&'static str>,
    pub(crate) segments: u8,
    pub(crate) text: Text<'static>,
    pub(crate) features: Features,
    /// With its currency.
    pub(crate) max_price: Option<(&'static str, &'static str)>,
    pub(crate) now: Timestamp,
    pub(crate) used_just_now: Option<&'static str>,
    pub(crate) no_probe: bool,
    pub(crate) probed_just_now: bool,
    pub(crate) chance: u64,
    pub(crate) down: &'static [&'static str],
}

impl Ask {
    pub(crate) fn new() -> Self {
        Self {
            app: "shop",
            channel: Channel::Sms,
            class: Class::Transactional,
            to: "+4915112345678".to_owned(),
            from: None,
            country: Some("DE"),
            operator: None,
            segments: 1,
            text: Text::Whole("hello"),
            features: Features::of("hello"),
            max_price: None,
            now: Timestamp::from_millis(1_767_225_600_000),
            used_just_now: None,
            no_probe: false,
            probed_just_now: false,
            chance: 0,
            down: &[],
        }
    }

    pub(crate) fn with<T>(&self, read: impl FnOnce(&Facts<'_>) -> T) -> T {
        let app = AppId::new(self.app).unwrap();
        let to = Recipient::from_e164(&self.to).unwrap();
        let from: Option<Sender> = self.from.map(|text| text.parse().unwrap());
        let used_just_now = self.used_just_now.map(|id| RouteId::new(id).unwrap());
        read(&Facts {
            app: &app,
            channel: self.channel,
            class: self.class,
            to: &to,
            from: from.as_ref(),
            country: self.country.map(|text| text.parse().unwrap()),
            operator: self.operator,
            segments: self.segments,
            text: self.text,
            features: self.features,
            max_price: self.max_price.map(|(amount, currency)| domain::Price {
                amount: domain::money::parse_amount(amount).unwrap(),
                currency: currency.parse().unwrap(),
            }),
            now: self.now,
            used_just_now: used_just_now.as_ref(),
            no_probe: self.no_probe,
            probed_just_now: self.probed_just_now,
            chance: self.chance,
        })
    }

    pub(crate) fn choose(&self, table: &Table) -> Result<Choice, NoRule> {
        self.with(|facts| choose(facts, table, &Down(self.down)))
    }
}

/// The connections that are down.
pub(crate) struct Down(pub(crate) &'static [&'static str]);

impl HealthView for Down {
    fn is_down(&self, connection: &ConnectionId) -> bool {
        self.0.contains(&connection.as_str())
    }
}

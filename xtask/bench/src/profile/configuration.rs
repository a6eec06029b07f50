//! The configuration file of the profile: three apps, two hundred rules, fifty routes.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::{ADMIN_KEY, APP_NAMES, COUNTRIES, Class, KEYS};

pub(crate) const HOOK_PATH: &str = "/hook";
const HOOK_SECRET: &str = "whsec_YmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gtYmVuY2g=";

const RULES: usize = 200;
const ROUTES: usize = 50;
const RATE_CARDS: usize = 5;

/// What differs between scenarios.
pub(crate) struct Configuration {
    pub(crate) hook: SocketAddr,
    pub(crate) connections: Vec<Connection>,
    pub(crate) policy: Policy,
}

#[derive(Clone, Copy)]
pub(crate) struct Connection {
    pub(crate) vendor: SocketAddr,
    pub(crate) binds: u16,
    pub(crate) window: u16,
}

/// Which vendors a message may go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    /// Any, shared out by the rules.
    Shared,
    /// That with the number of its app first, then the others.
    Homes,
    /// Marketing has only the first, otp only the second.
    Apart,
}

impl Configuration {
    pub(crate) fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::with_capacity(128 * 1024);
        self.write(&mut text)?;
        Ok(text)
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        write!(
            out,
            r#"[server]
listen = "127.0.0.1:0"
[store]
path = "data"
[webhooks]
allow_private = true
[[admin_keys]]
id = "ops"
key = "{ADMIN_KEY}"
scopes = ["read", "dispatch", "configure"]
[smpp_server]
listen = "127.0.0.1:0"
"#
        )?;
        for (name, [first, second]) in APP_NAMES.iter().zip(KEYS) {
            write!(
                out,
                r#"[[apps]]
id = "{name}"
api_keys = ["{first}", "{second}"]
default_sender = "Strowger"
smpp = {{ system_id = "{name}", password = "bench", max_binds = 2000 }}
webhook = {{ url = "http://{hook}{HOOK_PATH}", secret = "{HOOK_SECRET}", events = ["message.submitted", "message.delivered"] }}
"#,
                hook = self.hook
            )?;
        }
        for (number, connection) in self.connections.iter().enumerate() {
            connection.write(number, out)?;
        }
        self.write_routes(out)?;
        write_rate_cards(out)?;
        self.write_rules(out)
    }

    /// Neighbours are of different connections, and the first of three is the cheapest.
    fn write_routes(&self, out: &mut String) -> std::fmt::Result {
        let connections = self.connections.len().max(1);
        for route in 0..ROUTES {
            write!(
                out,
                r#"[[routes]]
id = "route-{route}"
connection = "vendor-{vendor}-main"
rate_card = "card-{card}"
senders = {{ default = "Strowger", allow = ["alphanumeric", "numeric"] }}
"#,
                vendor = route % connections,
                card = route % RATE_CARDS,
            )?;
        }
        Ok(())
    }

    /// One rule of each app, class and country is hit. Those in between are about numbers that nobody sends to, as in
    /// a file that has grown.
    fn write_rules(&self, out: &mut String) -> std::fmt::Result {
        out.push_str("[policy]\ndefault_class = \"transactional\"\n");
        let hit = APP_NAMES.len() * Class::ALL.len() * COUNTRIES.len();
        let every = RULES / hit;
        for rule in 0..RULES - 1 {
            let at = rule / every;
            if rule % every == every - 1 && at < hit {
                self.write_rule_that_is_hit(rule, at, out)?;
            } else {
                write_rule_that_is_not(rule, out)?;
            }
        }
        write!(
            out,
            "[[policy.rules]]\nid = \"rest\"\nstrategy = \"least_cost\"\nroutes = [\"route-0\", \"route-1\"]\n"
        )
    }

    fn write_rule_that_is_hit(&self, rule: usize, at: usize, out: &mut String) -> std::fmt::Result {
        let app = at % APP_NAMES.len();
        let class = Class::ALL[at / APP_NAMES.len() % Class::ALL.len()];
        let (country, _) = COUNTRIES[at / (APP_NAMES.len() * Class::ALL.len()) % COUNTRIES.len()];
        let (app_name, class_name) = (APP_NAMES[app], class.as_str());
        let strategy = match (self.policy, at % 3) {
            (Policy::Shared, 0) => "weighted",
            (Policy::Shared, 1) => "least_cost",
            (Policy::Shared | Policy::Homes | Policy::Apart, _) => "priority",
        };
        let routes = self.routes(at, app, class);
        let routes: Vec<String> = match strategy {
            "weighted" => routes.iter().map(|id| format!("{{ id = \"route-{id}\", weight = 1 }}")).collect(),
            _ => routes.iter().map(|id| format!("\"route-{id}\"")).collect(),
        };
        let routes = routes.join(", ");
        write!(
            out,
            r#"[[policy.rules]]
id = "rule-{rule}"
match = {{ channel = "sms", app = ["{app_name}"], class = ["{class_name}"], country = ["{country}"] }}
strategy = "{strategy}"
routes = [{routes}]
max_price = "0.20"
"#
        )
    }

    fn routes(&self, at: usize, app: usize, class: Class) -> Vec<usize> {
        match self.policy {
            // The remainder by five stays below three, so prices rise along the three.
            Policy::Shared => {
                let first = at % 9 * 5 + at / 9 % 3;
                (first..first + self.connections.len().clamp(2, 3)).collect()
            }
            Policy::Homes => {
                let connections = self.connections.len();
                (0..connections).map(|step| (app + step) % connections).collect()
            }
            Policy::Apart => match class {
                Class::Marketing => vec![0],
                Class::Otp | Class::Transactional => vec![1],
            },
        }
    }
}

impl Connection {
    fn write(&self, number: usize, out: &mut String) -> std::fmt::Result {
        let Self { vendor, binds, window } = self;
        write!(
            out,
            r#"[[vendors]]
id = "vendor-{number}"
[[vendors.connections]]
id = "vendor-{number}-main"
kind = "smpp"
host = "{host}"
port = {port}
system_id = "bench"
password = "bench"
binds = {binds}
window = {window}
"#,
            host = vendor.ip(),
            port = vendor.port(),
        )
    }
}

fn write_rate_cards(out: &mut String) -> std::fmt::Result {
    for card in 0..RATE_CARDS {
        write!(out, "[[rate_cards]]\nid = \"card-{card}\"\ncurrency = \"EUR\"\nprices = [")?;
        for (country, _) in COUNTRIES {
            write!(out, "{{ country = \"{country}\", price = \"0.0{card}50\" }}, ")?;
        }
        out.push_str("]\n");
    }
    Ok(())
}

fn write_rule_that_is_not(rule: usize, out: &mut String) -> std::fmt::Result {
    let matches = match rule % 4 {
        0 => format!(r#"recipient_prefix = ["+4917{rule:03}", "+4478{rule:03}"]"#),
        1 => format!(r#"country = ["PL", "CZ"], recipient_prefix = ["+48{rule:03}", "+420{rule:03}"]"#),
        2 => format!(r#"class = ["marketing"], sender = ["SENDER{rule}"]"#),
        _ => format!(r#"operator = ["262-01"], country = ["DE"], sender = ["SHOP{rule}"]"#),
    };
    let (first, second) = (rule % ROUTES, (rule + 1) % ROUTES);
    write!(
        out,
        r#"[[policy.rules]]
id = "rule-{rule}"
match = {{ channel = "sms", {matches} }}
strategy = "priority"
routes = ["route-{first}", "route-{second}"]
"#
    )
}

//! What goes wrong at vendors now and then, played at the one that carries most: how soon it is noticed, where traffic
//! goes meanwhile, and how soon it comes back.

use std::str::FromStr;
use std::time::Duration;

use domain::Verdict;
use pipeline::Pipeline;
use serde_json::{Value, json};
use simulator::Behaviour;
use simulator::demo::DemoVendor;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::configuration::ADMIN_KEY;
use super::flood;

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    Outage,
    BrownOut,
    SilentDrop,
    FakeReceipts,
    SlowDelivery,
    Throttle,
    PriceRise,
    Pumping,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no scenario: expected all, or one of {known}", known = Scenario::ALL.map(Scenario::name).join(", "))]
pub struct UnknownScenario(pub String);

/// The traffic that is made worse, as its recipients' numbers begin.
const WHERE: &str = "44";
/// The engine has to know a vendor before it can miss anything.
const WARM_UP: Duration = Duration::from_secs(90);
/// How long a scenario goes on once it is noticed, how long it is waited for, and how long for the way back.
const GOES_ON: Duration = Duration::from_secs(30);
const NOTICED_WITHIN: Duration = Duration::from_secs(180);
const BACK_WITHIN: Duration = Duration::from_secs(600);
/// How often one looks, and over what time shares are taken.
const LOOK: Duration = Duration::from_secs(1);
const SHARE_OVER: Duration = Duration::from_secs(5);

impl Scenario {
    pub const ALL: [Self; 8] = [
        Self::Outage,
        Self::BrownOut,
        Self::SilentDrop,
        Self::FakeReceipts,
        Self::SlowDelivery,
        Self::Throttle,
        Self::PriceRise,
        Self::Pumping,
    ];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Outage => "outage",
            Self::BrownOut => "brown-out",
            Self::SilentDrop => "silent-drop",
            Self::FakeReceipts => "fake-receipts",
            Self::SlowDelivery => "slow-delivery",
            Self::Throttle => "throttle",
            Self::PriceRise => "price-rise",
            Self::Pumping => "pumping",
        }
    }

    /// What is wrong with a vendor that carries so much.
    fn sentence(self, name: &str, share: f64) -> String {
        let goes_wrong = match self {
            Self::Pumping => {
                let (rate, numbers) = (flood::RATE, flood::NUMBERS);
                return format!(
                    "{rate} codes a second more are asked for, to {numbers} numbers of +44 where nobody waits for one. \
                     {name} carries {share:.0} %."
                );
            }
            Self::Outage => "answers no submits to +44",
            Self::BrownOut => "loses half of what it takes to +44",
            Self::SilentDrop => "loses what it takes to +44",
            Self::FakeReceipts => "reports as delivered what never arrives at +44",
            Self::SlowDelivery => "delivers a minute and a half late to +44",
            Self::Throttle => "refuses everything to +44 as too fast",
            Self::PriceRise => "takes ten times as much from now on",
        };
        format!("{name}, which carries {share:.0} %, {goes_wrong}.")
    }

    /// None where it is not the vendor that behaves in another way.
    fn behaviour(self) -> Option<Behaviour> {
        match self {
            Self::Outage => Some(Behaviour::Mute),
            Self::BrownOut => Some(Behaviour::BrownOut(50)),
            Self::SilentDrop => Some(Behaviour::SilentDrop),
            Self::FakeReceipts => Some(Behaviour::FakeReceipts),
            Self::SlowDelivery => Some(Behaviour::SlowDelivery(Duration::from_secs(90))),
            Self::Throttle => Some(Behaviour::THROTTLE),
            Self::PriceRise | Self::Pumping => None,
        }
    }
}

impl FromStr for Scenario {
    type Err = UnknownScenario;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|scenario| scenario.name() == name);
        known.ok_or_else(|| UnknownScenario(name.to_owned()))
    }
}

/// Plays scenarios in a demo that runs.
pub struct Player {
    pub(super) pipeline: Pipeline,
    pub(super) vendors: Vec<DemoVendor>,
    pub(super) url: String,
    pub(super) http: reqwest::Client,
}

impl Player {
    /// One after the other; `tell` gets a line for each thing that happens.
    ///
    /// # Errors
    /// When the gateway does not take other prices.
    pub async fn play(&self, scenarios: &[Scenario], tell: impl Fn(&str)) -> anyhow::Result<()> {
        tell(&format!("The engine learns for {} s what is usual.", WARM_UP.as_secs()));
        sleep(WARM_UP).await;
        for scenario in scenarios {
            self.play_one(*scenario, &tell).await?;
        }
        Ok(())
    }

    async fn play_one(&self, scenario: Scenario, tell: &impl Fn(&str)) -> anyhow::Result<()> {
        let shares = self.shares().await;
        let most = shares.iter().zip(&self.vendors).max_by(|(one, _), (other, _)| one.total_cmp(other));
        let Some((before, victim)) = most else { return Ok(()) };
        let name = victim.personality.as_str();
        tell(&format!("{}: {}", scenario.name(), scenario.sentence(name, before * 100.0)));
        let begin = Instant::now();
        let mut flood = JoinSet::new();
        self.begin(scenario, victim, &mut flood).await?;
        let noticed = match scenario {
            Scenario::PriceRise => None,
            Scenario::Outage
            | Scenario::BrownOut
            | Scenario::SilentDrop
            | Scenario::FakeReceipts
            | Scenario::SlowDelivery
            | Scenario::Throttle
            | Scenario::Pumping => self.verdict_about(victim, begin).await,
        };
        match &noticed {
            Some(verdict) => tell(&format!(
                "  noticed after {:.1} s: {}: {}",
                begin.elapsed().as_secs_f64(),
                verdict.kind,
                verdict.explanation()
            )),
            None if scenario == Scenario::PriceRise => {}
            None => tell(&format!("  not noticed within {} s", NOTICED_WITHIN.as_secs())),
        }
        sleep(GOES_ON).await;
        let share = async || share_of(victim, &self.vendors, &self.shares().await);
        tell(&format!("  {name} carries {:.0} %", share().await * 100.0));
        if scenario == Scenario::Pumping {
            tell(&format!("  {}", self.blamed(begin.elapsed())));
        }
        let end = Instant::now();
        flood.shutdown().await;
        self.end(scenario, victim).await?;
        // Traffic is back before anybody is sure that it is over.
        let mut carries = share().await;
        while carries <= 0.5 * before {
            if end.elapsed() > BACK_WITHIN {
                tell(&format!("  not back within {} s after the end", BACK_WITHIN.as_secs()));
                return Ok(());
            }
            carries = share().await;
        }
        if scenario != Scenario::Pumping {
            tell(&format!(
                "  back {:.0} s after the end: {name} carries {:.0} %",
                end.elapsed().as_secs_f64(),
                carries * 100.0
            ));
        }
        let Some(verdict) = &noticed else { return Ok(()) };
        while !self.is_over(verdict) {
            if end.elapsed() > BACK_WITHIN {
                tell(&format!("  the verdict still holds {} s after the end", BACK_WITHIN.as_secs()));
                return Ok(());
            }
            sleep(LOOK).await;
        }
        tell(&format!("  the verdict is over {:.0} s after the end", end.elapsed().as_secs_f64()));
        Ok(())
    }

    async fn begin(
        &self,
        scenario: Scenario,
        victim: &DemoVendor,
        flood: &mut JoinSet<()>,
    ) -> anyhow::Result<()> {
        match scenario.behaviour() {
            Some(behaviour) => victim.vendor.set_for(WHERE, behaviour),
            None if scenario == Scenario::Pumping => {
                flood.spawn(flood::send(self.url.clone(), self.http.clone()));
            }
            None => self.change_prices(victim, "\"0.0", "\"0.").await?,
        }
        Ok(())
    }

    /// Which vendors are suspected of something that was noticed within this time.
    fn blamed(&self, within: Duration) -> String {
        let now = self.pipeline.now();
        let beliefs = self.pipeline.beliefs();
        let recent = beliefs.verdicts().iter().filter(|verdict| now.since(verdict.raised_at) <= within);
        let blamed: Vec<String> = recent
            .filter_map(|verdict| Some(format!("{} of {}", verdict.scope.connection.as_ref()?, verdict.kind)))
            .collect();
        if blamed.is_empty() {
            return "no vendor is suspected of anything".to_owned();
        }
        format!("suspected: {}", blamed.join(", "))
    }

    async fn end(&self, scenario: Scenario, victim: &DemoVendor) -> anyhow::Result<()> {
        match scenario.behaviour() {
            Some(_) => victim.vendor.set_for(WHERE, Behaviour::Usual),
            None if scenario == Scenario::Pumping => {}
            None => self.change_prices(victim, "\"0.", "\"0.0").await?,
        }
        Ok(())
    }

    /// What each vendor accepts of all that is accepted.
    async fn shares(&self) -> Vec<f64> {
        let accepted = || self.vendors.iter().map(|demo| demo.vendor.stats().accepted).collect::<Vec<_>>();
        let before = accepted();
        sleep(SHARE_OVER).await;
        let taken: Vec<u64> = accepted().iter().zip(&before).map(|(after, before)| after - before).collect();
        let all = taken.iter().sum::<u64>().max(1);
        taken.iter().map(|taken| *taken as f64 / all as f64).collect()
    }

    async fn verdict_about(&self, victim: &DemoVendor, begin: Instant) -> Option<Verdict> {
        let connection = format!("{}-main", victim.personality.as_str());
        let raised_from = self.pipeline.now();
        while begin.elapsed() < NOTICED_WITHIN {
            let beliefs = self.pipeline.beliefs();
            let is_it = |verdict: &&Verdict| {
                let about = verdict.scope.connection.as_ref();
                verdict.raised_at >= raised_from && about.is_none_or(|about| about.as_str() == connection)
            };
            if let Some(found) = beliefs.verdicts().iter().find(is_it) {
                return Some(found.clone());
            }
            sleep(Duration::from_millis(100)).await;
        }
        None
    }

    fn is_over(&self, verdict: &Verdict) -> bool {
        self.pipeline.beliefs().verdicts().iter().all(|open| open.id != verdict.id)
    }

    /// Puts a version in force in which the prices of the vendor are written in another way.
    async fn change_prices(&self, victim: &DemoVendor, from: &str, to: &str) -> anyhow::Result<()> {
        let request = self.http.get(format!("{}/v1/policies/active?format=toml", self.url));
        let text = request.bearer_auth(ADMIN_KEY).send().await?.error_for_status()?.text().await?;
        let card = format!("[[rate_cards]]\nid = \"{}\"", victim.personality.as_str());
        let Some((head, rest)) = text.split_once(&card) else {
            anyhow::bail!("the demo's policy has no rate card of {}", victim.personality.as_str());
        };
        let (own, tail) = rest.find("\n[[").map_or((rest, ""), |at| rest.split_at(at));
        let toml = [head, &card, &own.replace(from, to), tail].concat();
        let drafted = self.post("/v1/policies", &json!({ "toml": toml })).await?;
        let number = drafted.get("number").and_then(Value::as_u64).unwrap_or_default();
        self.post(&format!("/v1/policies/{number}/activate"), &json!({})).await?;
        Ok(())
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.http.post(format!("{}{path}", self.url)).bearer_auth(ADMIN_KEY);
        let request = request.header("content-type", "application/json").body(body.to_string());
        let text = request.send().await?.error_for_status()?.text().await?;
        Ok(serde_json::from_str(&text)?)
    }
}

fn share_of(victim: &DemoVendor, vendors: &[DemoVendor], shares: &[f64]) -> f64 {
    let of_victim = vendors.iter().zip(shares).find(|(demo, _)| demo.personality == victim.personality);
    of_victim.map_or(0.0, |(_, share)| *share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_are_read_by_their_names() {
        for scenario in Scenario::ALL {
            assert_eq!(scenario.name().parse(), Ok(scenario));
        }
        let unknown = "flood".parse::<Scenario>().unwrap_err().to_string();
        assert!(unknown.starts_with("`flood` is no scenario: expected all, or one of outage, "), "{unknown}");
    }
}

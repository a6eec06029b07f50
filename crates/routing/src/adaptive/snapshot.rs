//! One arm in numbers, for whoever asks why traffic goes where it goes.

use super::engine::Engine;
use super::feed::FeedKind;
use super::judge::finding;
use super::settings::{Millis, OperatorIndex, VendorIndex};
use super::verdict::{Kind, Proof};

#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    pub vendor: VendorIndex,
    pub operator: OperatorIndex,
    /// The rate of delivery by receipts, and how many messages it rests on.
    pub delivered: f64,
    pub receipts: f64,
    /// The share on the handset in time by conversions, and how many messages it rests on.
    pub acted: f64,
    pub conversions: f64,
    /// How far its receipts are believed, from zero to one.
    pub trust: f64,
    /// The log-likelihood ratios of a fall, by receipts and by conversions.
    pub receipts_ratio: f64,
    pub conversions_ratio: f64,
    pub messages_a_second: f64,
    /// Within so many milliseconds half of the receipts of what arrives are here, and 95 in 100.
    pub half_within: Millis,
    pub most_within: Millis,
    /// The part of its traffic that it has got back since it recovered.
    pub ramp: f64,
    pub feed: FeedKind,
    /// The usual time between flushes, in seconds; zero when receipts come as they happen.
    pub flushed_every: f64,
    /// What a message of the vendor's commitment is worth just now.
    pub commitment: f64,
    pub trouble: Option<(Kind, Proof)>,
}

impl Engine {
    /// Of every arm that has had traffic.
    pub fn snapshots(&self) -> impl Iterator<Item = Snapshot> {
        self.state.arms.iter().filter_map(|arm| self.snapshot(arm.vendor, arm.operator))
    }

    /// None of an arm that has had no traffic.
    pub fn snapshot(&self, vendor: VendorIndex, operator: OperatorIndex) -> Option<Snapshot> {
        let arm = self.state.arms.get(self.state.arm_index(vendor, operator)?)?;
        let of_vendor = self.state.vendors.get(vendor)?;
        let feed = of_vendor.feed.kind();
        Some(Snapshot {
            vendor,
            operator,
            delivered: arm.belief.delivered,
            receipts: arm.evidence.receipts.told(),
            acted: arm.belief.acted,
            conversions: arm.evidence.conversions.told(),
            trust: arm.belief.trust,
            receipts_ratio: arm.receipts.sum,
            conversions_ratio: arm.conversions.sum,
            messages_a_second: arm.traffic,
            half_within: arm.delay.quantile(0.5),
            most_within: arm.delay.quantile(0.95),
            ramp: arm.ramp,
            feed,
            flushed_every: if feed == FeedKind::Flushed { f64::from(of_vendor.feed.period()) } else { 0.0 },
            commitment: of_vendor.commitment,
            trouble: finding(arm),
        })
    }
}

/// How an arm delivers, for whoever only wants to know that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    pub vendor: VendorIndex,
    pub operator: OperatorIndex,
    /// The share that arrives: by conversions where enough are known, else by receipts as far as they are believed.
    pub delivered: f64,
    /// How many messages that rests on.
    pub messages: f64,
    pub by_conversions: bool,
    /// A change was found, so that few messages say enough.
    pub is_in_trouble: bool,
}

/// From so many on conversions tell more than receipts.
const ENOUGH_CONVERSIONS: f64 = 50.0;
/// After so many milliseconds without a message, half as much is known of an arm.
const IDLE_HALF_LIFE: f64 = 120_000.0;

impl Engine {
    /// The arms in which a change was found.
    pub fn troubled(&self) -> impl Iterator<Item = (VendorIndex, OperatorIndex)> {
        let troubled = self.state.arms.iter().filter(|arm| arm.trouble.is_some());
        troubled.map(|arm| (arm.vendor, arm.operator))
    }

    /// Of every arm that has had traffic; it changes with a tick. What an arm without traffic is known by counts for ever
    /// fewer messages.
    pub fn qualities(&self) -> impl Iterator<Item = Quality> {
        let now = self.table.made_at;
        self.state.arms.iter().map(move |arm| {
            let (belief, evidence) = (&arm.belief, &arm.evidence);
            let by_conversions = evidence.conversions.trials >= ENOUGH_CONVERSIONS;
            let (delivered, messages) = if by_conversions {
                (belief.acted, evidence.conversions.trials)
            } else {
                (belief.delivered * belief.trust, evidence.receipts.trials)
            };
            let idle = now.saturating_sub(arm.last_sent) as f64 / IDLE_HALF_LIFE;
            let messages = if idle < 0.05 { messages } else { messages * 0.5_f64.powf(idle) };
            let is_in_trouble = arm.trouble.is_some();
            let (vendor, operator) = (arm.vendor, arm.operator);
            Quality { vendor, operator, delivered, messages, by_conversions, is_in_trouble }
        })
    }
}

impl Snapshot {
    /// A sentence for people; `clock` writes an instant.
    pub fn sentence(&self, clock: impl Fn(Millis) -> String) -> String {
        let percent = |share: f64| format!("{:.0} %", share * 100.0);
        let Some((kind, proof)) = &self.trouble else {
            return format!(
                "delivered {} by {:.0} receipts, in time {} by {:.0} conversions, trust {}: healthy",
                percent(self.delivered),
                self.receipts,
                percent(self.acted),
                self.conversions,
                percent(self.trust)
            );
        };
        let what = if *kind == Kind::FakeReceipts { "conversion" } else { "delivery by receipts" };
        let other = match kind {
            Kind::FakeReceipts => "receipts normal: fake receipts suspected",
            Kind::SlowReceipts => "conversions normal: receipts are late or missing, messages arrive",
            Kind::SlowDelivery => "receipts come late: slow delivery",
            Kind::SilentDrop => "accepted and lost: silent drop",
            Kind::Outage => "submits unanswered: outage",
            Kind::Throttled => "refused below what was agreed: throttled",
            Kind::Pumping => "more is asked for and as many act: no vendor's fault",
            Kind::OperatorWide => "all routes to the operator: no vendor's fault",
        };
        format!(
            "{what} {} against {} since {}, {:.0} messages, LLR {:.1} > {:.1}, {other}",
            percent(proof.after),
            percent(proof.before),
            clock(proof.since),
            proof.observations,
            proof.ratio,
            proof.threshold
        )
    }
}

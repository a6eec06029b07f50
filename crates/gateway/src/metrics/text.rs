//! The text format of Prometheus, version 0.0.4, and the names of all families.

use std::time::Duration;

use domain::money::Decimal;

use super::histogram::Histogram;

/// A promise to dashboards and alarms: a name is never given another meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Messages,
    Attempts,
    Receipts,
    Submit,
    ReceiptDelay,
    Decision,
    ConnectionUp,
    BindsUp,
    QueueDepth,
    QueueOldest,
    Overrides,
    CapUsed,
    WebhookPending,
    Webhooks,
    ReceiptsHeld,
    VendorErrors,
    Commit,
    Operations,
    StoreWritable,
    CommitsFailed,
    PutAside,
    DamagedRecords,
    DamagedDays,
    Lookups,
    LookupDuration,
    LookupCost,
    OperatorsWritten,
    Verdicts,
    VerdictsOpen,
    NewsLost,
    CommitmentBehind,
    BuildInfo,
}

impl Name {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "strowger_messages_total",
            Self::Attempts => "strowger_attempts_total",
            Self::Receipts => "strowger_receipts_total",
            Self::Submit => "strowger_submit_duration_seconds",
            Self::ReceiptDelay => "strowger_receipt_delay_seconds",
            Self::Decision => "strowger_decision_duration_seconds",
            Self::ConnectionUp => "strowger_connection_up",
            Self::BindsUp => "strowger_connection_binds_up",
            Self::QueueDepth => "strowger_queue_depth",
            Self::QueueOldest => "strowger_queue_oldest_seconds",
            Self::Overrides => "strowger_overrides_active",
            Self::CapUsed => "strowger_cap_used_ratio",
            Self::WebhookPending => "strowger_webhook_pending",
            Self::Webhooks => "strowger_webhooks_total",
            Self::ReceiptsHeld => "strowger_receipts_held_total",
            Self::VendorErrors => "strowger_vendor_errors_total",
            Self::Commit => "strowger_store_commit_duration_seconds",
            Self::Operations => "strowger_store_operations_total",
            Self::StoreWritable => "strowger_store_writable",
            Self::CommitsFailed => "strowger_store_commits_failed_total",
            Self::PutAside => "strowger_store_put_aside_total",
            Self::DamagedRecords => "strowger_store_damaged_records",
            Self::DamagedDays => "strowger_store_damaged_days",
            Self::Lookups => "strowger_lookups_total",
            Self::LookupDuration => "strowger_lookup_duration_seconds",
            Self::LookupCost => "strowger_lookup_cost_total",
            Self::OperatorsWritten => "strowger_operators_written_total",
            Self::Verdicts => "strowger_verdicts_total",
            Self::VerdictsOpen => "strowger_verdicts_open",
            Self::NewsLost => "strowger_adaptive_news_lost_total",
            Self::CommitmentBehind => "strowger_commitment_behind_ratio",
            Self::BuildInfo => "strowger_build_info",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Labels in the order in which they are written.
pub(crate) type Labels<'a> = [(&'a str, &'a str)];

/// An exposition under way: a family, then its samples.
#[derive(Default)]
pub(crate) struct Text {
    text: String,
    name: &'static str,
}

impl Text {
    pub(crate) fn family(&mut self, name: Name, kind: Kind, help: &str) {
        let (name, kind) = (name.as_str(), kind.as_str());
        self.name = name;
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    pub(crate) fn sample(&mut self, labels: &Labels<'_>, value: u64) {
        let (name, labels) = (self.name, written(labels));
        self.line(format_args!("{name}{labels} {value}"));
    }

    pub(crate) fn amount(&mut self, labels: &Labels<'_>, value: Decimal) {
        let (name, labels) = (self.name, written(labels));
        self.line(format_args!("{name}{labels} {value}"));
    }

    pub(crate) fn seconds(&mut self, labels: &Labels<'_>, value: Duration) {
        let (name, labels, value) = (self.name, written(labels), value.as_secs_f64());
        self.line(format_args!("{name}{labels} {value}"));
    }

    pub(crate) fn histogram<const BOUNDS: usize>(
        &mut self,
        labels: &Labels<'_>,
        histogram: &Histogram<BOUNDS>,
        bounds: &[u64; BOUNDS],
    ) {
        let (below, count) = histogram.cumulative();
        for (bound, below) in bounds.iter().zip(below) {
            self.bucket(labels, &Duration::from_micros(*bound).as_secs_f64().to_string(), below);
        }
        self.bucket(labels, "+Inf", count);
        let (name, labels, sum) = (self.name, written(labels), histogram.sum().as_secs_f64());
        self.line(format_args!("{name}_sum{labels} {sum}"));
        self.line(format_args!("{name}_count{labels} {count}"));
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }

    fn bucket(&mut self, labels: &Labels<'_>, bound: &str, below: u64) {
        let mut labels = labels.to_vec();
        labels.push(("le", bound));
        let (name, labels) = (self.name, written(&labels));
        self.line(format_args!("{name}_bucket{labels} {below}"));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        self.text.push_str(&std::fmt::format(line));
        self.text.push('\n');
    }
}

fn written(labels: &Labels<'_>) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let one = |(name, value): &(&str, &str)| {
        format!("{name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
    };
    format!("{{{}}}", labels.iter().map(one).collect::<Vec<_>>().join(","))
}

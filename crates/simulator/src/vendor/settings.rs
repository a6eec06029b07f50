//! How a vendor is set up.

use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use domain::Timestamp;
use smpp_wire::encoding::{Charset, Gsm7};

use crate::asked::AskedFirst;
use crate::handset::Handsets;
use crate::personality::{Conduct, Personality, Region};

/// How a vendor is set up.
#[derive(Clone)]
pub struct Settings {
    /// What it calls itself in answers to binds; cut to 15 octets.
    pub name: String,
    /// Port 0 takes any free one.
    pub listen: SocketAddr,
    pub account: Account,
    pub seed: u64,
    /// What the clock said at the start; receipts carry dates, and ids do not come again after a restart.
    pub started_at: Timestamp,
    pub conduct: Conduct,
    /// Where it behaves in another way. The longest prefix counts.
    pub regions: Vec<Region>,
    /// Whether demo numbers choose their outcome.
    pub obeys_demo_numbers: bool,
    /// To be shared with the other vendors of the same gateway.
    pub asked_first: AskedFirst,
    /// Where texts arrive; nowhere if `None`.
    pub handsets: Option<Handsets>,
    /// Submissions a second; any number if `None`.
    pub throughput: Option<f64>,
    pub id_format: IdFormat,
    pub receipt_id: ReceiptId,
    pub receipt_form: ReceiptForm,
    /// How many receipts may wait for their answers on one session.
    pub receipt_window: usize,
    /// When a receipt that was answered with an error, or not at all, is sent again.
    pub resend_after: Duration,
    pub max_resends: u32,
    pub response_order: ResponseOrder,
    /// What `data_coding` 0 stands for.
    pub default_charset: Charset,
    /// How many responses and receipts may be due later; then the queue of the vendor is full. Also how many receipts
    /// wait for a bind of one account.
    pub capacity: usize,
    /// How many of the messages taken are kept.
    pub memory: usize,
}

/// Who may bind: what is `None` is not checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Account {
    pub system_id: Option<String>,
    pub password: Option<String>,
}

/// How message ids are written in responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IdFormat {
    #[default]
    Decimal,
    Hex,
    Uuid,
}

/// How the text of a receipt writes the id. A TLV always repeats the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReceiptId {
    #[default]
    AsAnswered,
    Hex,
    Decimal,
    /// As answered, with zeros in front up to this many characters.
    ZeroPadded(usize),
    /// As answered, with its letters in the other case.
    Recased,
}

/// Where a receipt says what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReceiptForm {
    #[default]
    TextAndTlvs,
    TextOnly,
    TlvsOnly,
}

/// In which order submissions are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResponseOrder {
    /// On each session as they came, so that a late answer holds up those behind it.
    #[default]
    AsReceived,
    /// Each after its own latency.
    AsReady,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a format of ids: expected decimal, hex or uuid")]
pub struct UnknownIdFormat(pub String);

impl Settings {
    /// A vendor with this character, on any free port.
    #[must_use]
    pub fn of(personality: Personality) -> Self {
        let id_format = match personality {
            Personality::Premium => IdFormat::Uuid,
            Personality::Cheap | Personality::Flaky => IdFormat::Decimal,
            Personality::Slow | Personality::Regional => IdFormat::Hex,
        };
        Self {
            name: personality.as_str().to_owned(),
            conduct: personality.conduct(),
            regions: personality.regions(),
            id_format,
            ..Self::default()
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "vendor".to_owned(),
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            account: Account::default(),
            seed: 1,
            started_at: Timestamp::from_millis(1_767_225_600_000),
            conduct: Conduct::default(),
            regions: Vec::new(),
            obeys_demo_numbers: true,
            asked_first: AskedFirst::default(),
            handsets: None,
            throughput: None,
            id_format: IdFormat::default(),
            receipt_id: ReceiptId::default(),
            receipt_form: ReceiptForm::default(),
            receipt_window: 10,
            resend_after: Duration::from_secs(5),
            max_resends: 20,
            response_order: ResponseOrder::default(),
            default_charset: Charset::Gsm7(Gsm7::DEFAULT),
            capacity: 1_000_000,
            memory: 10_000,
        }
    }
}

impl IdFormat {
    pub const ALL: [Self; 3] = [Self::Decimal, Self::Hex, Self::Uuid];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Decimal => "decimal",
            Self::Hex => "hex",
            Self::Uuid => "uuid",
        }
    }
}

impl FromStr for IdFormat {
    type Err = UnknownIdFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|format| format.as_str() == text);
        known.ok_or_else(|| UnknownIdFormat(text.to_owned()))
    }
}

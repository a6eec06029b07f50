//! What the values of some TLVs mean.

use crate::open_enum::open_enum;

open_enum! {
    /// What became of a message, as a receipt or a query says it.
    pub enum MessageState: u8 {
        Scheduled = 0,
        Enroute = 1,
        Delivered = 2,
        Expired = 3,
        Deleted = 4,
        Undeliverable = 5,
        Accepted = 6,
        Unknown = 7,
        Rejected = 8,
        Skipped = 9,
    }
}

open_enum! {
    /// Whose numbering a network error code follows.
    pub enum NetworkErrorType: u8 {
        Ansi136AccessDenied = 1,
        Is95AccessDenied = 2,
        Gsm = 3,
        Ansi136Cause = 4,
        Is95Cause = 5,
        Ansi41 = 6,
        Smpp = 7,
        MessageCentre = 8,
    }
}

open_enum! {
    /// Why a data_sm in transaction mode failed.
    pub enum DeliveryFailureReason: u8 {
        DestinationUnavailable = 0,
        DestinationAddressInvalid = 1,
        PermanentNetworkError = 2,
        TemporaryNetworkError = 3,
    }
}

open_enum! {
    /// Whether a handset can be reached again, told by an alert_notification.
    pub enum MsAvailability: u8 {
        Available = 0,
        Denied = 1,
        Unavailable = 2,
    }
}

/// The error code of the operator's network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkErrorCode {
    pub network: NetworkErrorType,
    pub code: u16,
}

impl NetworkErrorCode {
    pub fn from_value(value: &[u8]) -> Option<Self> {
        match value {
            [network, high, low] => {
                Some(Self { network: (*network).into(), code: u16::from_be_bytes([*high, *low]) })
            }
            _ => None,
        }
    }

    pub fn to_value(self) -> [u8; 3] {
        let [high, low] = self.code.to_be_bytes();
        [self.network.into(), high, low]
    }
}

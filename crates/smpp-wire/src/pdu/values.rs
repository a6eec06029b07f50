//! What the one-octet fields of a PDU mean.

use crate::open_enum::open_enum;

open_enum! {
    /// `ton`: what sort of number an address is.
    #[derive(Default)]
    pub enum TypeOfNumber: u8 {
        #[default]
        Unknown = 0,
        International = 1,
        National = 2,
        NetworkSpecific = 3,
        Subscriber = 4,
        Alphanumeric = 5,
        Abbreviated = 6,
    }
}

open_enum! {
    /// `npi`: which numbering plan an address follows.
    #[derive(Default)]
    pub enum NumberingPlan: u8 {
        #[default]
        Unknown = 0,
        Isdn = 1,
        Data = 3,
        Telex = 4,
        LandMobile = 6,
        National = 8,
        Private = 9,
        Ermes = 10,
        Internet = 14,
        WapClient = 18,
    }
}

/// `esm_class`: the mode and the kind of a message, and whether its text begins with a user data header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct EsmClass(pub u8);

impl EsmClass {
    pub const DEFAULT: Self = Self(0);
    pub const RECEIPT: Self = Self(0x04);
    /// An intermediate notification of SMPP 3.4, 5.2.12.
    pub const INTERMEDIATE: Self = Self(0x20);
    pub const UDH: Self = Self(0x40);

    /// The text begins with a user data header.
    pub fn has_udh(self) -> bool {
        self.0 & Self::UDH.0 != 0
    }

    #[must_use]
    pub fn with_udh(self) -> Self {
        Self(self.0 | Self::UDH.0)
    }
}

/// `registered_delivery`: which receipts are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RegisteredDelivery(pub u8);

open_enum! {
    /// The receipt wanted for the final outcome.
    pub enum ReceiptWanted: u8 {
        Never = 0,
        Always = 1,
        OnFailure = 2,
        OnSuccess = 3,
    }
}

impl RegisteredDelivery {
    pub const NONE: Self = Self(0);
    pub const FINAL: Self = Self(1);
    pub const ON_FAILURE: Self = Self(2);

    pub fn receipt_wanted(self) -> ReceiptWanted {
        (self.0 & 0x03).into()
    }

    pub fn wants_intermediate_notifications(self) -> bool {
        self.0 & 0x10 != 0
    }
}

/// Versions of the protocol as `interface_version` writes them.
pub mod interface_version {
    pub const V3_3: u8 = 0x33;
    pub const V3_4: u8 = 0x34;
    pub const V5_0: u8 = 0x50;
}

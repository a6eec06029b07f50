//! `command_status`: every value of 3.4 and 5.0 with its name and what it means; all others are kept by value.
//!
//! Five values were renamed between 3.4 and 5.0 (optional parameters became TLVs); the names here are those of 5.0.

use std::fmt;

/// The outcome that a response carries in its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CommandStatus(pub u32);

macro_rules! statuses {
    ($($constant:ident = $value:literal, $about:literal;)+) => {
        impl CommandStatus {
            $(pub const $constant: Self = Self($value);)+

            /// The name the specification gives it, `ESME_` included.
            pub fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$constant => Some(concat!("ESME_", stringify!($constant))),)+
                    _ => None,
                }
            }

            /// What it means, in plain words.
            pub fn description(self) -> &'static str {
                match self {
                    $(Self::$constant => $about,)+
                    Self(0x400..=0x4FF) => "specific to the vendor",
                    _ => "not defined by the specification",
                }
            }

            /// The status of that name, `ESME_` included, in any case.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|status| {
                    status.name().is_some_and(|known| known.eq_ignore_ascii_case(name))
                })
            }

            const ALL: &[Self] = &[$(Self::$constant,)+];
        }
    };
}

statuses! {
    ROK = 0x00000000, "no error";
    RINVMSGLEN = 0x00000001, "the message length is invalid";
    RINVCMDLEN = 0x00000002, "the command length is invalid";
    RINVCMDID = 0x00000003, "the command is unknown or not supported";
    RINVBNDSTS = 0x00000004, "the command is not allowed in this state of the bind";
    RALYBND = 0x00000005, "already bound";
    RINVPRTFLG = 0x00000006, "the priority flag is invalid";
    RINVREGDLVFLG = 0x00000007, "the registered delivery flag is invalid";
    RSYSERR = 0x00000008, "system error";
    RINVSRCADR = 0x0000000A, "the source address is invalid";
    RINVDSTADR = 0x0000000B, "the destination address is invalid";
    RINVMSGID = 0x0000000C, "the message id is invalid";
    RBINDFAIL = 0x0000000D, "the bind failed";
    RINVPASWD = 0x0000000E, "the password is wrong";
    RINVSYSID = 0x0000000F, "the system id is unknown";
    RCANCELFAIL = 0x00000011, "the cancellation failed";
    RREPLACEFAIL = 0x00000013, "the replacement failed";
    RMSGQFUL = 0x00000014, "the message queue is full";
    RINVSERTYP = 0x00000015, "the service type is invalid";
    RINVNUMDESTS = 0x00000033, "the number of destinations is invalid";
    RINVDLNAME = 0x00000034, "the distribution list name is invalid";
    RINVDESTFLAG = 0x00000040, "the destination flag is invalid";
    RINVSUBREP = 0x00000042, "submit with replace is not supported or not allowed here";
    RINVESMCLASS = 0x00000043, "the esm_class is invalid";
    RCNTSUBDL = 0x00000044, "cannot submit to the distribution list";
    RSUBMITFAIL = 0x00000045, "the submission failed";
    RINVSRCTON = 0x00000048, "the source type of number is invalid";
    RINVSRCNPI = 0x00000049, "the source numbering plan is invalid";
    RINVDSTTON = 0x00000050, "the destination type of number is invalid";
    RINVDSTNPI = 0x00000051, "the destination numbering plan is invalid";
    RINVSYSTYP = 0x00000053, "the system type is invalid";
    RINVREPFLAG = 0x00000054, "the replace-if-present flag is invalid";
    RINVNUMMSGS = 0x00000055, "the number of messages is invalid";
    RTHROTTLED = 0x00000058, "the allowed rate is exceeded";
    RINVSCHED = 0x00000061, "the scheduled delivery time is invalid";
    RINVEXPIRY = 0x00000062, "the validity period is invalid";
    RINVDFTMSGID = 0x00000063, "the predefined message is unknown or invalid";
    RX_T_APPN = 0x00000064, "the receiver has a temporary error";
    RX_P_APPN = 0x00000065, "the receiver has a permanent error";
    RX_R_APPN = 0x00000066, "the receiver rejects the message";
    RQUERYFAIL = 0x00000067, "the query failed";
    RINVTLVSTREAM = 0x000000C0, "the optional part of the PDU is malformed";
    RTLVNOTALLWD = 0x000000C1, "an optional parameter is not allowed";
    RINVTLVLEN = 0x000000C2, "an optional parameter has the wrong length";
    RMISSINGTLV = 0x000000C3, "an expected optional parameter is missing";
    RINVTLVVAL = 0x000000C4, "an optional parameter has an invalid value";
    RDELIVERYFAILURE = 0x000000FE, "the delivery failed";
    RUNKNOWNERR = 0x000000FF, "unknown error";
    RSERTYPUNAUTH = 0x00000100, "not authorised for this service type";
    RPROHIBITED = 0x00000101, "the operation is prohibited";
    RSERTYPUNAVAIL = 0x00000102, "the service type is unavailable";
    RSERTYPDENIED = 0x00000103, "the service type is denied";
    RINVDCS = 0x00000104, "the data coding is invalid";
    RINVSRCADDRSUBUNIT = 0x00000105, "the source address subunit is invalid";
    RINVDSTADDRSUBUNIT = 0x00000106, "the destination address subunit is invalid";
    RINVBCASTFREQINT = 0x00000107, "the broadcast frequency interval is invalid";
    RINVBCASTALIAS_NAME = 0x00000108, "the broadcast alias name is invalid";
    RINVBCASTAREAFMT = 0x00000109, "the broadcast area format is invalid";
    RINVNUMBCAST_AREAS = 0x0000010A, "the number of broadcast areas is invalid";
    RINVBCASTCNTTYPE = 0x0000010B, "the broadcast content type is invalid";
    RINVBCASTMSGCLASS = 0x0000010C, "the broadcast message class is invalid";
    RBCASTFAIL = 0x0000010D, "the broadcast failed";
    RBCASTQUERYFAIL = 0x0000010E, "the broadcast query failed";
    RBCASTCANCELFAIL = 0x0000010F, "the broadcast cancellation failed";
    RINVBCAST_REP = 0x00000110, "the number of broadcast repetitions is invalid";
    RINVBCASTSRVGRP = 0x00000111, "the broadcast service group is invalid";
    RINVBCASTCHANIND = 0x00000112, "the broadcast channel indicator is invalid";
}

impl CommandStatus {
    pub fn is_ok(self) -> bool {
        self == Self::ROK
    }
}

/// The name and the value, `ESME_RTHROTTLED (0x00000058)`, or the value alone.
impl fmt::Display for CommandStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} (0x{:08X})", self.0),
            None => write!(f, "0x{:08X}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CommandStatus;

    #[test]
    fn names_and_values_are_those_of_the_specification() {
        assert_eq!(CommandStatus::RTHROTTLED.to_string(), "ESME_RTHROTTLED (0x00000058)");
        assert_eq!(CommandStatus(0x41).to_string(), "0x00000041");
        assert_eq!(CommandStatus(0x412).description(), "specific to the vendor");
        assert_eq!(CommandStatus::ALL.len(), 67);
        assert!(CommandStatus::ALL.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}

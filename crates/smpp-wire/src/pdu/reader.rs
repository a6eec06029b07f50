//! Reads the mandatory fields of a body, forgiving what costs nothing to forgive.

use crate::status::CommandStatus;
use crate::tlv::Tlvs;

/// Why a body cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("the body ends before {field}")]
    Missing { field: &'static str },
    #[error("{field} claims {claimed} octets, and {left} are left")]
    TooLong { field: &'static str, claimed: usize, left: usize },
    #[error("destination flag {0} is neither an address nor a distribution list")]
    DestinationFlag(u8),
}

impl Reason {
    pub(super) fn status_to_answer(self) -> CommandStatus {
        match self {
            Self::Missing { .. } => CommandStatus::RINVCMDLEN,
            Self::TooLong { .. } => CommandStatus::RINVMSGLEN,
            Self::DestinationFlag(_) => CommandStatus::RINVDESTFLAG,
        }
    }
}

pub(super) struct Reader<'a> {
    rest: &'a [u8],
    status: CommandStatus,
}

impl<'a> Reader<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self::with_status(body, CommandStatus::ROK)
    }

    /// Reads the body that came under this status.
    pub(super) fn with_status(body: &'a [u8], status: CommandStatus) -> Self {
        Self { rest: body, status }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn octet(&mut self, field: &'static str) -> Result<u8, Reason> {
        let (octet, rest) = self.rest.split_first().ok_or(Reason::Missing { field })?;
        self.rest = rest;
        Ok(*octet)
    }

    pub(super) fn four_octets(&mut self, field: &'static str) -> Result<u32, Reason> {
        let (four, rest) = self.rest.split_first_chunk().ok_or(Reason::Missing { field })?;
        self.rest = rest;
        Ok(u32::from_be_bytes(*four))
    }

    /// A string of any length up to its NUL; the end of the body ends it too.
    pub(super) fn c_string(&mut self, field: &'static str) -> Result<&'a [u8], Reason> {
        if self.rest.is_empty() {
            return Err(Reason::Missing { field });
        }
        Ok(self.c_string_or_end().unwrap_or_default())
    }

    /// The last mandatory field of a body, which some leave out altogether.
    pub(super) fn c_string_or_end(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.rest.iter().position(|octet| *octet == 0).unwrap_or(self.rest.len());
        let (string, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest.get(1..).unwrap_or_default();
        Some(string)
    }

    /// The only mandatory field of a response. A refusal may have TLVs and not even the NUL of that field in front of
    /// them; it is then read as though the NUL were there.
    pub(super) fn only_c_string(&mut self) -> Option<&'a [u8]> {
        if !self.status.is_ok() && is_tlvs_alone(self.rest) {
            return Some(&[]);
        }
        self.c_string_or_end()
    }

    pub(super) fn octets(&mut self, field: &'static str, claimed: u8) -> Result<&'a [u8], Reason> {
        let claimed = usize::from(claimed);
        let left = self.rest.len();
        let cut = self.rest.split_at_checked(claimed);
        let (octets, rest) = cut.ok_or(Reason::TooLong { field, claimed, left })?;
        self.rest = rest;
        Ok(octets)
    }

    /// All that is left.
    pub(super) fn tlvs(&mut self) -> Tlvs<'a> {
        Tlvs::new(std::mem::take(&mut self.rest))
    }

    /// What lies between here and the place that `ahead` has reached.
    pub(super) fn up_to(&self, ahead: &Reader<'a>) -> &'a [u8] {
        let length = self.rest.len().saturating_sub(ahead.rest.len());
        self.rest.get(..length).unwrap_or_default()
    }

    /// A second reader at the same place.
    pub(super) fn fork(&self) -> Self {
        Self { rest: self.rest, status: self.status }
    }
}

/// Whether a body is whole TLVs from its first octet on, and cannot be anything else.
///
/// The tags that the specification names begin with a control character, as no id does. A vendor's own tag may begin
/// like an id, and so says nothing; and the NUL of an empty id may look like the beginning of a tag.
fn is_tlvs_alone(body: &[u8]) -> bool {
    let is_whole = |octets| Tlvs::new(octets).leftover().is_empty();
    let opens_with_known_tag = Tlvs::new(body).iter().next().is_some_and(|tlv| tlv.tag.name().is_some());
    opens_with_known_tag && is_whole(body) && !body.strip_prefix(&[0]).is_some_and(is_whole)
}

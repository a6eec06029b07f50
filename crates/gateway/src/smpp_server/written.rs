//! What a submission says for vendors: kept with its message, for routes that pass it on.

use smpp_wire::status::CommandStatus;
use smpp_wire::tlv::{Tlv, TlvBuffer, Tlvs};

use super::submit::is_class;

/// The tags that the specification leaves to vendors.
const VENDORS: std::ops::RangeInclusive<u16> = 0x1400..=0x3FFF;
const MAX_TLVS: usize = 10;
/// Of all of them together, tags and lengths included: a route may have to send them with each part of a text.
const MAX_OCTETS: usize = 512;
/// The most characters of a service_type, as the wire writes it.
const SERVICE_TYPE: usize = 5;

/// Those of vendors' own, but for ours.
pub(super) fn tlvs(tlvs: Tlvs<'_>) -> Result<Vec<u8>, CommandStatus> {
    let mut kept = TlvBuffer::new();
    let is_kept = |tlv: &Tlv<'_>| VENDORS.contains(&tlv.tag.0) && !is_class(tlv);
    for (count, tlv) in tlvs.iter().filter(is_kept).enumerate() {
        kept.push(tlv.tag, tlv.value).map_err(|_| CommandStatus::RINVTLVLEN)?;
        if count >= MAX_TLVS || kept.as_tlvs().as_bytes().len() > MAX_OCTETS {
            return Err(CommandStatus::RINVTLVSTREAM);
        }
    }
    Ok(kept.as_tlvs().as_bytes().to_vec())
}

pub(super) fn service_type(written: &[u8]) -> Result<Vec<u8>, CommandStatus> {
    if written.len() > SERVICE_TYPE { Err(CommandStatus::RINVSERTYP) } else { Ok(written.to_vec()) }
}

#[cfg(test)]
mod tests {
    use smpp_wire::tlv::Tag;

    use super::*;

    fn of(each: impl IntoIterator<Item = (u16, usize)>) -> Result<Vec<Tag>, CommandStatus> {
        let mut written = TlvBuffer::new();
        for (tag, length) in each {
            written.push(Tag(tag), &vec![7; length]).unwrap();
        }
        tlvs(written.as_tlvs()).map(|kept| Tlvs::new(&kept).iter().map(|tlv| tlv.tag).collect())
    }

    #[test]
    fn only_vendors_own_are_kept_and_ours_is_not_one() {
        let kept =
            of([(0x0204, 2), (0x1400, 3), (0x1401, 1), (0x1401, 19), (0x3FFF, 0), (0x1400, 4), (0x4000, 5)]);
        assert_eq!(kept, Ok(vec![Tag(0x1400), Tag(0x1401), Tag(0x3FFF), Tag(0x1400)]));
    }

    #[test]
    fn they_are_few_and_short() {
        let several = |count| std::iter::repeat_n((0x1500, 1), count);
        assert_eq!(of(several(10)).map(|kept| kept.len()), Ok(10));
        assert_eq!(of(several(11)), Err(CommandStatus::RINVTLVSTREAM));
        assert_eq!(of([(0x1500, 508)]).map(|kept| kept.len()), Ok(1));
        assert_eq!(of([(0x1500, 509)]), Err(CommandStatus::RINVTLVSTREAM));
        // Others may be as long as they like.
        assert_eq!(of([(0x0424, 5000)]), Ok(Vec::new()));
    }
}

//! What every body can do: be read from octets and be written to octets.

use super::reader::{Reader, Reason};
use super::writer::{EncodeError, Writer};

pub(super) trait Body<'a>: Sized {
    /// Reads to the end of the body: what follows the mandatory fields goes into its TLVs.
    fn read(reader: &mut Reader<'a>) -> Result<Self, Reason>;

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError>;
}

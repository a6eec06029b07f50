//! Which requests are allowed on which bind, in which direction: the specification's table of session states.

use super::{BindKind, Side};
use crate::pdu::CommandId;

/// Whether `from` may send this request on a session bound in this way.
///
/// The specification gives a transmitter no deliver_sm; vendors send receipts on it all the same, and a receipt refused
/// may be a receipt lost, so whatever a vendor delivers is let through on any bind.
pub(super) fn is_allowed(from: Side, bind: BindKind, command_id: CommandId) -> bool {
    match command_id {
        CommandId::SUBMIT_SM
        | CommandId::SUBMIT_MULTI
        | CommandId::QUERY_SM
        | CommandId::CANCEL_SM
        | CommandId::REPLACE_SM
        | CommandId::BROADCAST_SM
        | CommandId::QUERY_BROADCAST_SM
        | CommandId::CANCEL_BROADCAST_SM => from == Side::Client && bind.transmits(),
        CommandId::DATA_SM => from == Side::Server || bind.transmits(),
        CommandId::DELIVER_SM | CommandId::ALERT_NOTIFICATION => from == Side::Server,
        _ => false,
    }
}

/// Whether we, as `side`, may send it: here the table holds to the letter.
pub(super) fn may_send(side: Side, bind: BindKind, command_id: CommandId) -> bool {
    is_allowed(side, bind, command_id) && (side == Side::Client || bind.receives())
}

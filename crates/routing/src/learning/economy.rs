//! What messages are worth and what they cost, as numbers for the engine: exact decimals end here, because what they are
//! weighed against is an estimate.

use domain::money::Decimal;
use domain::{Class, ConnectionId, Timestamp};

use super::names::Destination;
use crate::adaptive;
use crate::price::Rated;
use crate::table::Table;

pub(super) fn classes(table: &Table) -> Vec<adaptive::Class> {
    let class = |class| {
        let worth = table.worths().of(class);
        adaptive::Class { value: number(worth.value), deadline: worth.within.as_secs_f64(), min_success: 0.0 }
    };
    // In the order of their numbers.
    [Class::Otp, Class::Transactional, Class::Marketing].map(class).into()
}

/// By connection, what its cheapest route takes for a message of one segment; nothing where no price is known.
pub(super) fn prices(
    table: &Table,
    connections: &[ConnectionId],
    to: Destination,
    now: Timestamp,
) -> Vec<f64> {
    let currency = table.worths().currency;
    let mut cheapest: Vec<Option<Decimal>> = vec![None; connections.len()];
    for route in table.routes() {
        let Some(card) = table.card_of(route) else { continue };
        let Rated::Priced(tariff) = card.rate(to.operator, to.country, now) else { continue };
        let Some(price) = card.exchange.convert(tariff.times(1), currency, now) else { continue };
        let at = connections.iter().position(|connection| *connection == route.connection);
        if let Some(place) = at.and_then(|at| cheapest.get_mut(at)) {
            *place = Some(place.map_or(price.amount, |other| other.min(price.amount)));
        }
    }
    cheapest.into_iter().map(|price| price.map_or(0.0, number)).collect()
}

fn number(amount: Decimal) -> f64 {
    f64::try_from(amount).unwrap_or(0.0)
}

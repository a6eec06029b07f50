//! What messages are worth and what they cost, as numbers for the engine: exact decimals end here, because what they are
//! weighed against is an estimate.

use domain::money::Decimal;
use domain::{Channel, Class, ConnectionId, Timestamp};

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

/// By connection, what its cheapest route there takes for a text message of one segment. Where that is not known it may
/// be anything, and counts as the dearest of those that are: never as free. Where none is known, all are alike.
pub(super) fn prices(
    table: &Table,
    connections: &[ConnectionId],
    to: Destination,
    now: Timestamp,
) -> Vec<f64> {
    let currency = table.worths().currency;
    let mut cheapest: Vec<Option<Decimal>> = vec![None; connections.len()];
    for route in table.routes() {
        if route.channel != Channel::Sms || !route.goes_to(to.country) {
            continue;
        }
        let Some(card) = table.card_of(route) else { continue };
        let Rated::Priced(tariff) = card.rate(to.operator, to.country, now) else { continue };
        let Some(price) = card.exchange.convert(tariff.times(1), currency, now) else { continue };
        let at = connections.iter().position(|connection| *connection == route.connection);
        if let Some(place) = at.and_then(|at| cheapest.get_mut(at)) {
            *place = Some(place.map_or(price.amount, |other| other.min(price.amount)));
        }
    }
    let dearest = cheapest.iter().flatten().max().copied().unwrap_or_default();
    cheapest.into_iter().map(|price| number(price.unwrap_or(dearest))).collect()
}

fn number(amount: Decimal) -> f64 {
    f64::try_from(amount).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{compile, table};

    const RULE: &str = "[[policy.rules]]\nid = \"all\"\nstrategy = \"adaptive\"\nroutes = [\"acme-eu\"]\n";
    const MORE: &str = r#"
        [[routes]]
        id = "acme-rcs"
        connection = "acme"
        channel = "rcs"
        rate_card = "cheap"
        [[routes]]
        id = "acme-at"
        connection = "acme"
        countries = ["AT"]
        rate_card = "cheap"
        [[routes]]
        id = "cirrus-pounds"
        connection = "cirrus"
        rate_card = "pounds"
        [[rate_cards]]
        id = "cheap"
        currency = "EUR"
        prices = [{ country = "DE", price = "0.001" }, { country = "AT", price = "0.001" }]
        [[rate_cards]]
        id = "pounds"
        currency = "GBP"
        prices = [{ country = "DE", price = "0.0001" }]
    "#;

    fn of(table: &Table, country: &str) -> Vec<f64> {
        let connections = ["acme", "borealis", "cirrus"].map(|name| ConnectionId::new(name).unwrap());
        let to = Destination::new(Some(country.parse().unwrap()), None);
        prices(table, &connections, to, Timestamp::from_millis(1_767_225_600_000))
    }

    #[test]
    fn a_price_that_is_not_known_is_that_of_the_dearest() {
        let table = table(RULE);
        assert_eq!(of(&table, "DE"), [0.05, 0.04, 0.05]);
        assert_eq!(of(&table, "AT"), [0.02, 0.03, 0.03]);
        assert_eq!(of(&table, "FR"), [0.0, 0.0, 0.0]);
    }

    #[test]
    fn only_routes_that_would_carry_a_text_there_have_a_price() {
        let table = compile(&format!("{}{MORE}{RULE}", crate::sample::ROUTES)).unwrap();
        // Neither the other channel nor the route to Austria makes Germany cheaper, nor does what cannot be exchanged.
        assert_eq!(of(&table, "DE"), [0.05, 0.04, 0.05]);
        assert_eq!(of(&table, "AT"), [0.001, 0.03, 0.03]);
    }
}

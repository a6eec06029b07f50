//! The texts of the traffic, by class: plain ones, ones beyond the GSM alphabet, and ones of two segments.

use domain::Class;
use rand::RngExt;
use rand::rngs::StdRng;

/// A text in which `{code}`, `{order}` and `{amount}` are drawn anew each time.
pub(super) fn draw(class: Class, rng: &mut StdRng) -> String {
    let texts: &[&str] = match class {
        Class::Otp => &OTP,
        Class::Transactional => &TRANSACTIONAL,
        Class::Marketing => &MARKETING,
    };
    let text = texts.get(rng.random_range(0..texts.len())).copied().unwrap_or_default();
    text.replace("{code}", &rng.random_range(100_000..1_000_000).to_string())
        .replace("{order}", &format!("S-{:05}", rng.random_range(0..100_000)))
        .replace("{amount}", &format!("{}.{:02}", rng.random_range(5..250), rng.random_range(0..100)))
}

const OTP: [&str; 6] = [
    "Your code is {code}",
    "{code} is your login code. It is valid for 5 minutes. Do not share it.",
    "Confirm the payment of €{amount} with {code}. Not you? Call us at once.",
    "Code {code} to set a new password.",
    "Ο κωδικός σας είναι {code}",
    "ログインコード：{code}",
];

const TRANSACTIONAL: [&str; 5] = [
    "Order {order} is on its way and arrives tomorrow between 10:00 and 12:00.",
    "We have received €{amount} for order {order}. Thank you!",
    "Your table for two is booked for tonight at seven. Reply NO to cancel.",
    "Záležitost {order}: vaše objednávka je připravena k vyzvednutí.",
    "Your appointment is tomorrow at 9:30. Please bring your card and come ten minutes early; the entrance is at \
     the back of the building, next to the car park. To move it, call the desk before six o'clock today.",
];

const MARKETING: [&str; 4] = [
    "Only this weekend: 20 % off all shoes, online and in every shop. STOP to opt out.",
    "New in: the autumn jackets. Have a look before they are gone! STOP to opt out.",
    "🎉 Members' night on Friday, doors open at seven. STOP to opt out.",
    "Our summer sale begins on Saturday at nine: up to 60 % off garden chairs, grills, tents and bicycles, in all \
     shops and online, as long as stocks last. Members may come in an hour before. STOP to opt out.",
];

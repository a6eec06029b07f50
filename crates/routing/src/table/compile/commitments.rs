//! Compiles what it may cost that commitments are met.

use domain::money::{Decimal, parse_amount};

use crate::problem::Path;
use crate::settings;
use crate::table::commitments::Commitments;
use crate::table::compile::Compiler;
use crate::table::conditions::OneOf;

impl Compiler<'_> {
    /// None where they steer nothing.
    pub(super) fn commitments(&mut self) -> Option<Commitments> {
        let path = Path::default().key("policy").key("commitments");
        let settings::Commitments { worth_at_most, class } = &self.settings.policy.commitments;
        if let Some(classes) = class {
            self.refuse_empty(&path.key("class"), classes);
        }
        let Some(written) = worth_at_most else {
            if class.is_some() {
                let message = "nothing is steered without `worth_at_most`: say how much, such as \"0.10\"";
                self.problems.add(path, message);
            }
            return None;
        };
        let part = parse_amount(written).ok().filter(|part| !part.is_zero() && *part <= Decimal::ONE);
        let hundredths = part.map(|part| part * Decimal::from(10_000));
        let worth = hundredths.filter(Decimal::is_integer).and_then(|whole| u16::try_from(whole).ok());
        let Some(worth_at_most) = worth else {
            let message = format_args!(
                "`{written}` is not a part of a price: expected more than 0, at most 1 and at most four decimals, such as 0.10"
            );
            self.problems.add(path.key("worth_at_most"), message);
            return None;
        };
        Some(Commitments { worth_at_most, classes: OneOf::new(class.clone()) })
    }
}

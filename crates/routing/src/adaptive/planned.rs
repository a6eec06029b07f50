//! How much the published table has each vendor carry.

use super::engine::Engine;

impl Engine {
    /// Messages a second, by vendor, as they come just now.
    pub fn planned(&self) -> Vec<f64> {
        let mut planned = vec![0.0; self.settings.vendors.len()];
        for (operator, state) in self.state.operators.iter().enumerate() {
            for demand in &state.demands {
                let plan = self.table.plan(demand.cell(operator), demand.allowed());
                for row in plan.map(|plan| plan.rows).unwrap_or_default() {
                    if let Some(sum) = planned.get_mut(usize::from(row.vendor)) {
                        *sum += demand.rate * f64::from(row.share + row.probe);
                    }
                }
            }
        }
        planned
    }
}

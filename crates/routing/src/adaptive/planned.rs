//! How much the published table has each vendor carry.

use super::engine::Engine;

impl Engine {
    /// Messages a second, by vendor, as they come just now.
    pub fn planned(&self) -> Vec<f64> {
        let mut planned = vec![0.0; self.settings.vendors.len()];
        for (operator, (state, plans)) in self.state.operators.iter().zip(&self.table.operators).enumerate() {
            for (demand, plan) in state.demands.iter().zip(plans.iter()) {
                if plan.cell != demand.cell(operator) || plan.allowed != demand.allowed() {
                    continue;
                }
                for row in &plan.rows {
                    if let Some(sum) = planned.get_mut(usize::from(row.vendor)) {
                        *sum += demand.rate * f64::from(row.share + row.probe);
                    }
                }
            }
        }
        planned
    }
}

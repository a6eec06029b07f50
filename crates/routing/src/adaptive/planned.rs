//! How much the published table has each vendor carry.

use super::engine::Engine;

impl Engine {
    /// Messages a second, by vendor, as they come just now.
    pub fn planned(&self) -> Vec<f64> {
        let mut planned = vec![0.0; self.settings.vendors.len()];
        for (operator, state) in self.state.operators.iter().enumerate() {
            // Plans stand in the order of the demands that they were made for; what came since is behind those.
            for (demand, plan) in state.demands.iter().zip(self.table.plans_to(operator)) {
                for row in plan.rows {
                    if let Some(sum) = planned.get_mut(usize::from(row.vendor)) {
                        *sum += demand.rate * f64::from(row.share + row.probe);
                    }
                }
            }
        }
        planned
    }
}

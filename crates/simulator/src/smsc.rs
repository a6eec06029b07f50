//! The options of a lone vendor to try things against, as the command line gives them.

use std::net::SocketAddr;
use std::num::ParseIntError;
use std::time::Duration;

use domain::Timestamp;
use smpp_wire::status::CommandStatus;

use crate::personality::{Conduct, Personality, Spread};
use crate::vendor::{Account, IdFormat, Settings};

/// What `strowger sim smsc` was asked for. Absent options leave what the personality says.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    pub listen: SocketAddr,
    pub id_format: IdFormat,
    /// From acceptance to receipt.
    pub dlr_delay_ms: Option<u64>,
    /// How many of the accepted messages get a receipt, from 0 to 1.
    pub dlr_rate: Option<f64>,
    pub latency_ms: Option<u64>,
    /// Submissions a second; any number if `None`.
    pub throttle_tps: Option<f64>,
    pub error_rate: Option<f64>,
    pub error_code: Option<CommandStatus>,
    /// Any bind is accepted where neither is given.
    pub system_id: Option<String>,
    pub password: Option<String>,
    pub personality: Option<Personality>,
    pub seed: u64,
    /// What the clock says now.
    pub now: Timestamp,
}

impl Options {
    #[must_use]
    pub fn new(listen: SocketAddr, now: Timestamp) -> Self {
        Self {
            listen,
            id_format: IdFormat::Decimal,
            dlr_delay_ms: None,
            dlr_rate: None,
            latency_ms: None,
            throttle_tps: None,
            error_rate: None,
            error_code: None,
            system_id: None,
            password: None,
            personality: None,
            seed: 1,
            now,
        }
    }

    /// The vendor that was asked for.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let mut conduct = self.personality.map_or_else(Conduct::default, Personality::conduct);
        let mut regions = self.personality.map_or_else(Vec::new, Personality::regions);
        self.put_on(&mut conduct);
        for region in &mut regions {
            self.put_on(&mut region.conduct);
        }
        Settings {
            name: self.system_id.clone().unwrap_or_else(|| "smsc".to_owned()),
            listen: self.listen,
            account: Account { system_id: self.system_id.clone(), password: self.password.clone() },
            seed: self.seed,
            started_at: self.now,
            conduct,
            regions,
            throughput: self.throttle_tps,
            id_format: self.id_format,
            ..Settings::default()
        }
    }

    fn put_on(&self, conduct: &mut Conduct) {
        if let Some(delay) = self.dlr_delay_ms {
            conduct.receipt_delay = Spread::millis(delay, delay);
            // A receipt never comes before its text does.
            conduct.arrival_delay.least = conduct.arrival_delay.least.min(Duration::from_millis(delay));
            conduct.arrival_delay.most = conduct.arrival_delay.most.min(Duration::from_millis(delay));
        }
        if let Some(latency) = self.latency_ms {
            conduct.latency = Spread::millis(latency, latency);
        }
        conduct.receipt_rate = self.dlr_rate.unwrap_or(conduct.receipt_rate);
        conduct.error_rate = self.error_rate.unwrap_or(conduct.error_rate);
        conduct.error_status = self.error_code.unwrap_or(conduct.error_status);
    }
}

/// Reads a status as people write it: `0x58`, `88`.
pub fn parse_status(text: &str) -> Result<CommandStatus, ParseIntError> {
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    hex.map_or_else(|| text.parse(), |hex| u32::from_str_radix(hex, 16)).map(CommandStatus)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_put_over_the_personality() {
        let mut options = Options::new(([127, 0, 0, 1], 0).into(), Timestamp::from_millis(0));
        assert_eq!(options.settings().conduct, Conduct::default());
        options.personality = Some(Personality::Regional);
        options.latency_ms = Some(5);
        options.error_code = parse_status("0x58").ok();
        let settings = options.settings();
        let regional = Personality::Regional.conduct();
        assert_eq!(settings.conduct.latency, Spread::millis(5, 5));
        assert_eq!(settings.conduct.arrival_rate, regional.arrival_rate);
        assert_eq!(settings.regions[0].conduct.error_status, CommandStatus::RTHROTTLED);
        assert_eq!(parse_status("88"), Ok(CommandStatus::RTHROTTLED));
        assert!(parse_status("throttled").is_err());
    }
}

//! Any octets as a time: what is read is written in the form that reads the same.

use smpp_wire::time::{Absolute, Civil, Offset, Time, relative_text};

pub(crate) fn run(data: &[u8]) {
    match Time::parse(data) {
        Ok(Some(Time::Absolute(read))) => {
            let written = read.to_string();
            assert_eq!(written.len(), 16);
            let again = Time::parse(written.as_bytes()).unwrap().unwrap();
            let read = read.unix_seconds(Offset::UTC);
            assert!(matches!(again, Time::Absolute(again) if again.unix_seconds(Offset::UTC) == read));
        }
        Ok(Some(Time::Relative(read))) => {
            // A hundred years can be read as 99 years and many days, and then not be written.
            if let Ok(written) = relative_text(read) {
                assert_eq!(Time::parse(written.as_bytes()), Ok(Some(Time::Relative(read))));
            }
        }
        Ok(None) => assert!(data.is_empty()),
        Err(_) => {}
    }
    if let Some(seconds) = data.first_chunk().map(|octets| i64::from_le_bytes(*octets)) {
        for seconds in [seconds, seconds >> 30] {
            if let Ok(absolute) = Absolute::utc(seconds) {
                assert_eq!(absolute.unix_seconds(Offset::UTC), seconds);
            }
        }
    }
    if let Some(civil) = std::str::from_utf8(data).ok().and_then(Civil::parse) {
        assert_eq!(Civil::from_unix(civil.to_unix()), Some(civil));
    }
}

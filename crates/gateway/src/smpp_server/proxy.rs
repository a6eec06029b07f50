//! The PROXY protocol: a proxy in front says first for whom it connects.

use std::io;
use std::net::SocketAddr;

use ppp::{HeaderResult, v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// What every header of version 2 begins with.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// What precedes the length of the rest in version 2, the length included.
const FIXED: usize = 16;
/// The longest line of version 1, as the specification has it.
const LONGEST_LINE: usize = 107;
/// Of version 2, without what is fixed: addresses take 36 octets, the rest is for what nobody asks for here.
const LONGEST_REST: usize = 4096;

/// Reads the header and not an octet more. None where the proxy speaks for itself (LOCAL), or knows not for whom.
///
/// # Errors
/// When what comes is no header, or too long a one.
pub(super) async fn read<S: AsyncRead + Unpin>(socket: &mut S) -> io::Result<Option<SocketAddr>> {
    let mut header = vec![0; SIGNATURE.len()];
    socket.read_exact(&mut header).await?;
    if header == SIGNATURE {
        read_more(socket, &mut header, FIXED - SIGNATURE.len()).await?;
        let rest = usize::from(u16::from_be_bytes([header[FIXED - 2], header[FIXED - 1]]));
        if rest > LONGEST_REST {
            return Err(bad("the header is too long"));
        }
        read_more(socket, &mut header, rest).await?;
    } else if header.starts_with(b"PROXY ") {
        // The line is short, and what follows it is not ours to read.
        while !header.ends_with(b"\r\n") {
            if header.len() >= LONGEST_LINE {
                return Err(bad("the line is too long"));
            }
            header.push(socket.read_u8().await?);
        }
    } else {
        return Err(bad("it begins with something else"));
    }
    source(&header)
}

async fn read_more<S: AsyncRead + Unpin>(
    socket: &mut S,
    header: &mut Vec<u8>,
    count: usize,
) -> io::Result<()> {
    let from = header.len();
    header.resize(from + count, 0);
    socket.read_exact(&mut header[from..]).await.map(|_| ())
}

fn source(header: &[u8]) -> io::Result<Option<SocketAddr>> {
    match HeaderResult::parse(header) {
        HeaderResult::V1(Ok(header)) => Ok(match header.addresses {
            v1::Addresses::Tcp4(of) => Some((of.source_address, of.source_port).into()),
            v1::Addresses::Tcp6(of) => Some((of.source_address, of.source_port).into()),
            v1::Addresses::Unknown => None,
        }),
        HeaderResult::V2(Ok(header)) if header.command == v2::Command::Local => Ok(None),
        HeaderResult::V2(Ok(header)) => Ok(match header.addresses {
            v2::Addresses::IPv4(of) => Some((of.source_address, of.source_port).into()),
            v2::Addresses::IPv6(of) => Some((of.source_address, of.source_port).into()),
            v2::Addresses::Unspecified | v2::Addresses::Unix(_) => None,
        }),
        HeaderResult::V1(Err(error)) => Err(bad(&error.to_string())),
        HeaderResult::V2(Err(error)) => Err(bad(&error.to_string())),
    }
}

fn bad(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("no PROXY header: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of these octets, and how many are left then.
    async fn read_of(octets: &[u8]) -> (io::Result<Option<SocketAddr>>, usize) {
        let mut rest = octets;
        let read = read(&mut rest).await;
        (read, rest.len())
    }

    fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[0x20 | command, family], &length, rest, b"bind"].concat()
    }

    #[tokio::test]
    async fn the_client_is_told_of_and_what_follows_is_left() {
        let ipv4 = [192, 0, 2, 7, 10, 0, 0, 1, 0x04, 0xD2, 0x0A, 0xD7];
        let with_more = [&ipv4[..], &[0x04, 0, 2, 0, 0]].concat();
        let mut ipv6 = [0; 36];
        ipv6[..16].copy_from_slice(&"2001:db8::7".parse::<std::net::Ipv6Addr>().unwrap().octets());
        let cases: [(&[u8], Option<&str>); 9] = [
            (b"PROXY TCP4 192.0.2.7 10.0.0.1 1234 2775\r\nbind", Some("192.0.2.7:1234")),
            (b"PROXY TCP6 2001:db8::7 ::1 1234 2775\r\nbind", Some("[2001:db8::7]:1234")),
            (b"PROXY UNKNOWN\r\nbind", None),
            (b"PROXY UNKNOWN what ever\r\nbind", None),
            (&binary(1, 0x11, &ipv4), Some("192.0.2.7:1234")),
            (&binary(1, 0x11, &with_more), Some("192.0.2.7:1234")),
            (&binary(1, 0x21, &ipv6), Some("[2001:db8::7]:0")),
            (&binary(0, 0x00, &[]), None),
            (&binary(0, 0x11, &ipv4), None),
        ];
        for (octets, expected) in cases {
            let (read, left) = read_of(octets).await;
            assert_eq!(read.unwrap(), expected.map(|address| address.parse().unwrap()), "{octets:?}");
            assert_eq!(left, b"bind".len(), "{octets:?}");
        }
    }

    #[tokio::test]
    async fn what_is_no_header_is_no_more_than_glanced_at() {
        let endless = [b"PROXY TCP4 ", &[b'1'; 5000][..]].concat();
        let too_long = binary(1, 0x11, &[0; LONGEST_REST + 1]);
        let bad: [(&[u8], usize); 7] = [
            (b"GET / HTTP/1.1\r\n", 12),
            (b"PROXY TCP4 192.0.2.7\r\n", 22),
            (b"PROXY TCP4 192.0.2.7.1 10.0.0.1 1 2\r\n", 37),
            (&endless, LONGEST_LINE),
            (&too_long, FIXED),
            (&binary(1, 0x11, &[1, 2, 3]), FIXED + 3),
            (&binary(9, 0x11, &[0; 12]), FIXED + 12),
        ];
        for (octets, most) in bad {
            let (read, left) = read_of(octets).await;
            assert_eq!(read.unwrap_err().kind(), io::ErrorKind::InvalidData, "{octets:?}");
            assert!(octets.len() - left <= most, "{octets:?}");
        }
        for cut in [&b"PROXY TCP4 192."[..], &SIGNATURE[..], b"", &binary(1, 0x11, &[0; 12])[..20]] {
            assert_eq!(read_of(cut).await.0.unwrap_err().kind(), io::ErrorKind::UnexpectedEof, "{cut:?}");
        }
    }
}

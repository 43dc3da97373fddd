//! Opening the socket of a role, or taking over the one that the supervisor opened.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;

use crate::cli::Listen;

/// Connections that wait to be accepted, as far as the kernel allows.
const BACKLOG: i32 = 4096;

/// Opens the role's socket. With `--inherit-listener` it is standard input: the supervisor opens it and
/// keeps it, so that clients that come while the role restarts wait for it and are not refused.
pub fn open(listen: &Listen, port: u16) -> io::Result<TcpListener> {
    if listen.inherit_listener {
        let listener = TcpListener::from(io::stdin().as_fd().try_clone_to_owned()?);
        listener.set_nonblocking(true)?;
        return Ok(listener);
    }
    bind(SocketAddr::new(listen.host, port))
}

pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)
        .and_then(|socket| {
            socket.set_reuse_address(true)?;
            socket.bind(&address.into())?;
            socket.listen(BACKLOG)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
    socket.map(Into::into).map_err(|error| explain(address, &error))
}

fn explain(address: SocketAddr, error: &io::Error) -> io::Error {
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => "; another process has it: stop that, or choose another with --port",
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need special rights: choose another with --port"
        }
        _ => "",
    };
    io::Error::new(error.kind(), format!("cannot listen on {address}: {error}{advice}"))
}

/// How a person reaches a listener from this machine.
pub fn url_of(listener: &TcpListener) -> io::Result<String> {
    let address = listener.local_addr()?;
    let host = if address.ip().is_unspecified() { "127.0.0.1".into() } else { address.ip().to_string() };
    let host = if address.is_ipv6() && !address.ip().is_unspecified() { format!("[{host}]") } else { host };
    Ok(format!("http://{host}:{}", address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_explained() {
        let first = bind(([127, 0, 0, 1], 0).into()).unwrap();
        let error = bind(first.local_addr().unwrap()).unwrap_err();
        assert!(error.to_string().contains("--port"), "{error}");
    }

    #[test]
    fn an_unspecified_address_is_shown_as_loopback() {
        let listener = bind(([0, 0, 0, 0], 0).into()).unwrap();
        assert!(url_of(&listener).unwrap().starts_with("http://127.0.0.1:"));
    }
}

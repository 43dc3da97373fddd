//! The fault proxy as a program: `fault-proxy <port> <database's address>`. It prints where it takes orders
//! and obeys until it is stopped.

use std::io;
use std::net::SocketAddr;

use bulkhead_testkit::control::{announce, serve};
use bulkhead_testkit::fault::FaultProxy;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let usage = || io::Error::other("usage: fault-proxy <port> <address of the database>");
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().and_then(|port| port.parse().ok()).ok_or_else(usage)?;
    let to: SocketAddr = arguments.next().and_then(|to| to.parse().ok()).ok_or_else(usage)?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let control = TcpListener::bind("127.0.0.1:0").await?;
    announce(&format!("fault proxy ready: http://{}", control.local_addr()?))?;
    let proxy = FaultProxy::new(to);
    let obeying = proxy.clone();
    tokio::select! {
        ended = proxy.run(listener) => ended,
        ended = serve(control, move |order| obeying.clone().obey(order)) => ended,
    }
}

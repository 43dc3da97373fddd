//! The scripted provider as a program: prints where it listens and answers until it is stopped.

use std::io::Write as _;

use bulkhead_testkit::scripted::ScriptedUpstream;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".into());
    let upstream = ScriptedUpstream::start_on(TcpListener::bind(address).await?)?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "scripted upstream ready: http://{}", upstream.address)?;
    stdout.flush()?;
    std::future::pending().await
}

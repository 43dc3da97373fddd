//! The load driver as a program: prints where it takes orders and obeys until it is stopped.

use bulkhead_testkit::clock::SystemClock;
use bulkhead_testkit::control::{announce, serve};
use bulkhead_testkit::load::Driver;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    announce(&format!("load driver ready: http://{}", listener.local_addr()?))?;
    let driver = Driver::new(SystemClock::new());
    serve(listener, move |order| driver.clone().obey(order)).await
}

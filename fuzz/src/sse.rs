//! What must hold for any bytes of an SSE stream, however they are cut.

use bulkhead_frames::{SseEvent, SseParser};
use bytes::Bytes;

/// Small, so that the bound is met too.
const EVENT_BYTES_MAX: usize = 512;

/// The first byte is the size of the cuts; the rest is the stream.
pub fn sse(data: &[u8]) {
    let Some((size, stream)) = data.split_first() else { return };
    let size = usize::from(*size).max(1);
    let whole = read([stream]);
    let cut = read(stream.chunks(size));
    assert_eq!(whole, cut, "cutting every {size} bytes");
}

/// Name and data of each event, and whether the stream broke off.
type Read = (Vec<(Option<Bytes>, Bytes)>, bool);

fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Read {
    let mut parser = SseParser::new(EVENT_BYTES_MAX);
    let mut events = Vec::new();
    let keep = |event: SseEvent| (event.name, event.data);
    for chunk in chunks {
        parser.push(Bytes::copy_from_slice(chunk));
        while let Some(event) = parser.next() {
            match event {
                Ok(event) => events.push(keep(event)),
                Err(_) => return (events, true),
            }
        }
    }
    events.extend(parser.finish().map(keep));
    (events, false)
}

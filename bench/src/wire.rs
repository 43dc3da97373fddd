//! The least HTTP/1.1 that a load generator needs: a request made once, and an answer read to its end.

use std::net::SocketAddr;

/// One request's bytes, sent again and again.
pub fn request(to: SocketAddr, path: &str, key: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: {to}\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Length {
    Bytes(usize),
    /// Ends with the empty chunk.
    Chunked,
}

/// An answer while it arrives.
#[derive(Default)]
pub struct Answer {
    head: Vec<u8>,
    length: Option<Length>,
    pub status: u16,
    body_bytes: usize,
    tail: Vec<u8>,
    pub body: Vec<u8>,
}

const HEAD_END: &[u8] = b"\r\n\r\n";
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
/// How much of a body is kept, for error messages and the set-up's few calls.
const KEPT_BODY_BYTES_MAX: usize = 256 << 10;

impl Answer {
    pub fn clear(&mut self) {
        *self = Self {
            head: std::mem::take(&mut self.head),
            body: std::mem::take(&mut self.body),
            ..Self::default()
        };
        self.head.clear();
        self.body.clear();
    }

    /// Whether any byte of the body has arrived.
    pub const fn body_began(&self) -> bool {
        self.body_bytes > 0
    }

    /// Takes more bytes; true when the answer is complete.
    ///
    /// # Errors
    /// When the head makes no sense.
    pub fn push(&mut self, data: &[u8]) -> Result<bool, String> {
        if self.length.is_some() {
            self.take_body(data);
        } else {
            self.head.extend_from_slice(data);
            let Some(end) = self.head.windows(4).position(|window| window == HEAD_END) else {
                return Ok(false);
            };
            self.read_head(end)?;
            let rest = self.head.split_off(end + HEAD_END.len());
            self.take_body(&rest);
        }
        Ok(match self.length {
            Some(Length::Bytes(length)) => self.body_bytes >= length,
            _ => self.tail == LAST_CHUNK,
        })
    }

    fn read_head(&mut self, end: usize) -> Result<(), String> {
        let head = String::from_utf8_lossy(&self.head[..end]).to_ascii_lowercase();
        let bad = || format!("an answer that makes no sense: {head}");
        self.status = head.get(9..12).and_then(|status| status.parse().ok()).ok_or_else(bad)?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        self.length = Some(match length {
            Some(length) => Length::Bytes(length),
            None if head.contains("transfer-encoding: chunked") => Length::Chunked,
            None => return Err(bad()),
        });
        Ok(())
    }

    fn take_body(&mut self, data: &[u8]) {
        self.body_bytes += data.len();
        if self.body.len() + data.len() <= KEPT_BODY_BYTES_MAX {
            self.body.extend_from_slice(data);
        }
        let keep = data.len().min(LAST_CHUNK.len());
        self.tail.extend_from_slice(&data[data.len() - keep..]);
        let surplus = self.tail.len().saturating_sub(LAST_CHUNK.len());
        self.tail.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends_after(pieces: &[&str]) -> Option<usize> {
        let mut answer = Answer::default();
        pieces.iter().position(|piece| answer.push(piece.as_bytes()).unwrap())
    }

    #[test]
    fn an_answer_ends_where_its_length_says() {
        assert_eq!(ends_after(&["HTTP/1.1 200 OK\r\nContent-Le", "ngth: 3\r\n\r\na", "bc"]), Some(2));
        assert_eq!(ends_after(&["HTTP/1.1 204 No\r\ncontent-length: 0\r\n\r\n"]), Some(0));
    }

    #[test]
    fn a_chunked_answer_ends_with_the_empty_chunk_wherever_it_is_cut() {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        assert_eq!(ends_after(&[head, "5\r\nhell0\r\n", "0\r", "\n\r\n"]), Some(3));
        assert_eq!(ends_after(&[head, "1\r\n0\r\n"]), None);
    }
}

//! The body of a request, with what follows it where it is to be too large.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

/// Spaces that are sent at once.
static SPACES: [u8; 16 * 1024] = [b' '; 16 * 1024];

/// A body and so many spaces, of which only a piece is held.
pub(super) struct Padded {
    pub body: Bytes,
    pub padding: usize,
}

impl Body for Padded {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let own = self.get_mut();
        if !own.body.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut own.body)))));
        }
        let piece = own.padding.min(SPACES.len());
        own.padding -= piece;
        let spaces = || Ok(Frame::data(Bytes::from_static(&SPACES[..piece])));
        Poll::Ready((piece > 0).then(spaces))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_empty() && self.padding == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact((self.body.len() + self.padding) as u64)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn the_spaces_come_after_the_body_and_are_counted() {
        let padded = Padded { body: Bytes::from_static(b"{}"), padding: 40_000 };
        assert_eq!(padded.size_hint().exact(), Some(40_002));
        let whole = padded.collect().await.unwrap().to_bytes();
        assert_eq!((whole.len(), &whole[..3]), (40_002, &b"{} "[..]));
        assert!(Padded { body: Bytes::new(), padding: 0 }.is_end_stream());
    }
}

//! Lines over a byte stream: bounded reading, and writing in order.
//!
//! Main types: [`LineReader`] and [`LineWriter`]. They know nothing of JSON; the adapter's log is
//! read with the same reader. A line longer than its bound keeps its beginning and drops the rest,
//! so a peer that never writes a newline costs a fixed amount of memory. One task owns the writing
//! end: a caller that gives up can therefore never leave half a line behind.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::{mpsc, oneshot};

use crate::limits::DRIVER_LINES_QUEUED_MAX;

/// What stood between two newlines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The content without its newline, at most as long as the reader's bound.
    pub bytes: Vec<u8>,
    /// The line was longer; the rest is lost.
    pub cut: bool,
    /// A newline ended it; false only for the last line of a stream.
    pub ended: bool,
}

/// Reads lines of bounded length.
pub struct LineReader<R> {
    input: BufReader<R>,
    bytes_max: usize,
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    pub fn new(input: R, bytes_max: usize) -> Self {
        Self { input: BufReader::new(input), bytes_max }
    }

    /// Reads the next line; `None` at the end of the stream. Not safe to cancel and call again.
    ///
    /// # Errors
    /// The stream's own.
    pub async fn next(&mut self) -> io::Result<Option<Line>> {
        let mut line = Line { bytes: Vec::new(), cut: false, ended: false };
        let mut touched = false;
        while !line.ended {
            let chunk = self.input.fill_buf().await?;
            if chunk.is_empty() {
                return Ok(touched.then_some(line));
            }
            touched = true;
            let used = line.take(chunk, self.bytes_max);
            self.input.consume(used);
        }
        Ok(Some(line))
    }
}

impl Line {
    /// Takes what belongs to this line from a chunk and tells how many bytes that were.
    fn take(&mut self, chunk: &[u8], bytes_max: usize) -> usize {
        let newline = chunk.iter().position(|byte| *byte == b'\n');
        let part = &chunk[..newline.unwrap_or(chunk.len())];
        let kept = part.len().min(bytes_max - self.bytes.len());
        self.bytes.extend_from_slice(&part[..kept]);
        self.cut |= kept < part.len();
        self.ended = newline.is_some();
        part.len() + usize::from(self.ended)
    }
}

/// The peer reads no more, or the writer was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection is closed")]
pub struct Closed;

/// Writes lines in the order in which they were given.
#[derive(Clone, Debug)]
pub struct LineWriter {
    queue: mpsc::Sender<Job>,
}

#[derive(Debug)]
enum Job {
    Line(String),
    Flush(oneshot::Sender<()>),
    Close,
}

impl LineWriter {
    /// Starts the task that owns the stream; it ends when all writers are dropped or one closes.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start<W: AsyncWrite + Unpin + Send + 'static>(output: W) -> Self {
        let (queue, jobs) = mpsc::channel(DRIVER_LINES_QUEUED_MAX);
        tokio::spawn(write_all(output, jobs));
        Self { queue }
    }

    /// Queues one line, which brings its newline; waits while the queue is full.
    ///
    /// # Errors
    /// [`Closed`] when nothing can be written any more.
    pub async fn send(&self, line: String) -> Result<(), Closed> {
        self.queue.send(Job::Line(line)).await.map_err(|_| Closed)
    }

    /// Waits until everything that was queued before is written.
    ///
    /// # Errors
    /// [`Closed`] when that can no longer happen.
    pub async fn flush(&self) -> Result<(), Closed> {
        let (done, written) = oneshot::channel();
        self.queue.send(Job::Flush(done)).await.map_err(|_| Closed)?;
        written.await.map_err(|_| Closed)
    }

    /// Closes the stream behind what was queued; the peer sees its end.
    pub async fn close(&self) {
        // An error means that it is closed already, which is what was asked for.
        let _ = self.queue.send(Job::Close).await;
    }
}

async fn write_all<W: AsyncWrite + Unpin>(mut output: W, mut jobs: mpsc::Receiver<Job>) {
    while let Some(job) = jobs.recv().await {
        let written = match job {
            Job::Line(line) => write_line(&mut output, &line).await,
            Job::Flush(done) => {
                // The caller may have stopped waiting.
                let _ = done.send(());
                Ok(())
            }
            Job::Close => break,
        };
        if written.is_err() {
            break;
        }
    }
    // The stream is dropped next; a peer that is gone needs no goodbye.
    let _ = output.shutdown().await;
}

async fn write_line<W: AsyncWrite + Unpin>(output: &mut W, line: &str) -> io::Result<()> {
    output.write_all(line.as_bytes()).await?;
    output.flush().await
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::AsyncReadExt;

    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    fn read(input: &[u8], bytes_max: usize) -> Vec<Line> {
        block_on(async {
            let mut reader = LineReader::new(input, bytes_max);
            let mut lines = Vec::new();
            while let Some(line) = reader.next().await.unwrap() {
                lines.push(line);
            }
            lines
        })
    }

    fn line(bytes: &[u8]) -> Line {
        Line { bytes: bytes.to_vec(), cut: false, ended: true }
    }

    #[test]
    fn a_long_line_is_cut_and_the_next_one_is_whole() {
        let lines = read(b"abc\nabcdef\n\nab", 4);
        let cut = Line { cut: true, ..line(b"abcd") };
        let rest = Line { ended: false, ..line(b"ab") };
        assert_eq!(lines, [line(b"abc"), cut, line(b""), rest]);
        assert_eq!(read(b"", 4), []);
    }

    #[test]
    fn a_line_of_exactly_the_bound_is_not_cut() {
        assert_eq!(read(b"abcd\n", 4), [line(b"abcd")]);
    }

    #[test]
    fn lines_arrive_in_order_and_the_end_follows_them() {
        block_on(async {
            let (near, mut far) = tokio::io::duplex(3);
            let writer = LineWriter::start(near);
            let reading = tokio::spawn(async move {
                let mut text = String::new();
                far.read_to_string(&mut text).await.map(|_| text)
            });
            for n in 0..100 {
                writer.send(format!("{n}\n")).await.unwrap();
            }
            writer.flush().await.unwrap();
            writer.close().await;
            let expected: String = (0..100).map(|n| format!("{n}\n")).collect();
            assert_eq!(reading.await.unwrap().unwrap(), expected);
            assert_eq!(writer.flush().await, Err(Closed));
        });
    }

    proptest! {
        #[test]
        fn no_line_is_lost_or_longer_than_its_bound(
            input in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'a')], 0..200),
            bytes_max in 1_usize..8,
        ) {
            let lines = read(&input, bytes_max);
            let newlines = input.split(|byte| *byte == b'\n');
            let expected: Vec<&[u8]> = newlines.map(|l| &l[..l.len().min(bytes_max)]).collect();
            let mut kept: Vec<&[u8]> = lines.iter().map(|line| &*line.bytes).collect();
            if input.last() == Some(&b'\n') || input.is_empty() {
                kept.push(b"");
            }
            prop_assert_eq!(kept, expected);
        }
    }
}

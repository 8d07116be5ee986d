//! Text on its way out, written by a thread of its own.
//!
//! Main type: [`Screen`]. A terminal that is stopped, or a pipe that nobody reads, must not stop
//! the counterpart: what does not fit into the queue is counted and not shown.

use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use super::paint::{Line, Paper};
use crate::limits::{SCREEN_BLOCKS_MAX, SCREEN_WAIT_MS_MAX};

/// Where the log is shown.
pub struct Screen {
    paper: Paper,
    blocks: SyncSender<String>,
    done: Receiver<()>,
    /// Blocks that did not fit since the last one that did.
    lost: usize,
}

impl Screen {
    /// Starts the thread that writes.
    pub fn new(paper: Paper, out: impl Write + Send + 'static) -> Self {
        let (blocks, queue) = sync_channel(SCREEN_BLOCKS_MAX);
        let (ended, done) = sync_channel(1);
        std::thread::spawn(move || {
            write(out, queue);
            let _ = ended.send(());
        });
        Self { paper, blocks, done, lost: 0 }
    }

    /// Shows a block of lines.
    pub fn show(&mut self, lines: &[Line]) {
        self.show_raw(self.paper.write(lines));
    }

    /// Shows a text as it is.
    pub fn show_raw(&mut self, mut text: String) {
        if self.lost > 0 {
            let lost = self.lost;
            text.insert_str(
                0,
                &format!("… {lost} blocks are not shown: this is read too slowly\n"),
            );
        }
        match self.blocks.try_send(text) {
            Ok(()) => self.lost = 0,
            Err(TrySendError::Full(_)) => self.lost += 1,
            // Whoever read this has left; the counterpart goes on.
            Err(TrySendError::Disconnected(_)) => {}
        }
    }

    /// Waits a moment until everything is written.
    pub fn finish(self) {
        drop(self.blocks);
        let _ = self.done.recv_timeout(Duration::from_millis(SCREEN_WAIT_MS_MAX));
    }
}

fn write(mut out: impl Write, queue: Receiver<String>) {
    while let Ok(block) = queue.recv() {
        if out.write_all(block.as_bytes()).and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Sender, channel};

    /// A reader that takes nothing until it is told to.
    struct Slow {
        go: Receiver<()>,
        out: Sender<String>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _ = self.go.recv();
            self.out.send(String::from_utf8_lossy(bytes).into_owned()).unwrap();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_stops_costs_blocks_and_nothing_else() {
        let ((go, stopped), (out, seen)) = (channel(), channel());
        let paper = Paper { colour: false, width: 80 };
        let mut screen = Screen::new(paper, Slow { go: stopped, out });
        let line = |n: usize| [Line::new(0, 0).text(n.to_string())];
        let total = SCREEN_BLOCKS_MAX + 50;
        (0..total).for_each(|n| screen.show(&line(n)));
        drop(go);
        let kept = SCREEN_BLOCKS_MAX + usize::from(screen.lost < 50);
        for n in 0..kept {
            assert_eq!(seen.recv().unwrap(), format!("{n}\n"));
        }
        let lost = total - kept;
        screen.show(&line(9999));
        screen.finish();
        let last = seen.recv().unwrap();
        assert!(last.starts_with(&format!("… {lost} blocks are not shown")), "{last}");
        assert!(last.ends_with("9999\n"));
    }
}

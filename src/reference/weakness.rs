//! The reference's faults as a process: what a stanza that nobody knows does to it, with a quirk.
//!
//! A role can only be wrong in what it says. These faults concern what only a process can do: end,
//! hang, grow, or print what a runtime prints when it gives up (`interfaces.md` §13, area ROB).

use std::fs::File;

use crate::role::quirk::Fault;

/// What a faulty process holds on to.
#[derive(Default)]
pub(super) struct Weakness {
    ballast: Vec<Vec<u8>>,
    files: Vec<File>,
}

/// More than the bound on memory, in three portions.
const PORTION_BYTES: usize = 128 << 20;
/// More than the bound on descriptors, in three portions.
const PORTION_FILES: usize = 64;
/// EX_SOFTWARE of `sysexits.h`.
const EXIT_SOFTWARE: i32 = 70;

/// Ends the process, as a fault of its own would.
pub(super) fn die() -> ! {
    std::process::exit(EXIT_SOFTWARE)
}

impl Weakness {
    /// Takes harm from a stanza that no client knows, in the one way of this fault.
    pub async fn suffer(&mut self, fault: Option<Fault>) {
        match fault {
            Some(Fault::DiesOnUnknownStanza) => die(),
            Some(Fault::HangsOnUnknownStanza) => std::future::pending().await,
            Some(Fault::MemoryGrows) => self.ballast.push(vec![1; PORTION_BYTES]),
            Some(Fault::DescriptorsGrow) => {
                self.files.extend((0..PORTION_FILES).filter_map(|_| File::open("/dev/null").ok()));
            }
            Some(Fault::PanicText) => {
                eprintln!("thread 'client' panicked at client.rs:57:18:\nno such stanza");
            }
            _ => {}
        }
    }

    /// Takes on something for a text that a user is shown, in the one way of this fault.
    pub fn burden(&mut self, fault: Option<Fault>) {
        match fault {
            Some(Fault::MemoryGrowsWithTexts) => self.ballast.push(vec![1; PORTION_BYTES]),
            Some(Fault::DescriptorsGrowWithTexts) => {
                self.files.extend((0..PORTION_FILES).filter_map(|_| File::open("/dev/null").ok()));
            }
            _ => {}
        }
    }

    /// Takes harm from a message's content, in the one way of this fault.
    pub fn collapse(&self, fault: Option<Fault>) {
        match fault {
            Some(Fault::DeepContentOverflows) => {
                eprintln!("thread 'client' has overflowed its stack");
                std::process::abort();
            }
            Some(Fault::PaddingPanics) => {
                eprintln!("thread 'client' panicked at client.rs:91:22:\nrange end out of bounds");
                std::process::exit(EXIT_SOFTWARE);
            }
            _ => {}
        }
    }
}

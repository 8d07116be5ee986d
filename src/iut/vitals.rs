//! What the operating system tells of a process and its children: memory and descriptors (ROB-003).
//!
//! Main type: [`Usage`]. It is read from `/proc`, so elsewhere than on Linux there is none. It says
//! numbers; the bounds are the profile's.

use std::path::Path;

/// What a process and all its children hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Resident memory, in KiB.
    pub memory_kib: u64,
    /// The most that it ever was, in KiB.
    pub peak_kib: u64,
    pub descriptors: u64,
}

impl Usage {
    /// The most memory in KiB that was taken since an earlier look: the peak, where there was one.
    pub fn at_most_since(self, before: Self) -> u64 {
        let most = if self.peak_kib > before.peak_kib { self.peak_kib } else { self.memory_kib };
        most.saturating_sub(before.memory_kib)
    }
}

/// Processes below one that are looked at: an adapter has a few, a fork bomb has any number.
const PROCESSES_MAX: usize = 256;

/// Reads what a process and its children hold; `None` where the system does not tell.
pub fn usage(process: u32) -> Option<Usage> {
    let mut total = of_one(process)?;
    for child in below(process) {
        // A child that ended meanwhile holds nothing any more.
        if let Some(usage) = of_one(child) {
            total.memory_kib += usage.memory_kib;
            total.peak_kib += usage.peak_kib;
            total.descriptors += usage.descriptors;
        }
    }
    Some(total)
}

fn of_one(process: u32) -> Option<Usage> {
    let folder = Path::new("/proc").join(process.to_string());
    let status = std::fs::read_to_string(folder.join("status")).ok()?;
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    };
    Some(Usage {
        memory_kib: kib("VmRSS:")?,
        peak_kib: kib("VmHWM:")?,
        descriptors: std::fs::read_dir(folder.join("fd")).ok()?.count() as u64,
    })
}

fn below(process: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let mut next = vec![process];
    while let Some(parent) = next.pop() {
        let path = format!("/proc/{parent}/task/{parent}/children");
        let children = std::fs::read_to_string(path).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|word| word.parse::<u32>().ok());
        for child in children {
            if found.len() == PROCESSES_MAX {
                return found;
            }
            found.push(child);
            next.push(child);
        }
    }
    found
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn memory_and_descriptors_that_are_taken_show() {
        let before = usage(std::process::id()).unwrap();
        let ballast = vec![1_u8; 64 << 20];
        let files: Vec<_> = (0..50).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
        let after = usage(std::process::id()).unwrap();
        assert!(after.memory_kib > before.memory_kib + 32 * 1024, "{before:?} {after:?}");
        assert!(after.descriptors >= before.descriptors + 25, "{before:?} {after:?}");
        assert!(after.peak_kib >= after.memory_kib);
        drop((ballast, files));
    }

    #[test]
    fn nobody_holds_nothing() {
        assert_eq!(usage(u32::MAX), None);
    }
}

//! What a server process used: processor time and memory, from the proc file system.

use std::fs;
use std::io;

/// Reads figures of one process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process {
    id: u32,
}

impl Process {
    /// The process of this id.
    pub(crate) fn new(id: u32) -> Self {
        Self { id }
    }

    /// Processor time used so far, user and system, in seconds.
    pub(crate) fn cpu_seconds(self) -> io::Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id))?;
        // The second field is the command in parentheses and may hold blanks; fields 14 and 15 are the times.
        let after = stat.rsplit_once(") ").map(|(_, rest)| rest).unwrap_or_default();
        let mut fields = after.split(' ').skip(11);
        let mut ticks = || {
            fields
                .next()
                .and_then(|text| text.parse::<f64>().ok())
                .unwrap_or_default()
        };
        Ok((ticks() + ticks()) / rustix::param::clock_ticks_per_second() as f64)
    }

    /// Begins a new measurement of the peak.
    pub(crate) fn reset_peak(self) -> io::Result<()> {
        fs::write(format!("/proc/{}/clear_refs", self.id), "5")
    }

    /// The most memory that was resident since the peak was reset, in bytes.
    pub(crate) fn peak_bytes(self) -> io::Result<u64> {
        self.memory("VmHWM:")
    }

    /// The memory that is resident now, in bytes.
    pub(crate) fn resident_bytes(self) -> io::Result<u64> {
        self.memory("VmRSS:")
    }

    fn memory(self, figure: &str) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(figure))
            .unwrap_or_default();
        let kibibytes = line.trim().trim_end_matches("kB").trim().parse::<u64>();
        Ok(kibibytes.unwrap_or_default() * 1024)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_memory() {
        let process = Process::new(std::process::id());
        assert!(process.peak_bytes().unwrap() > 0);
        assert!(process.cpu_seconds().unwrap() >= 0.0);
    }
}

//! A thread that writes lines.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Lines that wait for being written at most.
const QUEUED_LINES: usize = 16 * 1024;

/// Bytes gathered before one write.
const GATHERED_BYTES: usize = 64 * 1024;

/// Hands lines to a writing thread. Cloning shares the thread.
#[derive(Debug, Clone)]
pub(crate) struct LineWriter {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    sender: Mutex<Option<SyncSender<String>>>,
    lost: Arc<AtomicU64>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl LineWriter {
    /// Starts a thread called `name` that writes to `target`. `lost_line` makes the line that tells how many were
    /// lost because the target was too slow; `None` where it has no place.
    pub(crate) fn start(
        name: &str,
        target: impl Write + Send + 'static,
        lost_line: impl Fn(u64) -> Option<String> + Send + 'static,
    ) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(QUEUED_LINES);
        let lost = Arc::new(AtomicU64::new(0));
        let lost_in_thread = Arc::clone(&lost);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || write_lines(&receiver, target, &lost_in_thread, lost_line))?;
        let shared = Shared {
            sender: Mutex::new(Some(sender)),
            lost,
            thread: Mutex::new(Some(thread)),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Queues a line, which ends with a newline already. It never waits.
    pub(crate) fn write(&self, line: String) {
        let sender = self.shared.sender.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = &*sender
            && sender.try_send(line).is_err()
        {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes what is queued and ends the thread. Later lines are dropped.
    pub(crate) fn close(&self) {
        drop(
            self.shared
                .sender
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let thread = self
            .shared
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // A panic of the writing thread has been reported by the panic hook; there is nobody left to tell.
            drop(thread.join());
        }
    }
}

fn write_lines(
    receiver: &Receiver<String>,
    mut target: impl Write,
    lost: &AtomicU64,
    lost_line: impl Fn(u64) -> Option<String>,
) {
    let mut gathered = String::new();
    while let Ok(line) = receiver.recv() {
        gathered.push_str(&line);
        while gathered.len() < GATHERED_BYTES
            && let Ok(line) = receiver.try_recv()
        {
            gathered.push_str(&line);
        }
        let count = lost.swap(0, Ordering::Relaxed);
        if count > 0
            && let Some(line) = lost_line(count)
        {
            gathered.push_str(&line);
        }
        // A log that cannot be written cannot be reported anywhere either.
        drop(
            target
                .write_all(gathered.as_bytes())
                .and_then(|()| target.flush()),
        );
        gathered.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn closing_writes_everything_in_order() {
        let memory = Memory::default();
        let writer = LineWriter::start("test-log", memory.clone(), |_| None).unwrap();
        for number in 0..100 {
            writer.write(format!("{number}\n"));
        }
        writer.close();
        writer.write("late\n".to_owned());
        let written = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
        let expected: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        assert_eq!(written.lines().collect::<Vec<_>>(), expected);
    }

    /// Takes a line, and the next one only when it is told to.
    struct Slow {
        memory: Memory,
        go_on: Receiver<()>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _ = self.go_on.recv();
            self.memory.write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_slow_target_loses_lines_and_is_told_how_many() {
        let memory = Memory::default();
        let (go_on, told) = sync_channel(0);
        let target = Slow {
            memory: memory.clone(),
            go_on: told,
        };
        let lost_line = |count| Some(format!("lost {count}\n"));
        let writer = LineWriter::start("test-log", target, lost_line).unwrap();
        let line = format!("{}\n", "x".repeat(1023));
        // The thread may have gathered so many lines already, and the queue takes so many more.
        let count = GATHERED_BYTES / line.len() + QUEUED_LINES + 11;
        for _ in 0..count {
            writer.write(line.clone());
        }
        drop(go_on);
        writer.close();
        let written = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
        let lost: usize = written
            .lines()
            .find_map(|line| line.strip_prefix("lost "))
            .unwrap()
            .parse()
            .unwrap();
        let kept = written.lines().filter(|line| line.starts_with('x')).count();
        assert_eq!(kept + lost, count);
    }
}

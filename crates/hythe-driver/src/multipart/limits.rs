/// Parts double this often, over their numbers, while memory allows.
const DOUBLINGS: u32 = 12;

/// What a backend demands of parts, and what its operator wants them to be. Sizes are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartLimits {
    /// The fewest bytes of a part that is not the last (S3: 5 MiB); 1 where there is no minimum.
    pub minimum_bytes: u64,
    /// The size of the first parts (`chunksize`). As much is gathered in memory by each writer.
    pub preferred_bytes: u64,
    /// The most bytes of one part (S3: 5 GiB, Azure: 4000 MiB).
    pub maximum_bytes: u64,
    /// Parts do not grow beyond this, because they are gathered in memory; a larger preferred size counts.
    pub buffered_bytes: u64,
    /// The most parts of one upload (S3: 10 000, Azure: 50 000). Parts grow with their numbers.
    pub maximum_parts: u32,
    /// Every part but the last is a multiple of this (Google: 256 KiB); else 1.
    pub alignment_bytes: u64,
    /// How many parts of one writer may be on their way; 1 for a backend that takes them strictly in order.
    pub in_flight: usize,
}

impl PartLimits {
    /// Parts grow up to so many bytes unless a driver says otherwise.
    pub const BUFFERED_BYTES: u64 = 64 << 20;

    /// How many bytes the part of a number, counted from 1, should have.
    pub fn planned_bytes(&self, number: u32) -> u64 {
        let step = (self.maximum_parts / DOUBLINGS).max(1);
        let doublings = (number.saturating_sub(1) / step).min(32);
        let first = self.preferred_bytes.max(self.minimum_bytes).max(1);
        let largest = self.buffered_bytes.max(first).min(self.maximum_bytes.max(1));
        self.aligned(first.saturating_mul(1 << doublings).min(largest))
    }

    /// How many bytes are enough to send a part of a number before its planned size is reached. Near the first
    /// parts any that the backend takes, later such that their numbers still suffice.
    pub fn enough_bytes(&self, number: u32) -> u64 {
        if number <= self.maximum_parts / DOUBLINGS {
            self.aligned(self.minimum_bytes.max(1))
        } else {
            self.aligned(self.minimum_bytes.max(self.planned_bytes(number) / 2))
        }
    }

    /// The next number that is sure to be free after a writer that claimed the upload at `number` and of which
    /// nothing more is known.
    pub fn number_after_claim(&self, number: u32) -> u32 {
        // With S3's 10 000 a claim sets 156 aside: 1.5 GiB in parts of 10 MiB. Where numbers have no end, so many that
        // it is not reached.
        number.saturating_add(self.maximum_parts.min(1 << 20) / 64)
    }

    /// The ranges, as long as possible and of about one length, in which an object is copied into parts.
    pub fn copied_ranges(&self, size: u64) -> impl Iterator<Item = std::ops::Range<u64>> + use<> {
        let count = size.div_ceil(self.maximum_bytes.max(1)).max(1);
        let length = size.div_ceil(count).max(1);
        (0..count)
            .map(move |index| index * length..((index + 1) * length).min(size))
            .filter(|range| !range.is_empty())
    }

    /// The largest multiple of the alignment up to `size`, but one alignment at least.
    pub fn aligned(&self, size: u64) -> u64 {
        let alignment = self.alignment_bytes.max(1);
        (size / alignment).max(1) * alignment
    }

    /// Whether parts are taken strictly in order.
    pub fn is_serial(&self) -> bool {
        self.in_flight <= 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;
    const TIB: u64 = 1 << 40;

    fn s3(preferred_bytes: u64) -> PartLimits {
        PartLimits {
            minimum_bytes: 5 * MIB,
            preferred_bytes,
            maximum_bytes: 5 * GIB,
            buffered_bytes: PartLimits::BUFFERED_BYTES,
            maximum_parts: 10_000,
            alignment_bytes: 1,
            in_flight: 4,
        }
    }

    fn azure() -> PartLimits {
        PartLimits {
            minimum_bytes: 1,
            preferred_bytes: 8 * MIB,
            maximum_bytes: 4000 * MIB,
            maximum_parts: 50_000,
            ..s3(0)
        }
    }

    fn gcs(preferred_bytes: u64) -> PartLimits {
        PartLimits {
            minimum_bytes: 256 * KIB,
            preferred_bytes,
            maximum_bytes: 5 * TIB,
            buffered_bytes: PartLimits::BUFFERED_BYTES,
            maximum_parts: u32::MAX,
            alignment_bytes: 256 * KIB,
            in_flight: 1,
        }
    }

    /// Bytes that fit into the numbers from `number` on, every part as small as `size_of` makes it.
    fn round(limits: &PartLimits, number: u32, size_of: impl Fn(&PartLimits, u32) -> u64) -> u64 {
        (number..=limits.maximum_parts)
            .map(|number| size_of(limits, number))
            .sum()
    }

    /// The largest object reached by folding whenever the numbers run out.
    fn reach(
        limits: &PartLimits,
        wanted: u64,
        size_of: impl Fn(&PartLimits, u32) -> u64 + Copy,
    ) -> (u64, u32) {
        let (mut size, mut folds) = (round(limits, 1, size_of), 0);
        while size < wanted {
            let copied = limits.copied_ranges(size).count() as u32;
            let added = round(limits, copied + 1, size_of);
            if added == 0 {
                break;
            }
            (size, folds) = (size + added, folds + 1);
        }
        (size, folds)
    }

    #[test]
    fn the_largest_objects_fit() {
        for (limits, wanted, most_folds) in [
            (s3(5 * MIB), 5 * TIB, 10),
            (s3(10 * MIB), 5 * TIB, 10),
            (s3(5 * GIB), 5 * TIB, 0),
            // 50 000 blocks of 4000 MiB are 190.73 TiB.
            (azure(), 190 * TIB, 1000),
        ] {
            let (size, folds) = reach(&limits, wanted, PartLimits::planned_bytes);
            assert!(
                size >= wanted && folds <= most_folds,
                "{limits:?}: {size} after {folds}"
            );
        }
        for preferred in [256 * KIB, 16 * MIB] {
            let parts = 5 * TIB / gcs(preferred).planned_bytes(u32::MAX);
            assert!(parts < u64::from(u32::MAX));
        }
    }

    #[test]
    fn sizes_never_leave_the_limits() {
        for preferred in [0, 1, 300 * KIB, 5 * MIB, 10 * MIB, 100 * MIB, 5 * GIB, u64::MAX] {
            for limits in [
                s3(preferred),
                gcs(preferred),
                PartLimits {
                    preferred_bytes: preferred,
                    ..azure()
                },
            ] {
                for number in (1..=limits.maximum_parts.min(50_000)).step_by(7) {
                    let (planned, enough) = (limits.planned_bytes(number), limits.enough_bytes(number));
                    assert!(planned >= limits.minimum_bytes && planned <= limits.maximum_bytes);
                    assert!(planned <= preferred.max(PartLimits::BUFFERED_BYTES));
                    assert!(enough >= limits.minimum_bytes && enough <= planned, "{number}");
                    assert_eq!(planned % limits.alignment_bytes, 0);
                    assert_eq!(enough % limits.alignment_bytes, 0);
                    assert!(planned >= limits.planned_bytes(number.saturating_sub(1).max(1)));
                }
            }
        }
    }

    #[test]
    fn copies_are_exact_and_large_enough() {
        for size in [5 * MIB, 5 * GIB, 5 * GIB + 1, 10 * GIB + 1, 5 * TIB, 5 * TIB - 1] {
            let limits = s3(0);
            let ranges: Vec<_> = limits.copied_ranges(size).collect();
            assert_eq!((ranges[0].start, ranges.last().unwrap().end), (0, size));
            assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
            for range in ranges {
                let length = range.end - range.start;
                assert!(length >= limits.minimum_bytes && length <= limits.maximum_bytes);
            }
        }
    }
}

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::SystemTime;

/// A number that nobody else has, by the random keys that the standard library gives to each hash map.
///
/// It keeps names apart; it is no secret.
pub(super) fn fresh() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    hasher.write_u128(since_epoch.unwrap_or_default().as_nanos());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn none_is_like_another() {
        let nonces: HashSet<u64> = (0..1000).map(|_| super::fresh()).collect();
        assert_eq!(nonces.len(), 1000);
    }
}

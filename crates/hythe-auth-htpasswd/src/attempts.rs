use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quick_cache::sync::Cache;
use tokio::time::Instant;

/// So many logins of one address may fail in a row before it has to wait.
const BURST: f64 = 20.0;

/// After that, one more attempt each so many seconds.
const SECONDS_PER_ATTEMPT: f64 = 3.0;

/// So many addresses are watched; an entry takes some 100 bytes.
const CAPACITY: usize = 16_384;

/// How often logins failed, by address.
#[derive(Debug)]
pub(crate) struct Attempts {
    of_address: Cache<IpAddr, Arc<Mutex<Account>>>,
}

#[derive(Debug)]
struct Account {
    /// How many attempts are left, when it was last changed.
    left: f64,
    changed: Instant,
}

impl Account {
    fn refill(&mut self) {
        let now = Instant::now();
        let earned = now.duration_since(self.changed).as_secs_f64() / SECONDS_PER_ATTEMPT;
        self.left = (self.left + earned).min(BURST);
        self.changed = now;
    }
}

impl Attempts {
    pub(crate) fn new() -> Self {
        Self {
            of_address: Cache::new(CAPACITY),
        }
    }

    /// Takes an attempt of an address; an error says how long it has to wait for the next one.
    pub(crate) fn take(&self, address: IpAddr) -> Result<(), Duration> {
        let account = self.account(address);
        let mut account = account.lock().unwrap_or_else(PoisonError::into_inner);
        account.refill();
        if account.left < 1.0 {
            return Err(Duration::from_secs_f64(
                (1.0 - account.left) * SECONDS_PER_ATTEMPT,
            ));
        }
        account.left -= 1.0;
        Ok(())
    }

    /// Gives an attempt back: it did not fail.
    pub(crate) fn give_back(&self, address: IpAddr) {
        let account = self.account(address);
        let mut account = account.lock().unwrap_or_else(PoisonError::into_inner);
        account.left = (account.left + 1.0).min(BURST);
    }

    fn account(&self, address: IpAddr) -> Arc<Mutex<Account>> {
        let new = || {
            Arc::new(Mutex::new(Account {
                left: BURST,
                changed: Instant::now(),
            }))
        };
        let account = self
            .of_address
            .get_or_insert_with(&network(address), || Ok::<_, std::convert::Infallible>(new()));
        account.unwrap_or_else(|never| match never {})
    }
}

/// Whoever has an IPv6 address usually has all of its /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_whose_logins_fail_has_to_wait() {
        let attempts = Attempts::new();
        for _ in 0..20 {
            assert_eq!(attempts.take(address("192.0.2.1")), Ok(()));
        }
        let wait = attempts.take(address("192.0.2.1")).unwrap_err();
        assert_eq!(wait, Duration::from_secs(3));
        assert_eq!(attempts.take(address("192.0.2.2")), Ok(()));
        tokio::time::advance(wait).await;
        assert_eq!(attempts.take(address("::ffff:192.0.2.1")), Ok(()));
        assert!(attempts.take(address("192.0.2.1")).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn logins_that_succeed_cost_nothing() {
        let attempts = Attempts::new();
        for _ in 0..100 {
            assert_eq!(attempts.take(address("192.0.2.1")), Ok(()));
            attempts.give_back(address("192.0.2.1"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_addresses_of_one_network_count_as_one() {
        let attempts = Attempts::new();
        for number in 0..20 {
            assert_eq!(attempts.take(address(&format!("2001:db8::{number:x}"))), Ok(()));
        }
        assert!(attempts.take(address("2001:db8::ffff:1")).is_err());
        assert_eq!(attempts.take(address("2001:db8:0:1::")), Ok(()));
    }
}

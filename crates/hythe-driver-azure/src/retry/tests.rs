use std::sync::Mutex;

use azure_core::http::headers::HeaderName;
use azure_core::http::{AsyncRawResponse, Method, Url};

use super::*;

/// Answers one try after another with these statuses, or with no answer at all (0).
#[derive(Debug)]
struct Script {
    statuses: Mutex<Vec<u16>>,
    retry_after: Option<&'static str>,
}

#[async_trait]
#[allow(
    elided_lifetimes_in_paths,
    reason = "written as in the trait, or the lifetimes do not match"
)]
impl Policy for Script {
    async fn send(&self, _: &Context, _: &mut Request, _: &[Arc<dyn Policy>]) -> PolicyResult {
        let status = self.statuses.lock().unwrap().remove(0);
        if status == 0 {
            return Err(Error::with_message(ErrorKind::Io, "lost"));
        }
        let mut headers = Headers::new();
        if let Some(value) = self.retry_after {
            headers.insert("retry-after", value);
        }
        Ok(AsyncRawResponse::from_bytes(status.into(), headers, "body"))
    }
}

/// The last status, how many tries it took, and for how long.
async fn run(statuses: &[u16], retry_after: Option<&'static str>) -> (Option<u16>, usize, Duration) {
    let script = Arc::new(Script {
        statuses: Mutex::new(statuses.to_vec()),
        retry_after,
    });
    let policies: [Arc<dyn Policy>; 1] = [script.clone()];
    let retry = Retry::new(3, Duration::from_millis(100), 1);
    let attempts = Attempts::default();
    let context = Context::new().with_value(attempts.clone());
    let mut request = Request::new(Url::parse("http://x/").unwrap(), Method::Get);
    let start = tokio::time::Instant::now();
    let answered = retry.send(&context, &mut request, &policies).await;
    let tries = statuses.len() - script.statuses.lock().unwrap().len();
    assert_eq!(attempts.were_several(), tries > 1);
    (
        answered.ok().map(|answer| answer.status().into()),
        tries,
        start.elapsed(),
    )
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_again() {
    for status in [0, 408, 429, 500, 502, 503, 504] {
        let (last, tries, _) = run(&[status, status, 200], None).await;
        assert_eq!((last, tries), (Some(200), 3), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_final_is_not_tried_again() {
    for status in [200, 201, 304, 400, 403, 404, 409, 412, 416, 501] {
        let (last, tries, waited) = run(&[status, 200], None).await;
        assert_eq!((last, tries, waited), (Some(status), 1, Duration::ZERO));
    }
}

#[tokio::test(start_paused = true)]
async fn tries_and_delays_are_bounded() {
    let (last, tries, waited) = run(&[503; 9], None).await;
    assert_eq!((last, tries), (Some(503), 4));
    // 100, 200 and 400 ms, each between its half and its whole.
    assert!(
        waited >= Duration::from_millis(350) && waited <= Duration::from_millis(710),
        "{waited:?}"
    );
    let (last, tries, _) = run(&[0; 9], None).await;
    assert_eq!((last, tries), (None, 4));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_names_a_delay_is_given_it() {
    let (_, tries, waited) = run(&[503, 200], Some("7")).await;
    assert_eq!(tries, 2);
    assert!(
        waited >= Duration::from_secs(7) && waited < Duration::from_secs(8),
        "{waited:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_long_delay_is_left_to_the_caller() {
    let (last, tries, waited) = run(&[503, 200], Some("3600")).await;
    assert_eq!((last, tries, waited), (Some(503), 1, Duration::ZERO));
}

#[test]
fn delays_are_read_in_seconds_and_milliseconds() {
    let check = |name: &'static str, value: &'static str, expected: Option<u64>| {
        let mut headers = Headers::new();
        headers.insert(HeaderName::from_static(name), value);
        assert_eq!(
            retry_after(&headers),
            expected.map(Duration::from_millis),
            "{name}: {value}"
        );
    };
    check("retry-after", "2", Some(2000));
    check("x-ms-retry-after-ms", "20", Some(20));
    check("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT", None);
    check("retry-after", "-1", None);
}

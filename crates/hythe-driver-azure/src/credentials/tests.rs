use std::sync::atomic::{AtomicU32, Ordering};

use azure_core::time::{Duration, OffsetDateTime};

use super::*;

#[derive(Debug, Default)]
struct Source {
    works: bool,
    asked: AtomicU32,
}

#[async_trait]
impl TokenCredential for Source {
    async fn get_token(
        &self,
        _scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.works {
            let expires = OffsetDateTime::now_utc() + Duration::hours(1);
            Ok(AccessToken::new("token", expires))
        } else {
            Err(azure_core::Error::with_message(ErrorKind::Credential, "not here"))
        }
    }
}

fn chain(works: &[bool]) -> (Chain, Vec<Arc<Source>>) {
    let sources: Vec<Arc<Source>> = works
        .iter()
        .map(|&works| {
            Arc::new(Source {
                works,
                ..Source::default()
            })
        })
        .collect();
    let named = sources
        .iter()
        .map(|source| ("source", source.clone() as Arc<dyn TokenCredential>));
    let chain = Chain {
        sources: named.collect(),
        chosen: OnceCell::new(),
    };
    (chain, sources)
}

#[tokio::test]
async fn the_first_source_that_has_a_token_is_kept() {
    let (chain, sources) = chain(&[false, true, true]);
    for _ in 0..3 {
        chain.get_token(&["scope"], None).await.unwrap();
    }
    let asked: Vec<u32> = sources
        .iter()
        .map(|source| source.asked.load(Ordering::Relaxed))
        .collect();
    assert_eq!(asked[0], 1);
    assert!(asked[1] >= 3);
    assert_eq!(asked[2], 0);
}

#[tokio::test]
async fn no_source_is_an_error_that_tells_what_was_tried() {
    let (chain, _) = chain(&[false, false]);
    let error = chain.get_token(&["scope"], None).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no credentials were found; source: not here; source: not here"
    );
}

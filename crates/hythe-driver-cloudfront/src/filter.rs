use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use crate::error::CloudFrontError;
use crate::ranges::AddressRanges;
use crate::source;

/// Who is inside Amazon's network, as far as that is known.
#[derive(Debug)]
pub(crate) struct Filter {
    location: String,
    /// Empty: all of them.
    regions: Vec<String>,
    ranges: RwLock<Arc<AddressRanges>>,
}

impl Filter {
    /// A filter that knows of nobody until it is updated.
    pub(crate) fn new(location: String, regions: Vec<String>) -> Self {
        Self {
            location,
            regions,
            ranges: RwLock::default(),
        }
    }

    pub(crate) fn is_inside(&self, client: Option<IpAddr>) -> bool {
        client.is_some_and(|address| self.ranges().contains(address))
    }

    /// Reads the list again. When that fails, what was known before stays.
    pub(crate) async fn update(&self) -> Result<(), CloudFrontError> {
        let list = source::read(&self.location).await?;
        let ranges = AddressRanges::parse(&list, &self.regions).map_err(|error| CloudFrontError::Ranges {
            url: self.location.clone(),
            source: error.into(),
        })?;
        if ranges.is_empty() {
            let regions = self.regions.join(", ");
            tracing::warn!(
                location = self.location,
                regions,
                "cloudfront: the list names no such network"
            );
        }
        *self.ranges.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ranges);
        Ok(())
    }

    fn ranges(&self) -> Arc<AddressRanges> {
        self.ranges.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

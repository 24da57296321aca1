//! Small changes to requests that the SDK has no setting for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_s3::config::interceptors::{
    BeforeTransmitInterceptorContextMut, BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use http::Uri;
use http::uri::{Authority, Parts, Scheme};

/// Sends requests elsewhere than the SDK would, before they are signed.
#[derive(Debug, Clone)]
pub(crate) struct Elsewhere {
    pub(crate) scheme: Scheme,
    /// `None` leaves the host.
    pub(crate) authority: Option<Authority>,
}

impl Elsewhere {
    fn apply(&self, address: &str) -> Result<String, BoxError> {
        let mut parts: Parts = address.parse::<Uri>()?.into_parts();
        parts.scheme = Some(self.scheme.clone());
        if let Some(authority) = &self.authority {
            parts.authority = Some(authority.clone());
        }
        Ok(Uri::from_parts(parts)?.to_string())
    }
}

impl Intercept for Elsewhere {
    fn name(&self) -> &'static str {
        "Elsewhere"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let address = self.apply(request.uri())?;
        request.set_uri(address)?;
        Ok(())
    }
}

/// Adds to the name under which the SDK introduces itself. (It is no part of the signature.)
#[derive(Debug)]
pub(crate) struct Introduce(pub(crate) String);

impl Intercept for Introduce {
    fn name(&self) -> &'static str {
        "Introduce"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.request_mut().headers_mut();
        let own = headers.get("user-agent").unwrap_or_default();
        let name = format!("{own} {}", self.0).trim().to_owned();
        headers.try_insert("user-agent", name)?;
        Ok(())
    }
}

/// Counts the attempts of one request.
#[derive(Debug, Default, Clone)]
pub(crate) struct Attempts(Arc<AtomicU32>);

impl Attempts {
    /// Whether an attempt before the last may have had its effect without our learning of it.
    pub(crate) fn are_several(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 1
    }
}

impl Intercept for Attempts {
    fn name(&self) -> &'static str {
        "Attempts"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Logs one line for every attempt of a request: no headers and no query, which may hold credentials.
#[derive(Debug)]
pub(crate) struct LogRequests;

impl Intercept for LogRequests {
    fn name(&self) -> &'static str {
        "LogRequests"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request();
        let method = request.map_or("", |request| request.method());
        let address = request.map_or("", |request| request.uri());
        let address = address.split('?').next().unwrap_or_default();
        let status = context.response().map(|response| response.status().as_u16());
        tracing::info!(method, address, status, "storage request");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_and_host_are_replaced_and_nothing_else() {
        let elsewhere = Elsewhere {
            scheme: Scheme::HTTP,
            authority: None,
        };
        assert_eq!(
            elsewhere.apply("https://b.s3.amazonaws.com/a%20b?x=%2F").unwrap(),
            "http://b.s3.amazonaws.com/a%20b?x=%2F"
        );
        let elsewhere = Elsewhere {
            scheme: Scheme::HTTPS,
            authority: Some(Authority::from_static("cdn.example:8443")),
        };
        assert_eq!(
            elsewhere.apply("http://127.0.0.1:9000/b/a?x=1").unwrap(),
            "https://cdn.example:8443/b/a?x=1"
        );
    }
}

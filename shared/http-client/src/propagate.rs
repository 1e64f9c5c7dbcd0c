//! Propagation of correlation and trace, the innermost middleware.

use http::{Extensions, HeaderValue};
use kernel::context::{CORRELATION_HEADER, Context, TRACEPARENT_HEADER};
use reqwest::{Request, Response};
use reqwest_middleware::{Middleware, Next, Result};

/// Writes the headers of the extensions' [`Context`], if there is one.
#[derive(Debug)]
pub(super) struct Propagate;

#[async_trait::async_trait]
impl Middleware for Propagate {
    async fn handle(&self, mut request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response> {
        if let Some(context) = extensions.get::<Context>() {
            let headers = request.headers_mut();
            if let Ok(id) = HeaderValue::from_str(&context.correlation_id) {
                headers.insert(CORRELATION_HEADER, id);
            }
            if let Some(Ok(trace)) = context.traceparent.as_deref().map(HeaderValue::from_str) {
                headers.insert(TRACEPARENT_HEADER, trace);
            }
        }
        next.run(request, extensions).await
    }
}

//! The hosts of a case that are neither Meta's nor the third party's, as its scenario scripts them.
//!
//! Main type: [`Stubs`]. They are served for as long as the case lasts, each case by itself.

use crate::http::HttpResponse;
use crate::net::doubles::{Double, Doubles, Hit};
use crate::scenario::Stub;

/// The doubles of a case, if its scenario has any.
#[derive(Default)]
pub struct Stubs(Option<Doubles>);

impl Stubs {
    /// Starts their server, where there is a stub.
    ///
    /// # Errors
    /// The operating system gives no port.
    pub async fn start(stubs: &[Stub]) -> std::io::Result<Self> {
        if stubs.is_empty() {
            return Ok(Self(None));
        }
        let doubles: Vec<Double> = stubs.iter().map(double).collect();
        Doubles::start(&doubles).await.map(|doubles| Self(Some(doubles)))
    }

    /// Where a stub is reached.
    pub fn url(&self, stub: &Stub) -> Option<String> {
        self.0.as_ref().map(|doubles| format!("{}{}", doubles.url(), stub.path()))
    }

    /// The next request; never, where there are no stubs.
    pub async fn next(&mut self) -> Hit {
        match &mut self.0 {
            Some(doubles) => doubles.next().await,
            None => std::future::pending().await,
        }
    }
}

fn double(stub: &Stub) -> Double {
    let (when, then) = (&stub.when, &stub.then);
    Double {
        name: stub.name.clone(),
        method: when.method.clone(),
        path: when.path.clone(),
        headers: when.headers.clone(),
        body: when.body.clone(),
        answer: HttpResponse {
            status: then.status,
            headers: then.headers.clone(),
            body: then.body.clone().into_bytes(),
        },
    }
}

//! Meta's media host: it gives a file to whoever names its whole path, or does what it was told to.

use super::outgoing::bare;
use crate::evidence::{Event, Stream};
use crate::http::{Delivery, Ending, HttpRequest, HttpResponse};
use crate::role::meta::Meta;
use crate::role::{Output, RequestId};
use crate::scenario::HostFault;

/// Seconds in the answer of a host that is overloaded.
const RETRY_AFTER_S: u64 = 30;

/// A file that a Meta client sent.
pub(super) struct Hosted {
    /// The path with its query; without that nothing is given.
    path: String,
    file: Vec<u8>,
    fault: Option<HostFault>,
    honeypot: String,
    asked: u64,
}

impl Hosted {
    pub fn new(path: String, file: Vec<u8>, fault: Option<HostFault>, honeypot: String) -> Self {
        Self { path, file, fault, honeypot, asked: 0 }
    }

    /// The answer to the next request.
    fn answer(&mut self, request: &HttpRequest) -> (HttpResponse, Option<Delivery>) {
        self.asked += 1;
        let plain = |status: u16| (HttpResponse::new(status), None);
        if request.path != self.path {
            return plain(403);
        }
        if request.method != "GET" {
            return (HttpResponse::new(405).with_header("allow", "GET"), None);
        }
        match self.fault.filter(|fault| !fault.is_passing() || self.asked == 1) {
            None | Some(HostFault::TooLong) => (self.whole(), None),
            Some(HostFault::CutOff | HostFault::CutOnce) => self.half(Ending::Broken),
            Some(HostFault::Stalled) => self.half(Ending::Stalled),
            Some(HostFault::Dribbled) => {
                let how = Delivery { piece_bytes: 1, ..Delivery::default() };
                (self.whole(), Some(how))
            }
            Some(HostFault::NotFound) => plain(404),
            Some(HostFault::Gone) => plain(410),
            Some(HostFault::Forbidden) => plain(403),
            Some(HostFault::ServerError | HostFault::ServerErrorOnce) => plain(500),
            Some(HostFault::UnavailableOnce) => {
                let wait = RETRY_AFTER_S.to_string();
                (HttpResponse::new(503).with_header("retry-after", wait), None)
            }
            Some(HostFault::Page) => {
                let body = b"<!doctype html><title>Sign in</title>".to_vec();
                let page = HttpResponse { body, ..HttpResponse::new(200) };
                (page.with_header("content-type", "text/html"), None)
            }
            Some(HostFault::Redirect) => {
                (HttpResponse::new(302).with_header("location", self.honeypot.as_str()), None)
            }
        }
    }

    fn whole(&self) -> HttpResponse {
        let mut body = self.file.clone();
        if self.fault == Some(HostFault::TooLong) {
            body.extend_from_within(..);
        }
        let response = HttpResponse { body, ..HttpResponse::new(200) };
        response.with_header("content-type", "application/octet-stream")
    }

    /// The first half, under the length of the whole.
    fn half(&self, end: Ending) -> (HttpResponse, Option<Delivery>) {
        let mut response = self.whole();
        let announced = Some(response.body.len() as u64);
        response.body.truncate(response.body.len() / 2);
        let piece_bytes = response.body.len();
        (response, Some(Delivery { announced, piece_bytes, end, ..Delivery::default() }))
    }
}

/// Longest name of a query that is recorded, and how many are.
const QUERY_NAME_CHARS_MAX: usize = 32;
const QUERY_NAMES_MAX: usize = 8;

/// The names in a query; values may be secrets.
fn names_in_query(path: &str) -> Vec<String> {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let names = query.split('&').filter_map(|pair| pair.split('=').next());
    let short = names.filter(|name| !name.is_empty() && name.len() <= QUERY_NAME_CHARS_MAX);
    short.take(QUERY_NAMES_MAX).map(str::to_owned).collect()
}

impl Meta {
    /// Answers a request for a file that is hosted here; false if there is none of this path.
    pub(in crate::role::meta) fn give_file(
        &mut self,
        id: RequestId,
        request: &HttpRequest,
    ) -> bool {
        let path = bare(&request.path).to_owned();
        let Some(hosted) = self.media.hosted.get_mut(&path) else { return false };
        let (response, how) = hosted.answer(request);
        let (method, status) = (request.method.clone(), response.status);
        let query = names_in_query(&request.path);
        self.record(Stream::http_in(), None, Event::FileAsked { method, path, status, query });
        self.out.push_back(match how {
            None => Output::Respond { id, response },
            Some(how) => Output::Deliver { id, response, how },
        });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/v/t1?oh=2";

    /// Statuses and lengths of two answers in a row.
    fn twice(fault: Option<HostFault>) -> [(u16, usize, bool); 2] {
        let mut hosted =
            Hosted::new(PATH.to_owned(), vec![7; 40], fault, "http://pot/look".to_owned());
        [(), ()].map(|()| {
            let (answer, how) = hosted.answer(&HttpRequest::new("GET", PATH));
            (answer.status, answer.body.len(), how.is_some_and(|how| how.end != Ending::Whole))
        })
    }

    #[test]
    fn a_file_is_given_to_who_names_its_whole_path() {
        assert_eq!(twice(None), [(200, 40, false); 2]);
        let mut hosted = Hosted::new(PATH.to_owned(), vec![7; 40], None, String::new());
        assert_eq!(hosted.answer(&HttpRequest::new("GET", "/v/t1")).0.status, 403);
        assert_eq!(hosted.answer(&HttpRequest::new("POST", PATH)).0.status, 405);
    }

    #[test]
    fn what_is_legal_is_over_at_once_and_the_rest_stays() {
        for (fault, word) in HostFault::ALL {
            let [first, second] = twice(Some(*fault));
            let sound = (200, 40, false);
            assert_eq!(second == sound, fault.is_legal(), "{word}");
            assert_eq!(first == sound, *fault == HostFault::Dribbled, "{word}");
        }
        assert_eq!(twice(Some(HostFault::CutOff)), [(200, 20, true); 2]);
        assert_eq!(twice(Some(HostFault::TooLong)), [(200, 80, false); 2]);
    }

    #[test]
    fn a_redirect_leads_to_the_honeypot_and_an_overload_names_a_time() {
        let answer = |fault| {
            let mut hosted =
                Hosted::new(PATH.to_owned(), vec![7; 40], Some(fault), "http://pot/".to_owned());
            hosted.answer(&HttpRequest::new("GET", PATH)).0
        };
        assert_eq!(answer(HostFault::Redirect).header("location"), Some("http://pot/"));
        assert_eq!(answer(HostFault::UnavailableOnce).header("retry-after"), Some("30"));
    }
}

//! Where the server's own users store files, an interface that is nobody else's affair (MED-014).
//!
//! A user shows who he is; the answer to a file that was taken says where it lies.

use rand::Rng as _;

use super::push::bearer;
use super::{ThirdPartyServer, Upload};
use crate::http::{HttpRequest, HttpResponse};
use crate::role::RequestId;
use crate::role::quirk::Fault;

/// Where files are posted.
pub const UPLOAD_PATH: &str = "/uploads";
/// The field in which a user says who he is.
pub const CREDENTIAL: &str = "authorization";

const CREDENTIAL_BYTES: usize = 16;

impl ThirdPartyServer {
    /// What a user shows in [`CREDENTIAL`] where files are stored.
    pub fn upload_credential(&self, user: &str) -> String {
        let mut bytes = [0; CREDENTIAL_BYTES];
        let purpose = ["third-party", "server", "upload", user];
        self.settings.seed.rng(&purpose).fill_bytes(&mut bytes);
        format!("Bearer {}", hex::encode(bytes))
    }

    pub(super) fn take_file(&mut self, id: RequestId, request: HttpRequest) {
        if request.method != "POST" {
            return self.respond(id, self.not_allowed("POST"));
        }
        let Some(user) = self.uploader(&request) else {
            let refused = HttpResponse::new(401).with_header("www-authenticate", "Bearer");
            return self.respond(id, refused);
        };
        let mimetype = request.header("content-type").unwrap_or_default().to_owned();
        let upload = Upload { user, bytes: request.body, mimetype, name: String::new() };
        let response = match self.store(upload) {
            Ok(reference) => {
                HttpResponse::new(201).with_header("location", format!("/{reference}"))
            }
            Err(_) => HttpResponse::new(413),
        };
        self.respond(id, response);
    }

    /// Who shows a credential, if anybody does.
    fn uploader(&self, request: &HttpRequest) -> Option<String> {
        let shown = bearer(request);
        if self.has(Fault::UploadsOfAnybody)
            || shown.is_some() && self.has(Fault::UploadCredentialUnread)
        {
            return Some(String::new());
        }
        let shown = format!("Bearer {}", shown?);
        self.users.iter().find(|user| self.upload_credential(user) == shown).cloned()
    }
}

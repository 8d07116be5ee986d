//! First messages of another implementation: npm `@signalapp/libsignal-client` 0.72.1, the last
//! that speaks X3DH. The initiator has registration id 4711, the responder 77, one-time prekey 31
//! and signed prekey 9; the plaintexts are "vector 0" and so on, unpadded.

use super::diagnosis::ResponderKeys;
use super::schedule::Key;

pub(super) const IDENTITY: &str =
    "28db069c8bc1423c73cc10a9b0977fd5c9701bbd53a6f02336b375ff6968275e";
pub(super) const SIGNED: &str = "607912bff114d7f9d6587e7186bb17853841c99c53d337245e7ad4655ec7aa51";
pub(super) const ONE_TIME: &str =
    "88bf728fbd76b576359355485e43f5263e7da56d3b17f39eca2886d486bd565b";
pub(super) const SIGNATURE: &str = "20a9ad1bc4eac2bc11214e8f4a737958e104821559e804a927\
    0f87f9e76e2f3719e85075d94793f238c224d5851fc1533721c54cbee0930c1e7d2753bc3d9a80";

/// Messages 0 and 2 of a session with the one-time prekey.
pub(super) const WITH_ONE_TIME: [&str; 2] = [
    "34081f122105eb470e042beda2caa89f5fe1560f97f6431fd88788213e0e22f215cdb767c1731a21055f\
        d5324ac4b2a9d6d7b2119400e03f95ef90c69d6ddbf2dd9055b9c8624772772242340a21058527bcf98a\
        94959dd9e9b8dad398c9c1971631ef70018e27f81f1d1eafea992c1000180022102ccd6b04375556bda8\
        3ac41606e37a64b65562360d6fac0a28e7243009",
    "34081f122105eb470e042beda2caa89f5fe1560f97f6431fd88788213e0e22f215cdb767c1731a21055f\
        d5324ac4b2a9d6d7b2119400e03f95ef90c69d6ddbf2dd9055b9c8624772772242340a21058527bcf98a\
        94959dd9e9b8dad398c9c1971631ef70018e27f81f1d1eafea992c10021800221032f7336f1879475bde\
        767d451160a37eb4e179d47483c03328e7243009",
];

/// Message 0 of a session without a one-time prekey.
pub(super) const WITHOUT_ONE_TIME: &str = "341221056e8019e1d161fa482b311958a0e4120816cfa5a881\
    381251d70cd9077ed75c4a1a210545acabe148957efd302106ded482dff0abb13760c5175e027b2a677f\
    24a65c212242340a2105e748de90ba10ef55dcd929822b289d7ba43b73ae549276e8619b4bc7084bfd7b\
    100018002210b4baecc7f663db9ebce2471cba9a29bff4f0988c9ebba75d28e7243009";

pub(super) fn key(text: &str) -> Key {
    hex::decode(text).unwrap().try_into().unwrap()
}

pub(super) fn responder_keys(one_time: bool) -> ResponderKeys {
    ResponderKeys {
        registration_id: 77,
        identity_private: key(IDENTITY),
        signed_prekey_private: key(SIGNED),
        one_time_private: one_time.then(|| key(ONE_TIME)),
    }
}

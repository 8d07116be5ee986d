//! The prekey service, `xmlns="encrypt"` (`wire.md` §4.4).

use super::{StanzaError, child, exact};
use crate::wire::{AttrValue, Jid, Node};

/// Namespace of the service.
pub const XMLNS: &str = "encrypt";

/// A public key with its 24-bit id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub id: u32,
    pub value: [u8; 32],
}

/// A signed prekey. The signature is 64 bytes, unless somebody made a fault of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedKey {
    pub id: u32,
    pub value: [u8; 32],
    /// `None` where the element itself is missing.
    pub signature: Option<Vec<u8>>,
}

/// What a client uploads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    pub registration_id: u32,
    pub identity: [u8; 32],
    pub one_time: Vec<Key>,
    pub signed: SignedKey,
}

/// What a fetch brings for one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserBundle {
    pub registration_id: u32,
    pub identity: [u8; 32],
    pub one_time: Option<Key>,
    pub signed: SignedKey,
}

impl Upload {
    /// The children of the upload iq.
    pub fn to_nodes(&self) -> Vec<Node> {
        vec![
            registration(self.registration_id),
            Node::new("type").bytes([0x05]),
            Node::new("identity").bytes(self.identity),
            Node::new("list").children(self.one_time.iter().map(|key| key_node("key", key))),
            signed_node(&self.signed),
        ]
    }

    /// Reads the upload iq.
    ///
    /// # Errors
    /// A missing child or a field of another size (PRE-002).
    pub fn from_iq(iq: &Node) -> Result<Self, StanzaError> {
        let keys = child(iq, "list")?.kids().iter().map(key);
        Ok(Self {
            registration_id: read_registration(iq)?,
            identity: exact(child(iq, "identity")?, "32")?,
            one_time: keys.collect::<Result<_, _>>()?,
            signed: signed(child(iq, "skey")?)?,
        })
    }
}

impl UserBundle {
    /// `<user jid>` of a fetch result.
    pub fn to_node(&self, jid: &Jid) -> Node {
        let node = Node::new("user")
            .attr("jid", jid.clone())
            .child(registration(self.registration_id))
            .child(Node::new("type").bytes([0x05]))
            .child(Node::new("identity").bytes(self.identity));
        let node = match &self.one_time {
            Some(key) => node.child(key_node("key", key)),
            None => node,
        };
        node.child(signed_node(&self.signed))
    }

    /// Reads `<user>` of a fetch result; a missing or empty signature is kept as it is.
    ///
    /// # Errors
    /// A missing child or a field of another size.
    pub fn from_node(user: &Node) -> Result<Self, StanzaError> {
        Ok(Self {
            registration_id: read_registration(user)?,
            identity: exact(child(user, "identity")?, "32")?,
            one_time: user.find("key").map(key).transpose()?,
            signed: signed(child(user, "skey")?)?,
        })
    }
}

/// The child of a fetch iq.
pub fn fetch(jids: impl IntoIterator<Item = Jid>) -> Node {
    Node::new("key").children(jids.into_iter().map(|jid| Node::new("user").attr("jid", jid)))
}

/// The users that a fetch iq asks for.
pub fn fetched_users(key: &Node) -> Vec<AttrValue> {
    let users = key.kids().iter().filter(|kid| kid.tag == "user");
    users
        .filter_map(|user| user.attrs.iter().find(|(name, _)| name == "jid"))
        .map(|(_, value)| value.clone())
        .collect()
}

fn registration(id: u32) -> Node {
    Node::new("registration").bytes(id.to_be_bytes())
}

fn read_registration(node: &Node) -> Result<u32, StanzaError> {
    Ok(u32::from_be_bytes(exact(child(node, "registration")?, "4")?))
}

fn key_node(tag: &str, key: &Key) -> Node {
    Node::new(tag)
        .child(Node::new("id").bytes(&key.id.to_be_bytes()[1..]))
        .child(Node::new("value").bytes(key.value))
}

fn key(node: &Node) -> Result<Key, StanzaError> {
    let [a, b, c] = exact::<3>(child(node, "id")?, "3")?;
    let value = exact(child(node, "value")?, "32")?;
    Ok(Key { id: u32::from_be_bytes([0, a, b, c]), value })
}

fn signed_node(signed: &SignedKey) -> Node {
    let node = key_node("skey", &Key { id: signed.id, value: signed.value });
    match &signed.signature {
        Some(signature) => node.child(Node::new("signature").bytes(signature.clone())),
        None => node,
    }
}

fn signed(node: &Node) -> Result<SignedKey, StanzaError> {
    let Key { id, value } = key(node)?;
    let signature = node.find("signature").map(|node| node.body().unwrap_or_default().to_vec());
    Ok(SignedKey { id, value, signature })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> SignedKey {
        SignedKey { id: 0xAB_CDEF, value: [7; 32], signature: Some(vec![9; 64]) }
    }

    #[test]
    fn an_upload_reads_back() {
        let one_time = vec![Key { id: 1, value: [1; 32] }, Key { id: 0xFF_FFFF, value: [2; 32] }];
        let upload = Upload { registration_id: 5, identity: [3; 32], one_time, signed: sample() };
        let iq = Node::new("iq").children(upload.to_nodes());
        assert_eq!(Upload::from_iq(&iq), Ok(upload));
    }

    #[test]
    fn a_bundle_without_one_time_key_or_signature_reads_back() {
        let signed = SignedKey { signature: None, ..sample() };
        let bundle = UserBundle { registration_id: 5, identity: [3; 32], one_time: None, signed };
        let node = bundle.to_node(&Jid::new("1", "s.whatsapp.net"));
        assert_eq!(UserBundle::from_node(&node), Ok(bundle));
    }

    #[test]
    fn an_id_of_four_bytes_is_refused() {
        let node = Node::new("key")
            .child(Node::new("id").bytes([0, 0, 0, 1]))
            .child(Node::new("value").bytes([1; 32]));
        let error = StanzaError::BadLength { tag: "id".into(), expected: "3", actual: 4 };
        assert_eq!(key(&node), Err(error));
    }
}

//! The prekey service, `xmlns="encrypt"` (`wire.md` §4.4).

use super::{StanzaError, child, exact};
use crate::wire::{AttrValue, Content, Jid, Node};

/// Namespace of the service.
pub const XMLNS: &str = "encrypt";

/// Length of a public key where its type stands elsewhere, and the type.
const KEY_BYTES: usize = 32;
const TYPE: u8 = 5;

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

/// A KEM prekey, which version 4 of the Signal Protocol needs. No stanza of the service is known to
/// carry one: the name of its element is the profile's, its children are those of a signed prekey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KemKey {
    pub element: String,
    pub id: u32,
    pub value: Vec<u8>,
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
    pub kem: Option<KemKey>,
}

/// What a fetch brings for one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserBundle {
    pub registration_id: u32,
    pub identity: [u8; 32],
    pub one_time: Option<Key>,
    pub signed: SignedKey,
    pub kem: Option<KemKey>,
}

impl Upload {
    /// The children of the upload iq.
    pub fn to_nodes(&self) -> Vec<Node> {
        let always = [
            registration(self.registration_id),
            Node::new("type").bytes([0x05]),
            Node::new("identity").bytes(self.identity),
            Node::new("list").children(self.one_time.iter().map(|key| key_node("key", key))),
            signed_node(&self.signed),
        ];
        always.into_iter().chain(self.kem.as_ref().map(kem_node)).collect()
    }

    /// Reads the upload iq, and a KEM prekey where the profile names its element.
    ///
    /// # Errors
    /// A missing child or a field of another size (PRE-002).
    pub fn from_iq(iq: &Node, kem_element: Option<&str>) -> Result<Self, StanzaError> {
        let keys = child(iq, "list")?.kids().iter().map(key);
        Ok(Self {
            registration_id: read_registration(iq)?,
            identity: exact(child(iq, "identity")?, "32")?,
            one_time: keys.collect::<Result<_, _>>()?,
            signed: signed(child(iq, "skey")?)?,
            kem: kem(iq, kem_element)?,
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
        node.child(signed_node(&self.signed)).children(self.kem.as_ref().map(kem_node))
    }

    /// Reads `<user>` of a fetch result, and a KEM prekey where the profile names its element; a
    /// missing or empty signature is kept as it is.
    ///
    /// # Errors
    /// A missing child or a field of another size.
    pub fn from_node(user: &Node, kem_element: Option<&str>) -> Result<Self, StanzaError> {
        Ok(Self {
            registration_id: read_registration(user)?,
            identity: exact(child(user, "identity")?, "32")?,
            one_time: user.find("key").map(key).transpose()?,
            signed: signed(child(user, "skey")?)?,
            kem: kem(user, kem_element)?,
        })
    }
}

/// The keys that a retry receipt brings for a new session, if it brings any (`wire.md` §4.9). Some
/// implementations write them with their type byte (§10.1), which is taken too.
///
/// # Errors
/// A missing child or a field of another size.
pub fn of_retry(
    receipt: &Node,
    kem_element: Option<&str>,
) -> Option<Result<UserBundle, StanzaError>> {
    let keys = receipt.find("keys")?.kids().iter().map(without_type_byte);
    let registration = receipt.find("registration").cloned();
    let user = Node::new("user").children(registration.into_iter().chain(keys));
    Some(UserBundle::from_node(&user, kem_element))
}

/// Whether a key of a retry receipt stands there with its type byte.
pub fn has_type_byte(keys: &Node) -> bool {
    let typed = |bytes: &[u8]| bytes.len() == KEY_BYTES + 1 && bytes[0] == TYPE;
    let of_key = matches!(keys.tag.as_str(), "identity" | "value");
    of_key && keys.body().is_some_and(typed) || keys.kids().iter().any(has_type_byte)
}

fn without_type_byte(node: &Node) -> Node {
    let mut node = node.clone();
    let typed = node.kids().is_empty() && has_type_byte(&node);
    match &mut node.content {
        Content::Bytes(bytes) if typed => {
            bytes.remove(0);
        }
        Content::Children(kids) => {
            for kid in kids {
                *kid = without_type_byte(kid);
            }
        }
        _ => {}
    }
    node
}

/// Keys of a retry receipt as some implementations write them.
pub fn with_type_byte(keys: &Node) -> Node {
    let mut keys = keys.clone();
    let of_key = matches!(keys.tag.as_str(), "identity" | "value");
    match &mut keys.content {
        Content::Bytes(bytes) if of_key && bytes.len() == KEY_BYTES => bytes.insert(0, TYPE),
        Content::Children(kids) => {
            for kid in kids {
                *kid = with_type_byte(kid);
            }
        }
        _ => {}
    }
    keys
}

/// `<keys>` of a retry receipt.
pub fn retry_keys(bundle: &UserBundle) -> Node {
    let user = bundle.to_node(&Jid::server());
    let keys = user.kids().iter().filter(|kid| kid.tag != "registration").cloned();
    Node::new("keys").children(keys)
}

/// The child of an iq that replaces the signed prekey.
pub fn rotation(signed: &SignedKey) -> Node {
    Node::new("rotate").child(signed_node(signed))
}

/// Reads the child of an iq that replaces the signed prekey.
///
/// # Errors
/// A missing child or a field of another size.
pub fn read_rotation(rotate: &Node) -> Result<SignedKey, StanzaError> {
    signed(child(rotate, "skey")?)
}

/// Tells a client that so few of its one-time prekeys are left.
pub fn low_stock(id: &str, now_s: u64, left: usize) -> Node {
    Node::new("notification")
        .attr("from", Jid::server())
        .attr("type", "encrypt")
        .attr("id", id)
        .attr("t", now_s.to_string())
        .child(Node::new("count").attr("value", left.to_string()))
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
    let value = exact(child(node, "value")?, "32")?;
    Ok(Key { id: id(node)?, value })
}

fn id(node: &Node) -> Result<u32, StanzaError> {
    let [a, b, c] = exact::<3>(child(node, "id")?, "3")?;
    Ok(u32::from_be_bytes([0, a, b, c]))
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
    Ok(SignedKey { id, value, signature: signature(node) })
}

fn signature(node: &Node) -> Option<Vec<u8>> {
    node.find("signature").map(|node| node.body().unwrap_or_default().to_vec())
}

fn kem_node(key: &KemKey) -> Node {
    let node = Node::new(key.element.as_str())
        .child(Node::new("id").bytes(&key.id.to_be_bytes()[1..]))
        .child(Node::new("value").bytes(key.value.clone()));
    let signature = key.signature.clone().map(|bytes| Node::new("signature").bytes(bytes));
    node.children(signature)
}

fn kem(parent: &Node, element: Option<&str>) -> Result<Option<KemKey>, StanzaError> {
    let Some(node) = element.and_then(|element| parent.find(element)) else { return Ok(None) };
    let value = child(node, "value")?.body().unwrap_or_default().to_vec();
    let (element, id, signature) = (node.tag.to_string(), id(node)?, signature(node));
    Ok(Some(KemKey { element, id, value, signature }))
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
        let (identity, signed) = ([3; 32], sample());
        let upload = Upload { registration_id: 5, identity, one_time, signed, kem: None };
        let iq = Node::new("iq").children(upload.to_nodes());
        assert_eq!(Upload::from_iq(&iq, None), Ok(upload));
    }

    #[test]
    fn a_kem_prekey_is_read_where_the_profile_puts_it() {
        let kem = KemKey { element: "pq".into(), id: 7, value: vec![8; 1569], signature: None };
        let signed = sample();
        let bundle = UserBundle {
            registration_id: 5,
            identity: [3; 32],
            one_time: None,
            signed,
            kem: Some(kem),
        };
        let node = bundle.to_node(&Jid::new("1", "s.whatsapp.net"));
        assert_eq!(UserBundle::from_node(&node, Some("pq")).as_ref(), Ok(&bundle));
        let elsewhere = UserBundle::from_node(&node, Some("kem")).unwrap();
        assert_eq!(elsewhere, UserBundle { kem: None, ..bundle.clone() });
        let upload = Upload {
            registration_id: 5,
            identity: [3; 32],
            one_time: Vec::new(),
            signed: bundle.signed,
            kem: bundle.kem,
        };
        let iq = Node::new("iq").children(upload.to_nodes());
        assert_eq!(Upload::from_iq(&iq, Some("pq")), Ok(upload));
        let broken = Node::new("iq").child(Node::new("pq"));
        assert!(kem_of(&broken).is_err(), "an element without an id is no key");
    }

    fn kem_of(node: &Node) -> Result<Option<KemKey>, StanzaError> {
        super::kem(node, Some("pq"))
    }

    #[test]
    fn the_keys_of_a_retry_receipt_read_back() {
        let one_time = Some(Key { id: 9, value: [4; 32] });
        let (identity, signed) = ([3; 32], sample());
        let bundle = UserBundle { registration_id: 5, identity, one_time, signed, kem: None };
        let receipt = Node::new("receipt").child(registration(5)).child(retry_keys(&bundle));
        assert_eq!(of_retry(&receipt, None), Some(Ok(bundle.clone())));
        assert_eq!(of_retry(&Node::new("receipt").child(registration(5)), None), None);
        let lacking = Node::new("receipt").child(retry_keys(&bundle));
        assert!(of_retry(&lacking, None).unwrap().is_err(), "the registration id belongs to it");
    }

    #[test]
    fn a_rotation_reads_back() {
        assert_eq!(read_rotation(&rotation(&sample())), Ok(sample()));
        assert!(read_rotation(&Node::new("rotate")).is_err());
    }

    #[test]
    fn a_bundle_without_one_time_key_or_signature_reads_back() {
        let signed = SignedKey { signature: None, ..sample() };
        let bundle =
            UserBundle { registration_id: 5, identity: [3; 32], one_time: None, signed, kem: None };
        let node = bundle.to_node(&Jid::new("1", "s.whatsapp.net"));
        assert_eq!(UserBundle::from_node(&node, None), Ok(bundle));
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

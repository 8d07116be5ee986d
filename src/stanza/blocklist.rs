//! Whom a user has blocked: one item to change the list, all items in an answer (`wire.md` §4.13).

use super::{StanzaError, expect_tag, required, required_jid};
use crate::wire::{Jid, Node};

/// One change of the list.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub block: bool,
    pub jid: Jid,
}

impl Change {
    /// The child of a set iq.
    pub fn to_node(&self) -> Node {
        let action = if self.block { "block" } else { "unblock" };
        Node::new("item").attr("action", action).attr("jid", self.jid.clone())
    }

    /// Reads the child of a set iq.
    ///
    /// # Errors
    /// No address, or another action than the two.
    pub fn from_node(node: &Node) -> Result<Self, StanzaError> {
        expect_tag(node, "item")?;
        let action = required(node, "action")?;
        let block = match action.as_str() {
            "block" => true,
            "unblock" => false,
            _ => {
                return Err(StanzaError::BadAttribute {
                    tag: "item".into(),
                    name: "action",
                    value: action,
                    expected: "block or unblock",
                });
            }
        };
        Ok(Self { block, jid: required_jid(node, "jid")? })
    }
}

/// `<list>` with everybody who is blocked.
pub fn list<'a>(jids: impl IntoIterator<Item = &'a Jid>) -> Node {
    let items = jids.into_iter().map(|jid| Node::new("item").attr("jid", jid.clone()));
    Node::new("list").children(items.collect::<Vec<_>>())
}

/// Everybody in the list of an answer; `None` where the answer has no list.
pub fn read_list(iq: &Node) -> Option<Vec<Jid>> {
    let items = iq.find("list")?.kids().iter();
    Some(items.filter(|item| item.tag == "item").filter_map(|item| item.jid("jid")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_and_lists_read_back() {
        let jid = Jid::new("15550001", "s.whatsapp.net");
        for block in [true, false] {
            let change = Change { block, jid: jid.clone() };
            assert_eq!(Change::from_node(&change.to_node()), Ok(change));
        }
        let answer = Node::new("iq").child(list([&jid]));
        assert_eq!(read_list(&answer), Some(vec![jid.clone()]));
        assert_eq!(read_list(&Node::new("iq")), None);
        let odd = Node::new("item").attr("action", "mute").attr("jid", jid);
        assert!(Change::from_node(&odd).is_err());
    }
}

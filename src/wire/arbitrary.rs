//! Random nodes, and random stanzas in every form that the format allows, for property tests.
//!
//! Nodes come from [`node`], bytes from [`stanza`]. The second knows the layout of the format on
//! its own, so that the decoder is not tested with the encoder's idea of it alone.

use proptest::collection::vec;
use proptest::prelude::*;

use super::jid::SERVERS;
use super::tokens;
use super::{AttrValue, Content, Jid, Node, Word};

fn token() -> BoxedStrategy<String> {
    prop_oneof![
        (1..=235_u8).prop_map(|index| tokens::single(index).unwrap().to_owned()),
        (0..4_u8, any::<u8>())
            .prop_map(|(list, index)| tokens::double(list, index).unwrap().to_owned()),
    ]
    .boxed()
}

pub fn text() -> BoxedStrategy<String> {
    prop_oneof![
        6 => token(),
        3 => "[0-9.-]{1,20}",
        3 => "[0-9A-F]{1,20}",
        3 => "[a-zA-Z:_]{1,10}",
        2 => any::<String>(),
        2 => "[\\t\\r\\n \\x00-\\x1F\\x7F\u{85}\u{2028}\u{FFFD}\u{FFFE}\u{10FFFF}<&>'\"]{1,6}",
        1 => "[0-9]{126,129}",
        1 => "[0-9A-F]{253,257}",
        1 => Just("interop".to_owned()),
        1 => Just(String::new()),
        1 => jid().prop_map(|jid| jid.to_string()),
    ]
    .boxed()
}

fn name() -> impl Strategy<Value = String> {
    text().prop_map(|text| if text.is_empty() { "x".to_owned() } else { text })
}

fn user() -> BoxedStrategy<String> {
    prop_oneof![
        4 => "[1-9][0-9]{0,14}",
        1 => "[1-9][0-9]{0,3}-[0-9]{1,4}(:[0-9]{1,3}){0,2}",
        1 => "[0-9:-]{0,5}",
        1 => any::<String>().prop_map(|user| user.replace('@', "")),
        1 => token().prop_map(|user| user.replace('@', "")),
    ]
    .boxed()
}

pub fn jid() -> BoxedStrategy<Jid> {
    let server = prop_oneof![
        8 => prop::sample::select(SERVERS.to_vec()).prop_map(str::to_owned),
        1 => "[a-z.]{1,8}",
    ];
    let number = || prop_oneof![Just(0), 1..=300_u16, any::<u16>()];
    prop_oneof![
        (1..=u16::MAX, user(), number())
            .prop_map(
                |(integrator, user, device)| Jid::interop(integrator, user).with_device(device)
            ),
        (user(), number(), server.clone()).prop_map(|(user, device, server)| Jid::new("", server)
            .with_device(device)
            .named(user)),
        (user(), server).prop_map(|(user, server)| Jid::new(user, server)),
        Just(Jid::server()),
    ]
    .boxed()
}

impl Jid {
    fn named(mut self, user: String) -> Self {
        self.user = user.into();
        self
    }
}

fn value() -> BoxedStrategy<AttrValue> {
    prop_oneof![
        2 => text().prop_map(|text| AttrValue::Text(Word::from(text))),
        1 => jid().prop_map(AttrValue::Jid),
    ]
    .boxed()
}

fn content(node: impl Strategy<Value = Node> + 'static) -> impl Strategy<Value = Content> {
    prop_oneof![
        1 => Just(Content::None),
        3 => vec(node, 0..4).prop_map(Content::Children),
        2 => leaf_content(),
    ]
}

fn leaf_content() -> BoxedStrategy<Content> {
    prop_oneof![
        2 => Just(Content::None),
        1 => Just(Content::Children(Vec::new())),
        1 => vec(any::<u8>(), 0..40).prop_map(Content::Bytes),
        1 => (250..270_usize).prop_map(|len| Content::Bytes(vec![7; len])),
        2 => text().prop_map(|text| Content::Bytes(text.into_bytes())),
    ]
    .boxed()
}

fn assemble(tag: String, attrs: Vec<(String, AttrValue)>, content: Content) -> Node {
    let mut node = Node { content, ..Node::new(tag) };
    for (key, value) in attrs {
        if node.value(&key).is_none() {
            node = node.attr(key, value);
        }
    }
    node
}

pub fn node() -> BoxedStrategy<Node> {
    let attrs = || vec((name(), value()), 0..5);
    let leaf = (name(), attrs(), leaf_content());
    let leaf = leaf.prop_map(|(tag, attrs, content)| assemble(tag, attrs, content));
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let node = (name(), attrs(), content(inner));
        node.prop_map(|(tag, attrs, content)| assemble(tag, attrs, content))
    })
    .boxed()
}

fn raw(bytes: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let [a, b, c, d] = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    (0..3, 0..16_u8).prop_map(move |(length, unused)| {
        let header = match length {
            0 if bytes.len() < 256 => vec![252, d],
            1 => vec![253, unused << 4 | b, c, d],
            _ => vec![254, a, b, c, d],
        };
        [header, bytes.clone()].concat()
    })
}

fn packed() -> BoxedStrategy<Vec<u8>> {
    let digit = || prop_oneof![0..12_u8, Just(15)];
    let nibbles = vec((digit(), digit()).prop_map(|(high, low)| high << 4 | low), 1..20);
    let hex = vec(any::<u8>(), 1..20);
    (prop_oneof![(Just(255), nibbles), (Just(251), hex)], any::<bool>())
        .prop_map(|((tag, bytes), odd)| {
            let len = u8::try_from(bytes.len()).unwrap() | u8::from(odd) << 7;
            [vec![tag, len], bytes].concat()
        })
        .boxed()
}

fn text_bytes() -> BoxedStrategy<Vec<u8>> {
    prop_oneof![
        4 => (1..=235_u8).prop_map(|index| vec![index]),
        2 => (236..240_u8, any::<u8>()).prop_map(|(list, index)| vec![list, index]),
        2 => text().prop_flat_map(|text| raw(text.into_bytes())),
        2 => packed(),
    ]
    .boxed()
}

fn value_bytes() -> BoxedStrategy<Vec<u8>> {
    let user = || {
        prop_oneof![3 => packed(), 1 => (1..=235_u8).prop_map(|index| vec![index]),
            1 => user().prop_flat_map(|user| raw(user.into_bytes()))]
    };
    let server = prop_oneof![
        prop::sample::select(SERVERS.to_vec()).prop_flat_map(|server| raw(server.into())),
        Just(vec![3]),
        text_bytes(),
    ];
    let pair = (prop_oneof![Just(vec![0]), user()], server);
    let interop = (user(), any::<[u8; 3]>(), 1..=255_u8, any::<bool>(), raw(b"interop".to_vec()));
    prop_oneof![
        8 => text_bytes(),
        1 => Just(vec![0]),
        1 => pair.prop_map(|(user, server)| [vec![250], user, server].concat()),
        1 => (prop_oneof![Just(0), Just(1), Just(129), (64..127_u8).prop_map(|n| n * 2 + 2)],
              any::<u8>(), user())
            .prop_map(|(domain, device, user)| [vec![247, domain, device], user].concat()),
        1 => (user(), any::<[u8; 2]>())
            .prop_map(|(user, device)| [vec![246], user, device.to_vec(), vec![204]].concat()),
        2 => interop.prop_map(|(user, high, low, with, server)| {
            let server = if with { server } else { Vec::new() };
            [vec![245], user, high.to_vec(), vec![low], server].concat()
        }),
    ]
    .boxed()
}

fn list(count: usize, wide: bool) -> Vec<u8> {
    let [high, low] = u16::try_from(count).unwrap().to_be_bytes();
    if wide { vec![249, high, low] } else { vec![248, low] }
}

/// Bytes of a stanza that is nearly always legal, written in any mixture of forms.
pub fn stanza() -> BoxedStrategy<Vec<u8>> {
    let attrs = || vec((text_bytes(), value_bytes()), 0..4);
    let assemble = |wide: bool, tag: Vec<u8>, attrs: Vec<(Vec<u8>, Vec<u8>)>, content: Vec<u8>| {
        let count = 1 + 2 * attrs.len() + usize::from(!content.is_empty());
        let attrs = attrs.into_iter().flat_map(|(key, value)| [key, value]);
        let parts = [list(count, wide), tag].into_iter().chain(attrs).chain([content]);
        parts.flatten().collect::<Vec<u8>>()
    };
    let leaf_content = prop_oneof![
        Just(Vec::new()),
        value_bytes(),
        vec(any::<u8>(), 0..20).prop_flat_map(raw),
        any::<bool>().prop_map(|wide| list(0, wide)),
    ];
    let leaf = (any::<bool>(), text_bytes(), attrs(), leaf_content)
        .prop_map(move |(wide, tag, attrs, content)| assemble(wide, tag, attrs, content));
    leaf.prop_recursive(4, 16, 4, move |inner| {
        let children = (any::<bool>(), vec(inner, 0..4))
            .prop_map(|(wide, children)| [vec![list(children.len(), wide)], children].concat());
        let content = children.prop_map(|children| children.concat());
        (any::<bool>(), text_bytes(), attrs(), content)
            .prop_map(move |(wide, tag, attrs, content)| assemble(wide, tag, attrs, content))
    })
    .boxed()
}

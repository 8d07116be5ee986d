//! Comparing a stanza with a pattern, and saying what differs where.
//!
//! Main type: [`Mismatch`]. A pattern is partial: what it does not name does not matter. Children
//! are paired one to one so that two equal parts need two children. Where nothing fits, the
//! mismatch of the candidate that fits best is given, since that is what a report shows.

use std::fmt;

use super::pattern::{Attr, Body, Part, Pattern};
use super::question::{alternatives, resolved};
use super::template::{Scope, Template, TemplateError, show};
use crate::wire::{AttrValue, Content, Node};

/// The first place at which a stanza is not what a pattern says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Where: `receipt/list/item[2]@id`.
    pub path: String,
    pub expected: String,
    pub actual: String,
    /// How much else fits; the closest of several stanzas has the most.
    pub satisfied: usize,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, got {}", self.path, self.expected, self.actual)
    }
}

impl Pattern {
    /// Compares a stanza with the pattern.
    ///
    /// # Errors
    /// The first mismatch, in the order of the pattern.
    pub fn matches(&self, node: &Node, scope: &dyn Scope) -> Result<(), Mismatch> {
        let root = resolved(&self.root, scope);
        let comparison = compare(&root, node, &root.tag, scope);
        let other = || alternatives(&self.root, scope);
        match comparison.first {
            None => Ok(()),
            Some(_) if other().iter().any(|o| compare(o, node, &o.tag, scope).fits()) => Ok(()),
            Some(difference) => Err(difference.counted(comparison.satisfied)),
        }
    }

    /// Whether the stanza is what the pattern says. Most stanzas are not, and their tag or an
    /// attribute tells without a word about it.
    pub fn fits(&self, node: &Node, scope: &dyn Scope) -> bool {
        let fits = |attr: &Attr| {
            let value = node.value(&attr.name);
            value.is_some_and(|value| attr_fits(attr, value, scope).unwrap_or(false))
        };
        let root = resolved(&self.root, scope);
        let may_fit = |part: &Part| node.tag == *part.tag && part.attrs.iter().all(fits);
        (may_fit(&root) || alternatives(&self.root, scope).iter().any(may_fit))
            && self.matches(node, scope).is_ok()
    }

    /// The mismatch of the stanza that comes closest, or `None` if there are none or one matches.
    pub fn closest<'n>(
        &self,
        nodes: impl IntoIterator<Item = &'n Node>,
        scope: &dyn Scope,
    ) -> Option<Mismatch> {
        let mut closest: Option<Mismatch> = None;
        for node in nodes {
            let mismatch = self.matches(node, scope).err()?;
            if closest.as_ref().is_none_or(|best| mismatch.satisfied > best.satisfied) {
                closest = Some(mismatch);
            }
        }
        closest
    }
}

pub(super) struct Difference {
    path: String,
    expected: String,
    actual: String,
}

impl Difference {
    fn counted(self, satisfied: usize) -> Mismatch {
        let Self { path, expected, actual } = self;
        Mismatch { path, expected, actual, satisfied }
    }
}

#[derive(Default)]
pub(super) struct Comparison {
    pub(super) satisfied: usize,
    first: Option<Difference>,
}

impl Comparison {
    pub(super) fn fits(&self) -> bool {
        self.first.is_none()
    }

    fn note(&mut self, result: Result<(), Difference>) {
        match result {
            Ok(()) => self.satisfied += 1,
            Err(difference) => self.first = self.first.take().or(Some(difference)),
        }
    }
}

pub(super) fn compare(part: &Part, node: &Node, path: &str, scope: &dyn Scope) -> Comparison {
    let mut comparison = Comparison::default();
    let tag = differs(node.tag != *part.tag, path, || {
        (format!("<{}>", part.tag), format!("<{}>", &*node.tag))
    });
    let same_tag = tag.is_ok();
    comparison.note(tag);
    if !same_tag {
        return comparison;
    }
    for attr in &part.attrs {
        comparison.note(compare_attr(attr, node, path, scope));
    }
    for name in &part.absent {
        comparison.note(compare_absent(name, node, path));
    }
    if part.exact {
        comparison.note(compare_exact(part, node, path));
    }
    compare_body(part, node, path, scope, &mut comparison);
    comparison
}

fn differs(
    differs: bool,
    path: &str,
    sides: impl FnOnce() -> (String, String),
) -> Result<(), Difference> {
    if !differs {
        return Ok(());
    }
    let (expected, actual) = sides();
    Err(Difference { path: path.to_owned(), expected, actual })
}

pub(super) fn compare_attr(
    attr: &Attr,
    node: &Node,
    path: &str,
    scope: &dyn Scope,
) -> Result<(), Difference> {
    let path = format!("{path}@{}", attr.name);
    let expected = || attr.value.shown(scope);
    let Some(actual) = node.value(&attr.name) else {
        let actual = "no such attribute".to_owned();
        return Err(Difference { path, expected: expected(), actual });
    };
    match attr_fits(attr, actual, scope) {
        Ok(fits) => differs(!fits, &path, || (expected(), show(actual.text().as_bytes()))),
        Err(error) => Err(Difference {
            path,
            expected: format!("{} ({error})", attr.value.text()),
            actual: show(actual.text().as_bytes()),
        }),
    }
}

/// By meaning: an address is equal to its text, whether or not it spells out device 0.
fn attr_fits(attr: &Attr, actual: &AttrValue, scope: &dyn Scope) -> Result<bool, TemplateError> {
    let means = || attr.value.render(scope).is_ok_and(|text| AttrValue::from(text) == *actual);
    Ok(attr.value.fits(actual.text().as_bytes(), scope)? || means())
}

pub(super) fn compare_absent(name: &str, node: &Node, path: &str) -> Result<(), Difference> {
    match node.text(name) {
        None => Ok(()),
        Some(value) => Err(Difference {
            path: format!("{path}@{name}"),
            expected: "no such attribute".to_owned(),
            actual: show(value.as_bytes()),
        }),
    }
}

fn compare_exact(part: &Part, node: &Node, path: &str) -> Result<(), Difference> {
    let named = |key: &str| part.attrs.iter().any(|attr| attr.name == key);
    if let Some((key, value)) = node.attrs.iter().find(|(key, _)| !named(key)) {
        return Err(Difference {
            path: format!("{path}@{}", &**key),
            expected: "no such attribute".to_owned(),
            actual: show(value.text().as_bytes()),
        });
    }
    match &part.content {
        Body::Unnamed => {
            let empty = node.content == Content::None;
            differs(!empty, path, || ("no content".to_owned(), describe(&node.content)))
        }
        Body::Parts(parts) => differs(node.kids().len() != parts.len(), path, || {
            (format!("{} children", parts.len()), describe(&node.content))
        }),
        Body::Text(_) | Body::Bytes(_) => Ok(()),
    }
}

fn compare_body(
    part: &Part,
    node: &Node,
    path: &str,
    scope: &dyn Scope,
    comparison: &mut Comparison,
) {
    match &part.content {
        Body::Unnamed => {}
        Body::Text(template) => comparison.note(compare_text(template, node, path, scope)),
        Body::Bytes(bytes) => {
            let fits = node.body() == Some(bytes);
            comparison.note(differs(!fits, path, || (show(bytes), describe(&node.content))));
        }
        Body::Parts(parts) if part.ordered => {
            compare_ordered(parts, node.kids(), path, scope, comparison);
        }
        Body::Parts(parts) => compare_children(parts, node.kids(), path, scope, comparison),
    }
}

fn compare_text(
    template: &Template,
    node: &Node,
    path: &str,
    scope: &dyn Scope,
) -> Result<(), Difference> {
    let body = match &node.content {
        Content::Bytes(bytes) => bytes.as_slice(),
        Content::None => &[],
        Content::Children(_) => {
            let actual = describe(&node.content);
            let expected = template.shown(scope);
            return Err(Difference { path: path.to_owned(), expected, actual });
        }
    };
    let fits = template.fits(body, scope).unwrap_or(false);
    differs(!fits, path, || (template.shown(scope), describe(&node.content)))
}

/// Each part in turn takes the first child after the previous one's that fits.
fn compare_ordered(
    parts: &[Part],
    kids: &[Node],
    path: &str,
    scope: &dyn Scope,
    comparison: &mut Comparison,
) {
    let mut from = 0;
    for part in parts {
        let candidates = Candidates::of(part, &kids[from..], path, scope, 1);
        match candidates.fitting.first() {
            Some(at) => {
                comparison.satisfied += 1;
                from += at + 1;
            }
            None => comparison.note(Err(candidates.missing(part, path))),
        }
    }
}

/// Pairs parts and children one to one, whatever their order.
fn compare_children(
    parts: &[Part],
    kids: &[Node],
    path: &str,
    scope: &dyn Scope,
    comparison: &mut Comparison,
) {
    // With as many fitting children as there are parts, one is always free.
    let enough = parts.len();
    let candidates: Vec<Candidates> =
        parts.iter().map(|part| Candidates::of(part, kids, path, scope, enough)).collect();
    let fitting: Vec<&[usize]> = candidates.iter().map(|one| one.fitting.as_slice()).collect();
    let mut taken: Vec<Option<usize>> = vec![None; kids.len()];
    let mut alone = Vec::new();
    for n in 0..parts.len() {
        if pair(n, &fitting, &mut taken, &mut vec![false; parts.len()]) {
            comparison.satisfied += 1;
        } else {
            alone.push(n);
        }
    }
    for (n, candidates) in candidates.into_iter().enumerate() {
        if alone.contains(&n) {
            comparison.note(Err(candidates.missing(&parts[n], path)));
        }
    }
}

/// The children that fit a part, up to `enough`, and the comparison of the closest other one.
#[derive(Default)]
struct Candidates {
    fitting: Vec<usize>,
    closest: Option<Comparison>,
}

impl Candidates {
    fn of(part: &Part, kids: &[Node], path: &str, scope: &dyn Scope, enough: usize) -> Self {
        let mut candidates = Self::default();
        let kids = kids.iter().enumerate().filter(|(_, kid)| kid.tag == *part.tag);
        for (n, (at, kid)) in kids.enumerate() {
            let index = if n == 0 { String::new() } else { format!("[{}]", n + 1) };
            let comparison = compare(part, kid, &format!("{path}/{}{index}", part.tag), scope);
            candidates.add(at, comparison);
            if candidates.fitting.len() == enough {
                break;
            }
        }
        candidates
    }

    fn add(&mut self, at: usize, comparison: Comparison) {
        if comparison.fits() {
            self.fitting.push(at);
        } else if self.closest.as_ref().is_none_or(|best| comparison.satisfied > best.satisfied) {
            self.closest = Some(comparison);
        }
    }

    /// Why no child is left for the part.
    fn missing(self, part: &Part, path: &str) -> Difference {
        let path = format!("{path}/{}", part.tag);
        if !self.fitting.is_empty() {
            let expected = format!("one more <{}>", part.tag);
            return Difference { path, expected, actual: "none that is not taken".to_owned() };
        }
        self.closest.and_then(|comparison| comparison.first).unwrap_or_else(|| Difference {
            path,
            expected: format!("<{}>", part.tag),
            actual: "no such child".to_owned(),
        })
    }
}

/// Finds a child for a part, moving other parts to other children where that helps.
fn pair(
    part: usize,
    fitting: &[&[usize]],
    taken: &mut [Option<usize>],
    asked: &mut [bool],
) -> bool {
    if std::mem::replace(&mut asked[part], true) {
        return false;
    }
    for kid in fitting[part] {
        let free = match taken[*kid] {
            None => true,
            Some(other) => pair(other, fitting, taken, asked),
        };
        if free {
            taken[*kid] = Some(part);
            return true;
        }
    }
    false
}

fn describe(content: &Content) -> String {
    match content {
        Content::None => "no content".to_owned(),
        Content::Bytes(bytes) => show(bytes),
        Content::Children(kids) => {
            const SHOWN_MAX: usize = 8;
            let tags: Vec<String> =
                kids.iter().take(SHOWN_MAX).map(|kid| format!("<{}>", &*kid.tag)).collect();
            let more = if kids.len() > SHOWN_MAX { " …" } else { "" };
            format!("{} children {}{more}", kids.len(), tags.join(" "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Jid;
    use std::collections::BTreeMap;

    fn receipt() -> Node {
        let item = |id: &str| Node::new("item").attr("id", id);
        Node::new("receipt")
            .attr("id", "7")
            .attr("to", Jid::interop(12, "105"))
            .attr("type", "read")
            .child(Node::new("list").children(["1", "2", "3"].map(item)))
            .child(Node::new("t").bytes("abc"))
    }

    fn result(pattern: &str) -> Result<(), String> {
        let scope: BTreeMap<String, String> = [("m.id".to_owned(), "7".to_owned())].into();
        let pattern = Pattern::parse(pattern).unwrap();
        pattern.matches(&receipt(), &scope).map_err(|mismatch| mismatch.to_string())
    }

    #[test]
    fn what_is_not_named_does_not_matter() {
        for pattern in [
            "<receipt/>",
            "<receipt id='${m.id}' type='${one-of:read|played}'/>",
            "<receipt to='12-105:0@interop' cp:absent='participant offline'/>",
            "<receipt><t>a${bytes:2}</t><list/></receipt>",
            "<receipt><t cp:b64='YWJj'/></receipt>",
            "<receipt><list><item id='3'/><item id='${any}'/></list></receipt>",
            "<receipt><list cp:ordered='true'><item id='1'/><item id='3'/></list></receipt>",
            "<receipt id='7' to='${any}' type='read' cp:exact='true'><list/><t/></receipt>",
        ] {
            assert_eq!(result(pattern), Ok(()), "{pattern}");
        }
    }

    #[test]
    fn children_are_paired_one_to_one() {
        let list = |items: &str| result(&format!("<receipt><list>{items}</list></receipt>"));
        let any = "<item id='${any}'/>";
        assert_eq!(list(&format!("{any}{any}<item id='1'/>")), Ok(()));
        assert!(list(&format!("{any}{any}{any}<item id='1'/>")).is_err());
    }

    #[test]
    fn a_mismatch_names_place_and_sides() {
        let errors: Vec<String> = [
            "<message/>",
            "<receipt id='8'/>",
            "<receipt t='1'/>",
            "<receipt id='${gone.id}'/>",
            "<receipt cp:absent='type'/>",
            "<receipt id='7' cp:exact='true'/>",
            "<receipt id='7' to='${any}' type='read' cp:exact='true'/>",
            "<receipt id='7' to='${any}' type='read' cp:exact='true'><t/></receipt>",
            "<receipt><t>abd</t></receipt>",
            "<receipt><t cp:b64='AP8='/></receipt>",
            "<receipt><list>x</list></receipt>",
            "<receipt><user/></receipt>",
            "<receipt><list><item id='2' x='1'/></list></receipt>",
            "<receipt><list><item/><item/><item/><item/></list></receipt>",
            "<receipt><list cp:ordered='true'><item id='3'/><item id='1'/></list></receipt>",
        ]
        .iter()
        .map(|pattern| format!("{pattern}\n  {}", result(pattern).unwrap_err()))
        .collect();
        insta::assert_snapshot!(errors.join("\n"));
    }

    #[test]
    fn the_closest_stanza_is_found() {
        let pattern = Pattern::parse("<receipt id='7' type='retry'/>").unwrap();
        let scope: BTreeMap<String, String> = BTreeMap::new();
        let far = [Node::new("iq"), Node::new("receipt").attr("id", "8")];
        let nodes = [far[0].clone(), receipt(), far[1].clone()];
        let closest = pattern.closest(&nodes, &scope).unwrap();
        assert_eq!(closest.to_string(), "receipt@type: expected `retry`, got `read`");
        assert_eq!(pattern.closest(&[], &scope), None);
        let fits = Node::new("receipt").attr("id", "7").attr("type", "retry");
        assert_eq!(pattern.closest(&[far[0].clone(), fits], &scope), None);
    }

    #[test]
    fn many_children_are_compared_in_time() {
        let item = |n: usize| Node::new("item").attr("id", n.to_string());
        let node = Node::new("list").children((0..20_000).map(item));
        let parts: String = (0..40).map(|_| "<item id='${any}'/>").collect();
        let pattern = Pattern::parse(&format!("<list>{parts}</list>")).unwrap();
        let scope: BTreeMap<String, String> = BTreeMap::new();
        assert_eq!(pattern.matches(&node, &scope), Ok(()));
    }
}

//! The dictionary of version 3: words that the wire writes as one or two bytes.
//!
//! Main type: [`Token`]. The lists themselves come from `wacore_binary::token`, because four
//! independent clients agree on them word for word; the test below pins their digests
//! (`wire.md` §3.5). This file knows nothing of nodes.

use wacore_binary::token::{self, TokenKind};

/// Where a word stands in the dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Token {
    /// Index into the list whose words take one byte.
    Single(u8),
    /// One of the four further lists, 0 to 3, and the index into it; two bytes.
    Double(u8, u8),
}

/// Gives the word of a one-byte token, 1 to 235.
pub fn single(index: u8) -> Option<&'static str> {
    token::get_single_token(index).filter(|word| !word.is_empty())
}

/// Gives the word of a two-byte token; `list` is 0 to 3.
pub fn double(list: u8, index: u8) -> Option<&'static str> {
    token::get_double_token(list, index)
}

/// Finds a word in the dictionary; no word stands in two places.
pub fn find(word: &str) -> Option<Token> {
    token::index_of_token(word).map(|kind| match kind {
        TokenKind::Single(index) => Token::Single(index),
        TokenKind::Double(list, index) => Token::Double(list, index),
    })
}

/// Gives the word that a token stands for.
pub fn word(token: Token) -> Option<&'static str> {
    match token {
        Token::Single(index) => single(index),
        Token::Double(list, index) => double(list, index),
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    fn digest(words: Vec<&str>) -> String {
        hex::encode(Sha256::digest(words.join("\n").as_bytes()))
    }

    #[test]
    fn the_lists_have_the_published_digests() {
        let one: Vec<_> = (0..=235).map(|index| single(index).unwrap_or("")).collect();
        assert_eq!(digest(one), "1e8302d2aba0d8c40d09fd79fc9c70347350cb00926dd0e3565683b347be35a5");
        let expected = [
            "c19c763b07f7684fc58490eb838873edeec498d59bf4d56bbb33d8e7af4cb112",
            "e8894a798e1d92bc5f5f5cd1c2ffeef43a5c03acb1775b34d121ffe0a19b8f6a",
            "8f4081781e324d9ab95574b01ff37a44753403cebd0d1feeeb985661cc86cae8",
            "8e397aec42a6a503621910cf3d7a8f9e287e94192031265b6e55519e0e19fadc",
        ];
        for (list, expected) in (0..).zip(expected) {
            let words = (0..=255).map(|index| double(list, index).unwrap()).collect();
            assert_eq!(digest(words), expected, "list {list}");
        }
    }

    #[test]
    fn every_word_is_found_where_it_stands() {
        let tokens = (1..=235)
            .map(Token::Single)
            .chain((0..4).flat_map(|list| (0..=255).map(move |index| Token::Double(list, index))));
        for token in tokens {
            assert_eq!(find(word(token).unwrap()), Some(token));
        }
    }

    #[test]
    fn what_is_no_token_has_no_word() {
        assert_eq!(single(0), None);
        assert_eq!(single(236), None);
        assert_eq!(double(4, 0), None);
        assert_eq!(find(""), None);
        assert_eq!(find("interop"), None);
        assert_eq!(find("s.whatsapp.net"), Some(Token::Single(3)));
        assert_eq!(find("failure"), Some(Token::Double(2, 60)));
    }
}

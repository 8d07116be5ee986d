//! `application/x-www-form-urlencoded`, as the URL Standard writes and reads it (ENL-003).

/// A percent sign without two hexadecimal digits, or bytes that are no UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadEscape;

/// Appends `name=value`.
pub(super) fn append(body: &mut String, name: &str, value: &str) {
    if !body.is_empty() {
        body.push('&');
    }
    escape(body, name);
    body.push('=');
    escape(body, value);
}

fn escape(body: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => {
                body.push(char::from(byte));
            }
            b' ' => body.push('+'),
            _ => body.push_str(&format!("%{byte:02X}")),
        }
    }
}

/// The pairs of a body, still escaped.
pub(super) fn pairs(body: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = body.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Takes the escapes out of a name or value.
pub(super) fn unescape(text: &str) -> Result<String, BadEscape> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => {
                let (&digits, after) = rest.split_first_chunk::<2>().ok_or(BadEscape)?;
                rest = after;
                hex_byte(digits).ok_or(BadEscape)?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| BadEscape)
}

fn hex_byte(digits: [u8; 2]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(digits[0])? << 4 | digit(digits[1])?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bad_escapes_are_refused() {
        for text in ["%", "%4", "%zz", "%+1", "a%F", "%FF"] {
            assert_eq!(unescape(text), Err(BadEscape), "{text}");
        }
        assert_eq!(unescape("a+b%2bc%C3%BC").as_deref(), Ok("a b+cü"));
    }

    #[test]
    fn pairs_without_a_value_are_pairs_and_empty_ones_are_none() {
        let found: Vec<_> = pairs("&a=1&&b&c=d=e&").collect();
        assert_eq!(found, [("a", "1"), ("b", ""), ("c", "d=e")]);
    }

    proptest! {
        #[test]
        fn any_text_comes_back(name in ".{0,8}", value in ".{0,8}") {
            let mut body = String::new();
            append(&mut body, &name, &value);
            append(&mut body, "last", "1");
            let found: Vec<_> = pairs(&body)
                .map(|(name, value)| (unescape(name).unwrap(), unescape(value).unwrap()))
                .collect();
            prop_assert_eq!(found, vec![(name, value), ("last".to_owned(), "1".to_owned())]);
        }

        #[test]
        fn reading_never_panics(body in ".*") {
            for (name, value) in pairs(&body) {
                let _ = (unescape(name), unescape(value));
            }
        }
    }
}

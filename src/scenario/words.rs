//! Enums whose every variant has a word in a scenario: the words are written once, and parser,
//! schema, lint and help read them from [`ALL`](self).

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $word)] $variant),+ }
        impl $name {
            /// Every value with the word that stands for it in a scenario.
            pub const ALL: &'static [($name, &'static str)] = &[$(($name::$variant, $word)),+];
            /// The word that stands for it in a scenario.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }
    };
}

pub(super) use words;

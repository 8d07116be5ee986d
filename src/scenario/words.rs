//! Enums whose every variant has a word in a scenario: the words are written once, and parser,
//! schema, lint and help read them from [`ALL`](self). What their comments say is help too.

macro_rules! words {
    (
        $(#[doc = $about:literal])*
        $(#[derive($($derived:path),+)])?
        $name:ident { $($(#[doc = $doc:literal])* $variant:ident = $word:literal),+ $(,)? }
    ) => {
        $(#[doc = $about])*
        $(#[derive($($derived),+)])?
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[doc = $doc])* #[serde(rename = $word)] $variant),+ }
        impl $name {
            /// Every value with the word that stands for it in a scenario.
            pub const ALL: &'static [($name, &'static str)] = &[$(($name::$variant, $word)),+];
            /// What the words are about.
            pub const ABOUT: &'static str = concat!($($about),*);
            /// What each means, in the order of [`Self::ALL`]; empty where the word says it.
            pub const DOCS: &'static [&'static str] = &[$(concat!($($doc),*)),+];
            /// The word that stands for it in a scenario.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }
    };
}

pub(super) use words;

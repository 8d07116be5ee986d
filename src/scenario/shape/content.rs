//! The keys of what a message can hold beside plain text.

use super::{Form, Shape, may, must, shape};

pub static CONTENT: Shape = Shape {
    one_key: true,
    ..shape(
        "`content`",
        &[
            may("reply", Form::Shape(&REPLY), "a text that answers another message"),
            may("reaction", Form::Shape(&REACTION), "a reaction to a message"),
            may("revoke", Form::Shape(&REVOKE), "an earlier message is taken back"),
            may("link", Form::Shape(&LINK), "a text with a link and the preview of its page"),
            may("other", Form::Shape(&OTHER), "a kind that is no text"),
            may("own_devices", Form::Shape(&OWN_DEVICES), "what only own devices send"),
        ],
    )
};

pub static MEDIA: Shape = shape(
    "`media`",
    &[
        must("kind", Form::Template, "image, video, audio, voice, document or sticker"),
        may("bytes", Form::Template, "length of the file; 1000 where nothing is said"),
        may("caption", Form::Template, "the text under it"),
        may("mimetype", Form::Template, "its media type; that of the kind where nothing is said"),
        may("name", Form::Template, "of a document: the name of the file, as its sender says"),
        may("thumbnail", Form::Template, "a word in the thumbnail that the message carries"),
        may(
            "elsewhere",
            Form::Template,
            "where a fault leads that leads elsewhere; `${honeypot}` where nothing is said",
        ),
    ],
);

pub static REPLY: Shape = shape(
    "`reply`",
    &[
        must("text", Form::Template, "the text"),
        must("id", Form::Template, "id of the message that it answers"),
        must("author", Form::Template, "address of who wrote that message"),
        must("quote", Form::Template, "its text, as the sender tells it"),
    ],
);

pub static REACTION: Shape = shape(
    "`reaction`",
    &[
        must("id", Form::Template, "id of the message that it is about"),
        must("emoji", Form::Template, "empty to take an earlier one back"),
        may("own", Form::Template, "`true`: the message is the sender's own"),
    ],
);

pub static REVOKE: Shape = shape(
    "`revoke`",
    &[
        must("id", Form::Template, "id of the message that is taken back"),
        may("own", Form::Template, "`false`: the message is not said to be the sender's own"),
    ],
);

pub static LINK: Shape = shape(
    "`link`",
    &[
        must("text", Form::Template, "the text, with the link in it"),
        must("url", Form::Template, "the link"),
    ],
);

pub static OTHER: Shape = shape(
    "`other`",
    &[
        must("kind", Form::Template, "future, sticker, view-once, disappearing or poll"),
        must("text", Form::Template, "a text within it"),
    ],
);

pub static OWN_DEVICES: Shape = shape(
    "`own_devices`",
    &[
        must(
            "what",
            Form::Template,
            "history: a notice of history that could be fetched; sent: that a text was sent to another user",
        ),
        may("to", Form::Template, "that user, with `sent`"),
        may("text", Form::Template, "that text, with `sent`"),
    ],
);

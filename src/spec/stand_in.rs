//! What stands for the rows of the end-to-end areas that no black box decides.
//!
//! Main type: [`StandIn`]: what such a row means, what is done about it here, and the rows that are
//! decided and stand for a part of it. A stand-in is never a verdict on the row: a report shows it as
//! what it is, beside the row's own "not observable".

/// A row that cannot be decided, and what is seen of it.
#[derive(Debug, PartialEq, Eq)]
pub struct StandIn {
    pub row: &'static str,
    /// What the row asks, for somebody who reads it for the first time.
    pub means: &'static str,
    /// How it is approximated here, and what stays open.
    pub here: &'static str,
    /// Rows that are decided and stand for a part of it.
    pub shows: &'static [&'static str],
}

/// Finds what stands for a row.
pub fn of(row: &str) -> Option<&'static StandIn> {
    ALL.iter().find(|stand_in| stand_in.row == row)
}

/// All of them, in the order of the catalogue.
pub static ALL: &[StandIn] = &[
    StandIn {
        row: "PRE-009",
        means: "A one-time prekey makes the first message of one session unlike any other. A server that hands the same one out twice takes that away from the second sender, whose first message fails besides.",
        here: "The row binds Meta's server, which the harness plays: its own tests show that each key leaves the stock once, also when two fetch at the same time. What a client makes of a key that was handed out twice is decided.",
        shows: &["PRE-008", "PRE-006"],
    },
    StandIn {
        row: "PRE-011",
        means: "The signed prekey is the part of a bundle that serves many sessions. Replacing it bounds how long a stolen one is of use; keeping the old one for a while lets messages in that were under way.",
        here: "It takes weeks. Where the adapter moves the client's clock (`advance_clock`) the row is decided; elsewhere the first bundle and those after a reconnect are all that shows.",
        shows: &["PRE-001", "MSG-014"],
    },
    StandIn {
        row: "PRE-012",
        means: "Ids of prekeys have 24 bits on the wire. A counter that runs over must begin anew without meeting an id that is still in use.",
        here: "Nobody uploads sixteen million keys in a test. Where the adapter sets the counter before use (`preset`) the row is decided; elsewhere the ids that are uploaded are looked at, and none may come twice.",
        shows: &["PRE-002", "PRE-010"],
    },
    StandIn {
        row: "ENC-009",
        means: "Who steals a phone's keys today must not be able to read what was said yesterday, even if he recorded every ciphertext.",
        here: "Whether a client deletes its keys cannot be seen from outside. What follows from deletion can: a ciphertext that was read opens nothing again, a one-time prekey opens one session, and it really enters the first keys. And the harness counts how many earlier ciphertexts a copy of its own client's keys opens; that shows what the subject's keys rest on, and not what the subject keeps.",
        shows: &["ENC-003", "PRE-008", "RAT-001", "RAT-006"],
    },
    StandIn {
        row: "ENC-015",
        means: "Text exists in clear on the two users' devices and nowhere else: not at the partner's servers, not in transit, not in a log.",
        here: "Everything that passes the harness, and every log that is handed over, is searched for what users wrote, in all common encodings and compressed. What the partner stores, and what its servers tell each other, is never seen.",
        shows: &["ENC-001", "PRV-008", "ENC-019"],
    },
    StandIn {
        row: "ENC-020",
        means: "A partner may use another protocol than Signal's, and must then show Meta that it gives the same guarantees.",
        here: "What can be run against ciphertexts alone is run: nothing in clear, no replay, no change, no other writer's name, no order that loses messages, no two equal ciphertexts. The dossier itself is stated by the partner under `attestations` and listed apart.",
        shows: &[
            "ENC-001", "ENC-004", "ENC-012", "MSG-013", "RAT-003", "RAT-005", "RAT-006", "RAT-009",
        ],
    },
    StandIn {
        row: "ENC-022",
        means: "HKDF without a salt takes a block of zeros as long as the hash, and gives at most 255 blocks. An implementation that takes an empty one instead derives other keys.",
        here: "A wrong salt gives wrong keys, and keys are compared with a schedule of the harness's own: the report says which derivation was found in place of the right one. That no more than 255 blocks are ever asked for shows nowhere.",
        shows: &["ENC-002", "ENC-003", "RAT-010"],
    },
    StandIn {
        row: "RAT-007",
        means: "Keys of messages that never came are kept, since they may still come. Kept for ever, they open what a thief has recorded, and they take memory.",
        here: "When a client forgets is its own affair, and nothing tells the harness. What shows is that the store stays small whatever a peer skips, and that late messages open within what every client keeps.",
        shows: &["RAT-003", "RAT-004", "ROB-003"],
    },
    StandIn {
        row: "PSH-009",
        means: "A push wakes a phone through the servers of its vendor. It must tell them neither what was written nor by whom.",
        here: "Meta's pushes are the harness's own, and each is searched before it leaves. What the partner's own push carries is seen where the adapter hands it over (`woken`, member `payload`), and then the row is decided. Answers to pushes are searched like all others.",
        shows: &["ENC-001", "PRV-001"],
    },
    StandIn {
        row: "PRV-008",
        means: "Logs outlive conversations and are read by people who are no part of them, so neither content nor keys nor tokens may stand in them.",
        here: "Standard error and the log files that the IUT file names are searched like everything else; with lines in them the row is decided, and without it stays open.",
        shows: &["ENC-001"],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Catalogue;

    #[test]
    fn they_stand_for_rows_that_no_black_box_decides_and_rest_on_rows_that_exist() {
        let catalogue = Catalogue::builtin();
        for stand_in in ALL {
            let row = catalogue.get(stand_in.row).unwrap();
            assert!(!row.observable, "{} is decided", row.id);
            for shown in stand_in.shows {
                let shown = catalogue.get(shown).unwrap_or_else(|| panic!("no row {shown}"));
                assert!(shown.observable || of(&shown.id).is_some(), "{}", shown.id);
            }
        }
    }

    #[test]
    fn every_such_row_of_the_end_to_end_areas_has_one() {
        let areas = ["PRE", "ENC", "RAT", "RCP"];
        let rows = Catalogue::builtin().iter().filter(|row| !row.observable);
        for row in rows.filter(|row| areas.contains(&&row.id[..3])) {
            assert!(of(&row.id).is_some(), "{}", row.id);
        }
    }
}

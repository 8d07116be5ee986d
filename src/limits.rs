//! Every bound on what comes from outside, each with its reason.
//!
//! Units come last in a name. A new bound goes below the heading of its room.

// --- wire -----------------------------------------------------------------

/// Longest frame payload: the length field has three bytes (`wire.md` §1.1).
pub const FRAME_BYTES_MAX: usize = 0xFF_FFFF;
/// Largest stanza after inflation: open clients of the same protocol refuse more (`wire.md` §8.1).
pub const INFLATED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Deepest nesting of nodes: deeper trees only serve to exhaust a stack (`wire.md` §3.2).
pub const NODE_DEPTH_MAX: usize = 128;
/// Most children in one list: the list header counts with 16 bits (`wire.md` §3.1).
pub const LIST_ITEMS_MAX: usize = 65_535;
/// Most nodes in one stanza: bounds memory where a few bytes of input make a node.
pub const NODES_MAX: usize = 262_144;
/// Most attributes in one stanza: three bytes of input make one that takes a hundred in memory.
pub const ATTRIBUTES_MAX: usize = 262_144;
/// Longest packed string in characters: the packed length has seven bits of bytes (`wire.md` §3.3).
pub const PACKED_CHARS_MAX: usize = 127;
/// Longest routing prefix before the intro header (`wire.md` §1.1); real ones have some dozen bytes.
pub const ROUTING_BYTES_MAX: usize = 4096;

// --- noise ----------------------------------------------------------------

/// Longest handshake message: a client payload of a few KiB with room to grow.
pub const HANDSHAKE_BYTES_MAX: usize = 64 * 1024;

// --- e2ee -----------------------------------------------------------------

/// Most steps that one chain is derived forward for a diagnosis: peers refuse longer jumps (`wire.md` §5.5).
pub const CHAIN_STEPS_MAX: u32 = 2000;

/// Letters of the reference's other protocol that are remembered, so that none opens twice.
pub const LETTERS_REMEMBERED_MAX: usize = 4096;
/// Most things of a signature's length that are tried in one message: an honest one has none.
pub const SIGNATURE_CANDIDATES_MAX: usize = 16;

// --- shared instances --------------------------------------------------------

/// Memory in MiB that an ordinary case may leave at an instance that others share: with more than that
/// for each, and the profile's bound for one, its cases are carried out again alone. Nobody fails by it.
pub const ORDINARY_CASE_MIB: u64 = 16;
/// The same of descriptors: a case opens some ten connections.
pub const ORDINARY_CASE_DESCRIPTORS: u64 = 16;

// --- canaries ---------------------------------------------------------------

/// Most canaries of one case: a text, names and a few files.
pub const CANARIES_MAX: usize = 16;
/// Of a long canary so much is looked for: a piece of eight bytes is enough to find it.
pub const CANARY_BYTES_MAX: usize = 256;
/// Most compressed or encoded parts of one body that are looked into.
pub const LEAK_BLOBS_MAX: usize = 16;
/// Most bytes that one compressed part is inflated to: a text stands at its beginning or repeats.
pub const LEAK_INFLATED_BYTES_MAX: u64 = 1 << 20;
/// Most sightings that one case records: the first says what the others do.
pub const SIGHTINGS_MAX: usize = 32;

// --- check -----------------------------------------------------------------

/// Messages whose stanza is remembered until it was decrypted.
pub const MESSAGES_AWAITED_MAX: usize = 32;
/// Long-term keys of the subject that a signature is tried under.
pub const SIGNING_KEYS_MAX: usize = 32;

// --- identity and HTTP ----------------------------------------------------

/// Longest token in an enlistment (TF §1.2.2).
pub const TOKEN_BYTES_MAX: usize = 4096;
/// Largest HTTP body that is kept, but for a file that is fetched as one.
pub const HTTP_BODY_BYTES_MAX: usize = 1024 * 1024;
/// Largest key set that is parsed (JWK-014).
pub const JWKS_BYTES_MAX: usize = 64 * 1024;
/// Keys of one set that may share a key id and are tried for one signature (JWK-004).
pub const KEY_CANDIDATES_MAX: usize = 8;
/// Most arguments that an enlistment form is read for; eight are known, the rest is slack.
pub const FORM_ARGUMENTS_MAX: usize = 64;
/// Longest foreign word that is repeated in an error message.
pub const QUOTED_CHARS_MAX: usize = 64;
/// Longest life of a fetched key set, whatever `max-age` says: a day, so that a rotation is seen.
pub const KEY_SET_AGE_MS_MAX: u64 = 24 * 3600 * 1000;

// --- net ------------------------------------------------------------------

/// Bytes of one `Bytes` event: with the event queue's bound this caps what waits to be read.
pub const READ_BYTES_MAX: usize = 16 * 1024;
/// Longest WebSocket message: one frame of the largest size with its length field.
pub const WEBSOCKET_MESSAGE_BYTES_MAX: usize = FRAME_BYTES_MAX + 3;
/// Bytes that may wait for a peer that does not read: the largest frame, and as much again.
pub const WRITE_QUEUE_BYTES_MAX: usize = 2 * WEBSOCKET_MESSAGE_BYTES_MAX;
/// Connections that one `Net` serves at a time; far below the usual limit of descriptors.
pub const CONNECTIONS_MAX: usize = 512;
/// Bytes of an oversize HTTP body that are read and dropped, so that the sender sees its 413.
pub const HTTP_DISCARD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Longest wait for a connection, a WebSocket upgrade included, to come about.
pub const OPEN_WAIT_MS_MAX: u64 = 10_000;
/// Longest silence of a chat connection before its first byte: as the handshake's (`wire.md` §8.2).
pub const FIRST_BYTE_WAIT_MS_MAX: u64 = 20_000;
/// Longest silence of an HTTP connection, between requests too; then it gives up its place.
pub const HTTP_IDLE_MS_MAX: u64 = 60_000;
/// Longest wait for the session's answer to an HTTP request; then it is 503.
pub const RESPOND_WAIT_MS_MAX: u64 = 30_000;
/// Longest wait for the whole answer to an HTTP request of ours, and for a peer's request body.
pub const FETCH_WAIT_MS_MAX: u64 = 10_000;
/// The same for a request of ours that a scenario slows down itself.
pub const STRAINED_WAIT_MS_MAX: u64 = 40_000;
/// Bytes that a raw probe keeps of what a server says: a few answers and their pages.
pub const PROBE_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a body that are kept of what is read piece by piece: a small file, to be compared whole.
pub const READ_BYTES_KEPT: usize = 256 * 1024;
/// Bytes that one connection may send to a scenario's stubs: some requests of the largest size that
/// anything here is asked with.
pub const STUB_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Connections to a scenario's stubs at a time.
pub const STUB_CONNECTIONS_MAX: usize = 64;
/// Requests behind a media proxy that one probe of it keeps: far more than its readers make.
pub const PROXY_CONTACTS_MAX: usize = 256;
/// Silence after which a server that has not closed a connection keeps it open, for a probe.
pub const PROBE_QUIET_MS: u64 = 2_000;
/// Longest wait for queued bytes to leave after a close, and then for the peer's own close.
pub const CLOSE_WAIT_MS_MAX: u64 = 5_000;

/// Bytes of a body that breaks off or is sent in pieces which may wait in one piece: what a faulty
/// host of media sends is made whole before it is sent.
pub const DELIVERY_PIECES_MAX: usize = 4096;
/// Pieces of a body with a pause between them: enough that no reader gets it in one read, few enough
/// to cost no time.
pub const DELIVERY_PAUSES_MAX: usize = 64;
/// Pieces of a request or an answer of ours that pass with a pause between them: the same, for both
/// the head and what follows it.
pub const STRAIN_PAUSES_MAX: usize = 256;
/// Requests to a scenario's HTTP doubles that wait to be recorded: more than any scenario expects, so
/// that a flood shows and takes no memory.
pub const STUB_REQUESTS_WAITING_MAX: usize = 256;
/// Pieces of a shared body that wait for one of its readers: they are one and the same in memory for all
/// of them, so that a slow one costs no more than this.
pub const RELAY_PIECES_WAITING_MAX: usize = 4;
/// Receive buffer of a caller that reads slowly: small, so that its server's writes have to wait.
pub const SLOW_READER_BUFFER_BYTES: u32 = 4096;
/// Longest silence of a server whose file is passed on; then the reader's connection ends too.
pub const RELAY_WAIT_MS_MAX: u64 = 10_000;

// --- driver and IUT -------------------------------------------------------

/// Longest line of the driver protocol.
pub const DRIVER_LINE_BYTES_MAX: usize = 1024 * 1024;
/// Lines of an adapter's log that are kept per case; the newest stay.
pub const LOG_LINES_MAX: usize = 2000;
/// Longest line of an adapter's log that is kept; its beginning stays. Stack frames are shorter.
pub const LOG_LINE_BYTES_MAX: usize = 4096;
/// Files of all `logs:` together, directories unfolded: more is no log of one client.
pub const LOG_FILES_MAX: usize = 64;
/// Bytes of a log file that are read for one case; the newest stay.
pub const LOG_FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Reports of a crash that are kept per process; the oldest stay, since the first is the cause.
pub const ALARMS_MAX: usize = 100;
/// Lines that wait for an adapter to read them; beyond it the sender waits.
pub const DRIVER_LINES_QUEUED_MAX: usize = 64;
/// Longest wait between a request to stop and the kill.
pub const STOP_WAIT_MS_MAX: u64 = 2000;
/// Longest wait for a process whose output ended to be gone, and for the rest of its log.
pub const EXIT_WAIT_MS_MAX: u64 = 1000;
/// Longest wait for each answer while an instance starts, where the IUT file sets no other: a runtime
/// that loads hundreds of modules takes seconds, and several times that on a busy CI machine.
pub const START_WAIT_MS_MAX: u64 = 30_000;
/// Longest silence that is no hang, where the IUT file sets no other (ROB-002).
pub const OPERATION_WAIT_MS_MAX: u64 = 10_000;

// --- run ------------------------------------------------------------------

/// Bytes of a connection that nobody has logged in over: an intro and a handshake, and as much again.
pub const LOBBY_BYTES_MAX: usize = 2 * (HANDSHAKE_BYTES_MAX + ROUTING_BYTES_MAX);
/// Longest wait for a user to go offline when its case is over.
pub const LEAVE_WAIT_MS_MAX: u64 = 2000;
/// Starts that may fail in a row; then nothing will start (`harness.md`, "Driving the IUT").
pub const DEAD_STARTS_MAX: u32 = 3;

// --- role -----------------------------------------------------------------

/// Stanzas that wait for one user's ack; a user who never acks loses the oldest.
pub const MAILBOX_STANZAS_MAX: usize = 10_000;
/// Bytes that wait for one user's ack: two of the largest frames.
pub const MAILBOX_BYTES_MAX: usize = 32 * 1024 * 1024;
/// One-time prekeys that are kept of one user: real clients upload some hundreds.
pub const PREKEYS_KEPT_MAX: usize = 65_536;
/// One-time prekeys that one Meta client makes; then its bundles come without, as a service does
/// whose stock is used up.
pub const PREKEYS_MADE_MAX: usize = 10_000;
/// Messages of one Meta client that can be sent again.
pub const SENT_REMEMBERED_MAX: usize = 10_000;

/// Keys of a partner whose tokens are remembered: a rotation a day, for years.
pub const SIGNERS_REMEMBERED_MAX: usize = 1000;
/// One-time prekeys of a user that are remembered to find repeated ones: many uploads of the
/// largest size that open clients use (`wire.md` §4.4).
pub const PREKEYS_REMEMBERED_MAX: usize = 100_000;

/// Files that Meta's media host keeps for one case.
pub const FILES_HOSTED_MAX: usize = 256;
/// Largest file that a Meta client fetches: far above the limits of the native client (`wire.md`
/// §8.1), so that one byte over the profile's limit is seen and not only refused.
pub const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Requests of one probe of a media server.
pub const PROBE_REQUESTS_MAX: usize = 256;
/// Media keys that are remembered to find repeated ones.
pub const MEDIA_KEYS_REMEMBERED_MAX: usize = 10_000;

// --- scenario and evidence ------------------------------------------------

/// Largest scenario, profile, catalogue or IUT file.
pub const YAML_BYTES_MAX: usize = 1024 * 1024;
/// Deepest nesting of such a file: people write six levels, and deeper ones exhaust a stack.
pub const YAML_DEPTH_MAX: usize = 32;
/// Most profiles that extend each other: ends a chain that comes back to itself.
pub const PROFILE_CHAIN_MAX: usize = 8;
/// Most scenario files below one directory: ends the walk of a directory given by mistake.
pub const SCENARIO_FILES_MAX: usize = 10_000;
/// Most operands and operators in one `needs`: bounds the recursion over its tree.
pub const NEEDS_OPERANDS_MAX: usize = 64;
/// Most characters that a scenario fills a stanza with: more than a message of the Noise
/// specification holds, and far less than a frame.
pub const FILL_CHARS_MAX: usize = 1024 * 1024;
/// Most cases that one matrix expands to.
pub const MATRIX_CASES_MAX: usize = 1024;
/// Largest compiled form of a template's pattern, in bytes.
pub const TEMPLATE_REGEX_BYTES_MAX: usize = 1024 * 1024;
/// Longest payload that a transcript keeps whole; longer ones are length, digest and ends (`interfaces.md` §11).
pub const PAYLOAD_BYTES_MAX: usize = 64 * 1024;
/// Bytes that a fault of the line counts: the largest small frames; longer ones show no more.
pub const FAULT_BYTES_MAX: u16 = 16_384;
/// Writes that a fault of the line holds back: bounds what waits in memory.
pub const FAULT_WRITES_MAX: u16 = 256;
/// Longest delay of a write: far below what counts as a hang, so that it is no reason for one.
pub const FAULT_DELAY_MS_MAX: u64 = 3_000;
/// Steps of one jump of the clock: each costs a call and some milliseconds.
pub const CLOCK_STEPS_MAX: u16 = 500;
/// Pieces of one write that leave with a pause between them: enough that the peer reads its length
/// field and its beginning apart, few enough to cost no time.
pub const FAULT_PAUSES_MAX: usize = 24;
/// HTTP calls that one step sends at once: what makes a burst, and no load test.
pub const CALLS_MAX: u16 = 1000;
/// Entries of one case's transcript: a case that exceeds it is a runaway.
pub const ENTRIES_MAX: usize = 100_000;
/// Bytes of one case's transcript, roughly: a subject that makes it grow beyond is a flood (ROB-003).
pub const TRANSCRIPT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes of the event log that wait for the disk: one write instead of hundreds of small ones.
pub const LOG_HELD_BYTES_MAX: usize = 32 * 1024;
/// Events between the sockets and a session that may wait; beyond it the sender waits.
pub const QUEUE_EVENTS_MAX: usize = 1024;

/// Longest comparison that a finding holds: more lines are no help to a reader.
pub const DIFF_LINES_MAX: usize = 60;

// --- serve ----------------------------------------------------------------

/// Entries that the live checks look back on; and of those that explain later ones.
pub const WINDOW_ENTRIES_MAX: usize = 512;
/// Bytes of entries that the live checks look back on, roughly.
pub const WINDOW_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Third-party users that one counterpart hosts: more than one developer has.
pub const HOSTED_USERS_MAX: usize = 64;
/// Texts of test users in one second: two clients that answer each other must not spin.
pub const REPLIES_PER_S_MAX: usize = 50;
/// Blocks of the log that wait for a terminal which is stopped.
pub const SCREEN_BLOCKS_MAX: usize = 4096;
/// Longest wait for a terminal at the end.
pub const SCREEN_WAIT_MS_MAX: u64 = 1000;
/// Largest file of `--log`.
pub const JOURNAL_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Longest line that is typed.
pub const TYPED_BYTES_MAX: usize = 64 * 1024;
/// Enlistments that wait for a third party's keys at a time.
pub const REQUESTS_WAITING_MAX: usize = 64;

// --- reference ------------------------------------------------------------

/// Longest wait of a user's command for Meta's answer: shorter than the harness waits for ours.
pub const COMMAND_WAIT_MS_MAX: u64 = 8_000;
/// Longest wait for the answer to a request or a ping; then the line is dead (`wire.md` §8.2).
pub const ANSWER_WAIT_MS_MAX: u64 = 8_000;
/// Longest pause before a lost connection is tried again.
pub const RECONNECT_WAIT_MS_MAX: u64 = 60_000;
/// Pushes within this time of a wake cause no other one.
pub const WAKE_PAUSE_MS: u64 = 1000;
/// Most one-time prekeys of one upload: far below what a list can hold.
pub const PREKEY_BATCH_MAX: usize = 1000;
/// People whose typing a client shows at a time; a user sees a handful.
pub const TYPING_MAX: usize = 256;
/// Most blocked users whose list a client keeps: far more than anybody blocks by hand.
pub const BLOCKED_MAX: usize = 65_536;
/// Message ids that a client remembers for each purpose: a mailbox of the largest test, and more.
pub const IDS_REMEMBERED_MAX: usize = 10_000;
/// Messages and notices of all conversations that a client remembers.
pub const THREAD_ITEMS_MAX: usize = 20_000;
/// Messages that may wait for the server's ack; beyond it the oldest is given up.
pub const OUTBOX_MAX: usize = 1000;
/// Messages of one sender that the server remembers to tell one that is sent again: what a client
/// may have unacknowledged when its connection is lost.
pub const MESSAGES_REMEMBERED_MAX: usize = 1000;
/// Texts that may wait for their recipients' keys.
pub const DRAFTS_MAX: usize = 1000;
/// Largest body of a push: an identifier and its name, and room for what may be added.
pub const PUSH_BODY_BYTES_MAX: usize = 16 * 1024;
/// Pushes that may wait for Meta's keys.
pub const PUSHES_WAITING_MAX: usize = 1000;
/// Files that a client fetches at a time; the rest fails at once, and the user may ask again.
pub const DOWNLOADS_MAX: usize = 64;
/// Bytes that a third-party server stores: a dozen files of the largest size.
pub const STORE_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Files that it stores.
pub const STORE_FILES_MAX: usize = 10_000;
/// Longest pause that a server's `Retry-After` makes a client keep.
pub const RETRY_AFTER_S_MAX: u64 = 3600;
/// Longest name under which a received file is stored.
pub const FILE_NAME_CHARS_MAX: usize = 100;

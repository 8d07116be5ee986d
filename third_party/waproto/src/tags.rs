// Generated from proto/messages.proto (see README.md). Do not edit.

pub mod cert_chain {
    pub const LEAF: u32 = 1;
    pub const INTERMEDIATE: u32 = 2;
    pub mod noise_certificate {
        pub const DETAILS: u32 = 1;
        pub const SIGNATURE: u32 = 2;
        pub mod details {
            pub const SERIAL: u32 = 1;
            pub const ISSUER_SERIAL: u32 = 2;
            pub const KEY: u32 = 3;
            pub const NOT_BEFORE: u32 = 4;
            pub const NOT_AFTER: u32 = 5;
        }
    }
}
pub mod handshake_message {
    pub const CLIENT_HELLO: u32 = 2;
    pub const SERVER_HELLO: u32 = 3;
    pub const CLIENT_FINISH: u32 = 4;
    pub mod client_finish {
        pub const STATIC: u32 = 1;
        pub const PAYLOAD: u32 = 2;
        pub const EXTENDED_CIPHERTEXT: u32 = 3;
        pub const PADDED_BYTES: u32 = 4;
        pub const SIMULATE_XXKEM_FS: u32 = 5;
    }
    pub mod client_hello {
        pub const EPHEMERAL: u32 = 1;
        pub const STATIC: u32 = 2;
        pub const PAYLOAD: u32 = 3;
        pub const USE_EXTENDED: u32 = 4;
        pub const EXTENDED_CIPHERTEXT: u32 = 5;
        pub const PADDED_BYTES: u32 = 6;
        pub const SEND_SERVER_HELLO_PADDED_BYTES: u32 = 7;
        pub const SIMULATE_XXKEM_FS: u32 = 8;
        pub const PQ_MODE: u32 = 9;
        pub const EXTENDED_EPHEMERAL: u32 = 10;
    }
    pub mod server_hello {
        pub const EPHEMERAL: u32 = 1;
        pub const STATIC: u32 = 2;
        pub const PAYLOAD: u32 = 3;
        pub const EXTENDED_STATIC: u32 = 4;
        pub const PADDING_BYTES: u32 = 5;
        pub const EXTENDED_CIPHERTEXT: u32 = 6;
    }
}
pub mod identity_key_pair_structure {
    pub const PUBLIC_KEY: u32 = 1;
    pub const PRIVATE_KEY: u32 = 2;
}
pub mod pre_key_record_structure {
    pub const ID: u32 = 1;
    pub const PUBLIC_KEY: u32 = 2;
    pub const PRIVATE_KEY: u32 = 3;
}
pub mod pre_key_signal_message {
    pub const REGISTRATION_ID: u32 = 5;
    pub const PRE_KEY_ID: u32 = 1;
    pub const SIGNED_PRE_KEY_ID: u32 = 6;
    pub const BASE_KEY: u32 = 2;
    pub const IDENTITY_KEY: u32 = 3;
    pub const MESSAGE: u32 = 4;
    pub const KYBER_PRE_KEY_ID: u32 = 7;
    pub const KYBER_CIPHERTEXT: u32 = 8;
}
pub mod record_structure {
    pub const CURRENT_SESSION: u32 = 1;
    pub const PREVIOUS_SESSIONS: u32 = 2;
}
pub mod sender_key_distribution_message {
    pub const ID: u32 = 1;
    pub const ITERATION: u32 = 2;
    pub const CHAIN_KEY: u32 = 3;
    pub const SIGNING_KEY: u32 = 4;
}
pub mod sender_key_message {
    pub const ID: u32 = 1;
    pub const ITERATION: u32 = 2;
    pub const CIPHERTEXT: u32 = 3;
}
pub mod sender_key_record_structure {
    pub const SENDER_KEY_STATES: u32 = 1;
}
pub mod sender_key_state_structure {
    pub const SENDER_KEY_ID: u32 = 1;
    pub const SENDER_CHAIN_KEY: u32 = 2;
    pub const SENDER_SIGNING_KEY: u32 = 3;
    pub const SENDER_MESSAGE_KEYS: u32 = 4;
    pub mod sender_chain_key {
        pub const ITERATION: u32 = 1;
        pub const SEED: u32 = 2;
    }
    pub mod sender_message_key {
        pub const ITERATION: u32 = 1;
        pub const SEED: u32 = 2;
    }
    pub mod sender_signing_key {
        pub const PUBLIC: u32 = 1;
        pub const PRIVATE: u32 = 2;
    }
}
pub mod session_structure {
    pub const SESSION_VERSION: u32 = 1;
    pub const LOCAL_IDENTITY_PUBLIC: u32 = 2;
    pub const REMOTE_IDENTITY_PUBLIC: u32 = 3;
    pub const ROOT_KEY: u32 = 4;
    pub const PREVIOUS_COUNTER: u32 = 5;
    pub const SENDER_CHAIN: u32 = 6;
    pub const RECEIVER_CHAINS: u32 = 7;
    pub const PENDING_KEY_EXCHANGE: u32 = 8;
    pub const PENDING_PRE_KEY: u32 = 9;
    pub const REMOTE_REGISTRATION_ID: u32 = 10;
    pub const LOCAL_REGISTRATION_ID: u32 = 11;
    pub const NEEDS_REFRESH: u32 = 12;
    pub const ALICE_BASE_KEY: u32 = 13;
    pub mod chain {
        pub const SENDER_RATCHET_KEY: u32 = 1;
        pub const SENDER_RATCHET_KEY_PRIVATE: u32 = 2;
        pub const CHAIN_KEY: u32 = 3;
        pub const MESSAGE_KEYS: u32 = 4;
        pub mod chain_key {
            pub const INDEX: u32 = 1;
            pub const KEY: u32 = 2;
        }
        pub mod message_key {
            pub const INDEX: u32 = 1;
            pub const CIPHER_KEY: u32 = 2;
            pub const MAC_KEY: u32 = 3;
            pub const IV: u32 = 4;
            pub const SEED: u32 = 100;
        }
    }
    pub mod pending_key_exchange {
        pub const SEQUENCE: u32 = 1;
        pub const LOCAL_BASE_KEY: u32 = 2;
        pub const LOCAL_BASE_KEY_PRIVATE: u32 = 3;
        pub const LOCAL_RATCHET_KEY: u32 = 4;
        pub const LOCAL_RATCHET_KEY_PRIVATE: u32 = 5;
        pub const LOCAL_IDENTITY_KEY: u32 = 7;
        pub const LOCAL_IDENTITY_KEY_PRIVATE: u32 = 8;
    }
    pub mod pending_pre_key {
        pub const PRE_KEY_ID: u32 = 1;
        pub const SIGNED_PRE_KEY_ID: u32 = 3;
        pub const BASE_KEY: u32 = 2;
        pub const KYBER_PRE_KEY_ID: u32 = 4;
        pub const KYBER_CIPHERTEXT: u32 = 5;
    }
}
pub mod signal_message {
    pub const RATCHET_KEY: u32 = 1;
    pub const COUNTER: u32 = 2;
    pub const PREVIOUS_COUNTER: u32 = 3;
    pub const CIPHERTEXT: u32 = 4;
}
pub mod signed_pre_key_record_structure {
    pub const ID: u32 = 1;
    pub const PUBLIC_KEY: u32 = 2;
    pub const PRIVATE_KEY: u32 = 3;
    pub const SIGNATURE: u32 = 4;
    pub const TIMESTAMP: u32 = 5;
}
